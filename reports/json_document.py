"""The report as one JSON document, every finding whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from reports.streaming import written
from reports.wording import counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reports.record import Report


def as_json(report: Report) -> Iterator[str]:
    """`summary` counts what blocks by rule and department; `clean` only when everything was read."""
    head = report.head
    summary = [
        {"rule": rule, "department": department, "refused": count}
        for (rule, department), count in sorted(counts(report.refusals).items())
    ]
    document = {
        "operation": head.operation,
        "version": head.version,
        "register": head.register,
        "profile": head.profile,
        "on": head.on.isoformat(),
        "resources": report.resources,
        "clean": report.clean,
        "summary": summary,
        "findings": (asdict(one) for one in (*report.refusals, *report.advices)),
        "waived": (asdict(one) for one in report.waived),
        "unread": [asdict(one) for one in report.unread],
    }
    yield from written(document)
    yield "\n"
