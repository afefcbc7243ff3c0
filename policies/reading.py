"""Reading another stack: what may flow from where to where, and how a lawful reading looks in a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inventories.deviations import declassification_faults

if TYPE_CHECKING:
    from collections.abc import Collection

    from inventories.models import Category
    from policies.subject import Facts

READING: Final = "onshore:index:StackReading"
REFERENCE: Final = "pulumi:pulumi:StackReference"


def needed(
    from_stack: str, from_category: str, to_stack: str, own: Category | None, outputs: Collection[str], facts: Facts
) -> str:
    """What would have to hold for these outputs to be read on this day; "" when it holds.

    Stacks are named `project/stack`. A reader without a category counts as the least sensitive there is.
    """
    read = facts.profile.category(from_category)
    here = own or min(facts.profile.categories, key=lambda category: category.rank)
    if read is None:
        return f"one of {', '.join(category.id for category in facts.profile.categories)}"
    if read.rank <= here.rank:
        return ""
    covering = [
        record
        for record in facts.declassifications
        if outputs and record.covers(from_stack, to_stack, outputs) and not declassification_faults(record)
    ]
    if any(record.state(on=facts.on) == "in force" for record in covering):
        return ""
    told = [
        f"{record.id} ended on {record.ends_on}"
        if record.state(on=facts.on) == "ended"
        else f"{record.id} begins on {record.starts_on}"
        for record in covering
    ]
    allowed = f"{here.id} data or less, or all of these outputs declassified on {facts.on}"
    return "; ".join((allowed, *told))


def is_reference(urn: str) -> bool:
    """Whether a URN is that of a reference to another stack."""
    parts = urn.split("::", 3)
    return len(parts) == 4 and parts[2].rpartition("$")[2] == REFERENCE


def reference_of(reading: str) -> str:
    """The URN of the reference that a reading reads through: its child, named after it."""
    parts = reading.split("::", 3)
    return "::".join((*parts[:2], f"{parts[2]}${REFERENCE}", f"{parts[3]}-outputs")) if len(parts) == 4 else ""
