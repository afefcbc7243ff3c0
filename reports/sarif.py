"""The report as a SARIF 2.1.0 log (OASIS Static Analysis Results Interchange Format)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from reports.streaming import written
from reports.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.record import Finding, Report, Rule, Unread

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
# GitHub's order of security alerts: a number from 0 to 10, as text.
_SCORES: Final = {"critical": "9.5", "high": "8.0", "medium": "5.5"}


def as_sarif(report: Report) -> Iterator[str]:
    """Waived findings are results with a suppression; a file that could not be read is a failed invocation."""
    index = {rule.id: number for number, rule in enumerate(report.rules)}
    head = report.head
    run = {
        "tool": {"driver": {"name": "onshore", "version": head.version, "rules": [_rule(one) for one in report.rules]}},
        "invocations": [
            {
                "executionSuccessful": not report.unread,
                "toolExecutionNotifications": [_notification(one) for one in report.unread],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": (_result(one, index[one.rule]) for one in report.findings),
        "properties": {
            "operation": head.operation,
            "register": head.register,
            "profile": head.profile,
            "on": head.on.isoformat(),
            "resources": report.resources,
        },
    }
    yield from written({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})
    yield "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": _plain(rule.title)},
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "severity": rule.severity,
            "security-severity": _SCORES.get(rule.severity, "9.5"),
            "tags": ["security"],
        },
    }


def _result(one: Finding, index: int) -> dict[str, Any]:
    said = json.dumps([one.rule, one.stack, one.urn, one.path])
    result: dict[str, Any] = {
        "ruleId": one.rule,
        "ruleIndex": index,
        "level": "error" if one.level == "mandatory" else "note",
        "message": {"text": _plain(one.message)},
        "locations": [_location(one.file, one.urn)],
        "partialFingerprints": {"resource/v1": hashlib.sha256(said.encode()).hexdigest()},
        "properties": {"stack": one.stack, "department": one.department, "path": one.path},
    }
    if one.waiver:
        justification = f"waiver {_plain(one.waiver)}"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": justification}]
    return result


def _location(file: str, urn: str = "") -> dict[str, Any]:
    location: dict[str, Any] = {}
    if file:
        # A line is asked for by some readers; what was judged is a resource, not a line.
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(file)}, "region": {"startLine": 1}}
    if urn:
        location["logicalLocations"] = [{"fullyQualifiedName": urn, "kind": "resource"}]
    return location


def _notification(one: Unread) -> dict[str, Any]:
    return {"level": "error", "message": {"text": _plain(one.what)}, "locations": [_location(one.file)]}


def _plain(text: str) -> str:
    """Text in which nothing is a link: `[words](address)` would be one."""
    return one_line(text).replace("](", "] (")


def _uri(file: str) -> str:
    path = quote(file.encode("utf-8", "surrogatepass"))
    return f"file://{path}" if path.startswith("/") else path
