"""The one error of the rooms that know the law: all faults at once, each with what, got, why and fix."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINE: Final = re.compile(r"(.+?):(\d+)(?::|$)")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong.

    `where` is `file:line:path` for data, a URN or a name otherwise; `what` says what is wrong, `got` the offending
    value (never a secret), `why` the reason or its legal source, `fix` the next step of the person who reads it.
    """

    where: str
    what: str
    got: str = ""
    why: str = ""
    fix: str = ""

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        parts += [
            f"{label}: {text}" for label, text in (("got", self.got), ("why", self.why), ("fix", self.fix)) if text
        ]
        return "\n    ".join(parts)


def by_line(faults: Iterable[Fault]) -> list[Fault]:
    """Faults by the lines of their files; the files in the order in which they first come."""
    files: dict[str, int] = {}
    placed: list[tuple[int, int, Fault]] = []
    for fault in faults:
        found = _LINE.match(fault.where)
        file, line = (found[1], int(found[2])) if found else (fault.where, 0)
        placed.append((files.setdefault(file, len(files)), line, fault))
    return [fault for *_, fault in sorted(placed, key=lambda one: one[:2])]


class OnshoreError(Exception):
    """What a person can cause and mend: wrong input, or a refusal (`refused`: exit code 3 instead of 2).

    `failed`: what was asked for is sound, and broke off on the way (exit code 1).

    In a Pulumi program it is a `pulumi.RunError` as well: every engine shows the words of one, and no traceback.
    """

    def __new__(cls, *_args: Any, **_named: Any) -> Self:
        # Looked up, not imported: these rooms do without Pulumi, and whoever runs a program has it already.
        run_error = getattr(sys.modules.get("pulumi"), "RunError", None)
        if run_error is None or issubclass(cls, run_error):
            return super().__new__(cls)
        own: Any = cls
        ending: type[Self] = _ending(own, run_error)
        return super().__new__(ending)

    def __init__(
        self, summary: str, faults: Iterable[Fault] = (), *, refused: bool = False, failed: bool = False
    ) -> None:
        self.summary = summary
        self.faults = tuple(faults)
        self.refused = refused
        self.failed = failed
        super().__init__("\n".join([summary, *(f"  {fault}" for fault in self.faults)]))


@cache
def _ending(cls: Any, run_error: Any) -> Any:
    """The class of errors that end a Pulumi program in words.

    What serves components to programs in other languages puts the traceback it finds under the words of any error: here
    it finds none.
    """
    untraced = property(lambda _: None, lambda _, __: None)
    return type(cls.__name__, (cls, run_error), {"__module__": cls.__module__, "__traceback__": untraced})
