"""The report as JUnit XML, the form that test tabs of CI systems read: one suite a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from reports.wording import one_line

if TYPE_CHECKING:
    from reports.record import Finding, Report


def as_junit(report: Report) -> str:
    """A rule that found nothing is a passed case; waived is skipped; a file that could not be read is an error."""
    root = ET.Element("testsuites", name=f"onshore {report.head.operation}")
    for rule in report.rules:
        name = f"{one_line(rule.id)} {one_line(rule.title)}"
        suite = _suite(root, name)
        own = [one for one in report.findings if one.rule == rule.id]
        for one in own:
            _case(suite, one)
        if not own:
            ET.SubElement(suite, "testcase", classname=one_line(rule.id), name="nothing found")
    if report.unread:
        suite = _suite(root, "files")
        for missed in report.unread:
            case = ET.SubElement(suite, "testcase", classname="files", name=one_line(missed.file))
            ET.SubElement(case, "error", type="unread", message=one_line(missed.what))
    for element in (*root, root):
        for key, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            element.set(key, str(sum(1 for _ in element.iter(tag))))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False)


def _suite(root: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(root, "testsuite", name=name)


def _case(suite: ET.Element, one: Finding) -> None:
    owner = ".".join(one_line(part) for part in (one.department, one.stack) if part) or "stack"
    name = one_line(" · ".join(part for part in (one.urn, one.path) if part) or one.rule)
    case = ET.SubElement(suite, "testcase", classname=owner, name=name)
    if one.file:
        case.set("file", one_line(one.file))
    message = one_line(one.message)
    if one.waiver:
        ET.SubElement(case, "skipped", message=f"waiver {one_line(one.waiver)}: {message}")
    elif one.level == "mandatory":
        ET.SubElement(case, "failure", type=one_line(one.severity), message=message).text = message
    else:
        ET.SubElement(case, "system-out").text = message
