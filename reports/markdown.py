"""The report for a merge request; foreign words stand in code spans, where they can format, link and call nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reports.wording import by_rule, one_line, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reports.record import Finding, Report

_LONGEST: Final = 60_000  # GitHub takes 65,536 characters in a comment
_LONGEST_CELL: Final = 600
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&@$:])")


def as_markdown(report: Report) -> Iterator[str]:
    """Findings under their rule and department, what is waived folded away; cut where a comment would be too long."""
    head = report.head
    mark = "✅" if report.clean else "❌"
    foot = (
        f"_{report.resources} resources judged on {head.on}, register_ {_code(head.register[:12])}_, profile_ "
        f"{_code(head.profile)}"
    )
    lines, size, left_out = [f"## {mark} onshore {head.operation}: {verdict(report)}", ""], 0, 0
    for line in _lines(report):
        size += len(line) + 1
        if size <= _LONGEST:
            lines.append(line)
        else:
            left_out += line.startswith("- ")
    if left_out:
        lines += ["", f"… and {left_out} more: the whole list is in the other forms of this report."]
    yield from (f"{line}\n" for line in (*lines, "", foot))


def _lines(report: Report) -> Iterator[str]:
    yield from _grouped(report.refusals)
    if report.unread:
        yield "### Not read"
        for one in report.unread:
            yield f"- {_code(one.file)} {_code(one.what)}"
        yield ""
    for title, findings in (("Advice", report.advices), ("Waived", report.waived)):
        if findings:
            yield f"### {title}"
            yield from _grouped(findings, level="####")


def _grouped(findings: Iterable[Finding], *, level: str = "###") -> Iterator[str]:
    for rule, departments in by_rule(findings):
        first = departments[0][1][0]
        yield f"{level} {_escaped(rule)} ({_escaped(first.severity)}): {_escaped(first.title)}"
        yield ""
        for department, some in departments:
            yield f"**{_escaped(department or 'no department')}** ({len(some)})"
            yield ""
            for one in some:
                waived = f" waiver {_code(one.waiver)}" if one.waiver else ""
                where = " ".join(_code(part) for part in (one.stack, one.file) if part)
                yield f"- {where}{waived} {_code(one.message)}"
            yield ""


def _code(text: str) -> str:
    """A code span: a backtick, the one thing that could end it, becomes an apostrophe."""
    inner = one_line(text, _LONGEST_CELL).replace("`", "'").strip()
    return f"`{inner or ' - '}`"


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", one_line(text, _LONGEST_CELL))
