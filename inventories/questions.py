"""Asking everything that may stand against a thing before saying so."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from inventories.faults import Fault, OnshoreError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Questions:
    """Asks everything that may refuse a thing, then raises all that was found as one OnshoreError."""

    def __init__(self, name: str) -> None:
        self.faults: list[Fault] = []
        self._name = name
        self.found: list[OnshoreError] = []

    def ask(self, question: Callable[[], T]) -> T | None:
        """The answer, or None when it is an error (kept for `settle`)."""
        try:
            return question()
        except OnshoreError as error:
            self.found.append(error)
            return None

    def settle(self) -> None:
        """Raise OnshoreError if anything stands against it, each fault once."""
        errors = list(self.found)
        if self.faults:
            errors.append(OnshoreError(f"{self._name} cannot be built", dict.fromkeys(self.faults), refused=True))
        if len(errors) == 1:
            raise errors[0]
        if errors:
            faults = dict.fromkeys(fault for error in errors for fault in error.faults)
            refused = any(error.refused for error in errors)
            summaries = dict.fromkeys(line for error in errors for line in error.summary.splitlines())
            raise OnshoreError("\n".join(summaries), faults, refused=refused)
