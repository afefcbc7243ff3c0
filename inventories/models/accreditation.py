"""Where a provider stands with the Cloud Office, and what it was audited for."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from inventories.models.base import DeploymentModel, Record, ServiceKind

AuditKind = Literal["security", "performance", "compliance"]
Standing = Literal["registered", "accredited"]


class Status(StrEnum):
    """Where a provider stands with the Cloud Office on a day."""

    UNKNOWN = "unknown"
    APPLIED = "applied"
    UNDER_REVIEW = "under-review"
    REGISTERED = "registered"
    ACCREDITED = "accredited"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"


class StatusChange(Record):
    """From `effective_on` the provider has this status; an accreditation may end by itself on `valid_until`."""

    status: Status
    effective_on: date
    valid_until: date | None = None
    reference: str = ""
    reason: str = ""

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.valid_until and self.valid_until < self.effective_on:
            raise ValueError(f"valid_until {self.valid_until} lies before effective_on {self.effective_on}")
        return self


class Scope(Record):
    """What an accreditation covers."""

    service_kinds: frozenset[ServiceKind]
    deployment_models: frozenset[DeploymentModel]


class Accreditation(Record):
    """A provider's file at the Cloud Office: its reference, history (oldest first) and scope."""

    reference: str
    history: Annotated[tuple[StatusChange, ...], Field(min_length=1)]
    scope: Scope

    @model_validator(mode="after")
    def _history_in_order(self) -> Self:
        days = [change.effective_on for change in self.history]
        if days != sorted(days) or len(set(days)) != len(days):
            raise ValueError("history must be in order of effective_on, one change a day")
        return self

    def status(self, *, on: date) -> Status:
        """The status on a day; `unknown` before the first change, `expired` after the latest one's end."""
        current = [change for change in self.history if change.effective_on <= on]
        if not current:
            return Status.UNKNOWN
        last = current[-1]
        return Status.EXPIRED if last.valid_until and last.valid_until < on else last.status


class Audit(Record):
    """One ICT audit of a provider by a third party."""

    kind: AuditKind
    held_on: date
    valid_until: date
    outcome: Literal["passed", "failed"]
    auditor: str
    reference: str

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.valid_until < self.held_on:
            raise ValueError(f"valid_until {self.valid_until} lies before held_on {self.held_on}")
        return self
