"""ACC-003: each required audit of the provider is passed and in date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.subject import Concern, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from inventories.models import Audit
    from policies.subject import Subject

CONCERN = Concern(placed=True)


def check(subject: Subject) -> Iterator[Violation]:
    """The latest audit of a kind decides, whatever an older one says."""
    on = subject.facts.on
    for target in subject.targets:
        for kind in sorted(subject.facts.profile.required_audits):
            fault = _fault(target.provider.audit(kind, on=on), on)
            if fault:
                got = f"{target.provider.id} with {fault}"
                yield Violation(
                    f"{target.path} ({kind} audit)", got, f"a passed {kind} audit in date on {on}", public=True
                )


def _fault(audit: Audit | None, on: date) -> str:
    if audit is None:
        return "none on record"
    if audit.outcome != "passed":
        return f"the outcome {audit.outcome} of {audit.held_on}"
    return f"one that ended on {audit.valid_until}" if audit.valid_until < on else ""
