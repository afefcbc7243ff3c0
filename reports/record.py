"""What a report says, whichever form it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date

Level = Literal["mandatory", "advisory"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was judged, whether it found anything or not."""

    id: str
    severity: str
    title: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule says of a resource; `waiver`: the id of what speaks for it, `file`: where it was found.

    `message` is shown as it is: whoever makes the record leaves secrets out.
    """

    rule: str
    severity: str
    title: str
    urn: str
    path: str
    message: str
    level: Level = "mandatory"
    waiver: str = ""
    stack: str = ""
    department: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be judged: never the same as one in which nothing was found."""

    file: str
    what: str


@dataclass(frozen=True, slots=True)
class Head:
    """Against what was judged: the register's digest, the profile with its version, and the day."""

    operation: str
    version: str
    register: str
    profile: str
    on: date
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one run found; `resources`: how many were judged."""

    head: Head
    findings: tuple[Finding, ...] = ()
    unread: tuple[Unread, ...] = ()
    resources: int = 0

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """What blocks."""
        return tuple(one for one in self.findings if not one.waiver and one.level == "mandatory")

    @property
    def advices(self) -> tuple[Finding, ...]:
        """What is said and does not block."""
        return tuple(one for one in self.findings if not one.waiver and one.level != "mandatory")

    @property
    def waived(self) -> tuple[Finding, ...]:
        """What a waiver speaks for."""
        return tuple(one for one in self.findings if one.waiver)

    @property
    def clean(self) -> bool:
        """Whether everything was read and nothing blocks."""
        return not self.refusals and not self.unread

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that were judged, and those that only findings name, in order of id."""
        known = {rule.id: rule for rule in self.head.rules}
        for one in self.findings:
            known.setdefault(one.rule, Rule(one.rule, one.severity, one.title))
        return tuple(known[key] for key in sorted(known))
