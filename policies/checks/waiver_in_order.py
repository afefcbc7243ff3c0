"""WVR-001: a waiver that names a stack is in order on any day.

Loading refuses a faulty waiver already; this is the second opinion. That a resource relies on a waiver which is over or
has not begun, the dispatcher files under this rule: only there is it known that one is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventories.deviations import waiver_faults
from policies.subject import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject


def check(subject: Subject) -> Iterator[Violation]:
    """Every fault of every waiver that names the stack, told once, on the stack."""
    if not subject.is_stack:
        return
    for waiver in subject.facts.waivers:
        if waiver.names(subject.stack.name):
            for fault in waiver_faults(waiver, subject.facts.rules):
                got = f"{fault.what} ({fault.got or 'nothing'})"
                yield Violation(f"waiver {waiver.id} {fault.where}", got, "a waiver in order", public=True)
