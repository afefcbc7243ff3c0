"""The report for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.wording import by_rule, one_line, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reports.record import Finding, Report


def as_text(report: Report) -> Iterator[str]:
    """Findings under their rule and department, what is waived apart, and the outcome last."""
    yield from (f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    head = report.head
    against = f"on {head.on}, register {head.register[:12]}, profile {one_line(head.profile)}"
    yield from _grouped(report.refusals)
    for title, findings in (("advice", report.advices), ("waived", report.waived)):
        if findings:
            yield f"{title}: {len(findings)}"
            yield from (f"  {line}" for line in _grouped(findings))
    if report.unread:
        yield f"not read: {len(report.unread)}"
        for one in report.unread:
            yield f"  {one_line(one.file)}: {one_line(one.what)}"
    yield f"{head.operation}: {verdict(report)}; {report.resources} resources judged {against}"


def _grouped(findings: Iterable[Finding]) -> Iterator[str]:
    for rule, departments in by_rule(findings):
        first = departments[0][1][0]
        yield f"{one_line(rule)} {one_line(first.severity)}: {one_line(first.title)}"
        for department, some in departments:
            yield f"  {one_line(department or 'no department')}: {len(some)}"
            for one in some:
                waived = f" (waiver {one_line(one.waiver)})" if one.waiver else ""
                where = " · ".join(one_line(part) for part in (one.file, one.stack) if part)
                yield f"    {where}{waived}" if where or waived else "    -"
                yield f"      {one_line(one.message)}"
