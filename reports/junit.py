"""The report as JUnit XML, the form that test tabs of CI systems read: one suite a rule."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from reports.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reports.record import Finding, Report, Unread

_KINDS = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def as_junit(report: Report) -> Iterator[str]:
    """A rule that found nothing is a passed case; waived is skipped; a file that could not be read is an error."""
    found = defaultdict(list)
    for one in report.findings:
        found[one.rule].append(one)
    # The counts come first: of each rule by the kind of its cases.
    kinds = {rule.id: Counter(map(_kind, found[rule.id])) or Counter({"passed": 1}) for rule in report.rules}
    unread = Counter({"error": len(report.unread)})
    yield _opening("testsuites", f"onshore {report.head.operation}", sum(kinds.values(), unread))
    for rule in report.rules:
        name = f"{one_line(rule.id)} {one_line(rule.title)}"
        cases = map(_case, found[rule.id]) if found[rule.id] else [_passed(rule.id)]
        yield from _suite(name, kinds[rule.id], cases)
    if report.unread:
        yield from _suite("files", unread, map(_missed, report.unread))
    yield "</testsuites>\n"


def _suite(name: str, kinds: Counter[str], cases: Iterable[ET.Element]) -> Iterator[str]:
    yield "  " + _opening("testsuite", name, kinds)
    for case in cases:
        ET.indent(case, level=2)
        yield f"    {ET.tostring(case, encoding='unicode')}\n"
    yield "  </testsuite>\n"


def _opening(tag: str, name: str, kinds: Counter[str]) -> str:
    """The tag that begins an element, with its counts."""
    told = {key: str(kinds[kind]) for kind, key in _KINDS.items()}
    element = ET.Element(tag, {"name": name, "tests": str(kinds.total()), **told})
    element.text = ""
    return ET.tostring(element, encoding="unicode", short_empty_elements=False).removesuffix(f"</{tag}>") + "\n"


def _kind(one: Finding) -> str:
    return "skipped" if one.waiver else "failure" if one.level == "mandatory" else "passed"


def _passed(rule: str) -> ET.Element:
    return ET.Element("testcase", classname=one_line(rule), name="nothing found")


def _missed(missed: Unread) -> ET.Element:
    case = ET.Element("testcase", classname="files", name=one_line(missed.file))
    ET.SubElement(case, "error", type="unread", message=one_line(missed.what))
    return case


def _case(one: Finding) -> ET.Element:
    owner = ".".join(one_line(part) for part in (one.department, one.stack) if part) or "stack"
    name = one_line(" · ".join(part for part in (one.urn, one.path) if part) or one.rule)
    case = ET.Element("testcase", classname=owner, name=name)
    if one.file:
        case.set("file", one_line(one.file))
    message, kind = one_line(one.message), _kind(one)
    if kind == "skipped":
        ET.SubElement(case, kind, message=f"waiver {one_line(one.waiver)}: {message}")
    elif kind == "failure":
        ET.SubElement(case, kind, type=one_line(one.severity), message=message).text = message
    else:
        ET.SubElement(case, "system-out").text = message
    return case
