"""A schedule as Kubernetes reads it: five fields of cron, each in its range.

Grammar and ranges: `cron.ParseStandard` of github.com/robfig/cron v3, which Kubernetes validates with. Of what it takes
beside fields (`@daily`, `TZ=…`) nothing is taken here: a job runs in the country's time.
"""

from __future__ import annotations

import re
from typing import Final

from inventories.faults import Fault

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final[tuple[tuple[str, int, int, tuple[str, ...]], ...]] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
_PART: Final = re.compile(r"(?:[*?]|(?P<first>[0-9a-z]+)(?:-(?P<last>[0-9a-z]+))?)(?:/(?P<step>[0-9]{1,9}))?")


def schedule_faults(schedule: str) -> list[Fault]:
    """What keeps a text from being a schedule of Kubernetes, each of its fields by its name."""
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        fix = "minute, hour, day of month, month, day of week: `30 1 * * *` is half past one every night"
        return [Fault("schedule", "not five cron fields", schedule, fix=fix)]
    faults = []
    for field, (name, lowest, highest, words) in zip(fields, _FIELDS, strict=True):
        if not all(_is_cron(part.lower(), lowest, highest, words) for part in field.split(",")):
            known = f"{lowest} to {highest}" + (f" or {words[0]} to {words[-1]}" if words else "")
            fix = f"write numbers from {known}, ranges a-b, lists a,b or steps */n"
            faults.append(Fault("schedule", f"no {name} of a cron schedule", field, fix=fix))
    return faults


def _is_cron(part: str, lowest: int, highest: int, words: tuple[str, ...]) -> bool:
    """Whether a part of a field (`*`, `a`, `a-b`, each with or without `/step`) lies in the field's range."""
    found = _PART.fullmatch(part)
    if found is None or (found["step"] and int(found["step"]) == 0):
        return False
    numbers = {str(number): number for number in range(lowest, highest + 1)}
    known = numbers | {word: lowest + place for place, word in enumerate(words)}
    ends = [known.get(end.lstrip("0") or "0", -1) for end in (found["first"], found["last"]) if end]
    return -1 not in ends and ends == sorted(ends)
