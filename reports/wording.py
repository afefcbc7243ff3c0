"""How foreign words may stand in a report, and the order in which findings are told."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reports.record import Finding, Report

_LONGEST: Final = 1000


def one_line(text: str, longest: int = _LONGEST) -> str:
    """One printable line of bearable length, cut in its midst: the way out of a finding stands at its end.

    Names are not ours: line breaks, control characters, marks that turn the direction of writing and halves of
    characters become question marks.
    """
    if len(text) > longest:
        text = f"{text[: longest // 2]}…{text[longest // 2 + 1 - longest :]}"
    return "".join(c if c.isprintable() else "?" for c in text)


def by_rule(findings: Iterable[Finding]) -> Iterator[tuple[str, list[tuple[str, list[Finding]]]]]:
    """Findings grouped by rule, and by department within a rule."""
    ordered = sorted(findings, key=lambda one: (one.rule, one.department, one.stack, one.file, one.urn, one.path))
    for rule, own in groupby(ordered, key=lambda one: one.rule):
        yield rule, [(department, list(some)) for department, some in groupby(own, key=lambda one: one.department)]


def verdict(report: Report) -> str:
    """The outcome in a sentence's beginning: whether it is lawful, and how much was judged."""
    if report.unread:
        return f"not everything could be read ({len(report.unread)}), {len(report.refusals)} refused"
    return f"{len(report.refusals)} refused" if report.refusals else "nothing refused"


def counts(findings: Iterable[Finding]) -> Counter[tuple[str, str]]:
    """How many findings there are of each rule in each department."""
    return Counter((one.rule, one.department) for one in findings)
