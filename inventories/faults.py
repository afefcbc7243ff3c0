"""The one error of the rooms that know the law: all faults at once, each with what, got, why and fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong.

    `where` is `file:line:path` for data, a URN or a name otherwise; `what` says what is wrong, `got` the offending
    value (never a secret), `why` the reason or its legal source, `fix` the next step of the person who reads it.
    """

    where: str
    what: str
    got: str = ""
    why: str = ""
    fix: str = ""

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        parts += [
            f"{label}: {text}" for label, text in (("got", self.got), ("why", self.why), ("fix", self.fix)) if text
        ]
        return "\n    ".join(parts)


class OnshoreError(Exception):
    """What a person can cause and mend: wrong input, or a refusal (`refused`: exit code 3 instead of 2)."""

    def __init__(self, summary: str, faults: Iterable[Fault] = (), *, refused: bool = False) -> None:
        self.summary = summary
        self.faults = tuple(faults)
        self.refused = refused
        super().__init__("\n".join([summary, *(f"  {fault}" for fault in self.faults)]))
