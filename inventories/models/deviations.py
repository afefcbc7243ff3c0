"""Time-bound decisions that a rule does not hold: waivers and declassifications."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from inventories.models.base import Id, Record, Words
from inventories.urn_pattern import matches_urn

if TYPE_CHECKING:
    from collections.abc import Iterable


DeviationState = Literal["in force", "ended", "not begun"]


class _Deviation(Record):
    """What every written deviation says: who answers for it, why, on whose word, and from when to when.

    Whether its fields agree with each other and with its rule is told by `inventories.deviations`.
    """

    id: Id
    owner: Words
    reason: Words
    reference: Words
    starts_on: date
    ends_on: date

    @property
    def days(self) -> int:
        """How many days it is in force, both ends counted."""
        return (self.ends_on - self.starts_on).days + 1

    def state(self, *, on: date) -> DeviationState:
        """Where it stands on a day."""
        if on < self.starts_on:
            return "not begun"
        return "ended" if self.ends_on < on else "in force"


class Waiver(_Deviation):
    """A time-bound deviation (NOC) from one rule, for named stacks and the resources that a pattern names.

    `stacks`: names in full; `*`, for every stack, where the rule allows it. `urn_pattern`: `inventories.urn_pattern`.
    """

    rule: Words
    stacks: Annotated[tuple[Words, ...], Field(min_length=1)]
    urn_pattern: Words
    approving_office: Words

    def names(self, stack: str) -> bool:
        """Whether a stack is among its stacks."""
        return bool(stack) and (stack in self.stacks or "*" in self.stacks)

    def covers(self, rule: str, stack: str, urn: str) -> bool:
        """Whether what a rule says of a resource of a stack lies in its scope, whatever the day."""
        return self.rule == rule and self.names(stack) and matches_urn(self.urn_pattern, urn)


class Declassification(_Deviation):
    """The decision that named outputs of a more sensitive stack may be read into a less sensitive one.

    Stacks are named in full, `project/stack`; outputs one by one, by their names.
    """

    from_stack: Words
    to_stack: Words
    outputs: Annotated[tuple[Words, ...], Field(min_length=1)]
    approver: Words

    def covers(self, from_stack: str, to_stack: str, outputs: Iterable[str]) -> bool:
        """Whether reading these outputs lies in its scope, whatever the day."""
        wanted = set(outputs)
        return (from_stack, to_stack) == (self.from_stack, self.to_stack) and wanted <= set(self.outputs)
