"""A project of a test's own under the embedded engine, and what its runs say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import EmbeddedEngine, Options
from engine.testing import Ran

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Embedded:
    """A folder with a program, whose stack is `test`."""

    root: Path

    def engine(self) -> EmbeddedEngine:
        return EmbeddedEngine(
            self.root,
            backend_url=f"file://{self.root / 'state'}",
            passphrase="correct horse",  # noqa: S106 - a test's
        )

    def attempt(self, operation: str) -> Ran:
        """An operation; it may fail."""
        return Ran(getattr(self.engine(), operation)("test", Options()), ())

    def run(self, operation: str) -> Ran:
        """An operation that has to succeed."""
        ran = self.attempt(operation)
        assert ran.errors == [], told(ran)
        assert ran.result.ok, told(ran)
        return ran


def told(ran: Ran) -> str:
    """Everything a run said about resources."""
    events = [event["diagnosticEvent"] for event in ran.result.events if "diagnosticEvent" in event]
    return "\n".join(event["message"] for event in events)
