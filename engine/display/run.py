"""What happened so far, folded from events: pure, and the same for every display.

Event forms: `sdk/go/common/apitype/events.go`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from engine.display.values import label, printable

_STACK: Final = "pulumi:pulumi:Stack"
_DELETIONS: Final = ("delete", "delete-replaced")
_HIDDEN_SEVERITIES: Final = frozenset({"debug"})


@dataclass(slots=True)
class Row:
    """One resource. `status` is running, done or failed; `op` the last operation seen; times in seconds.

    `message`: its last status line.
    """

    urn: str
    type: str
    name: str
    parent: str = ""
    op: str = "same"
    status: str = ""
    started: float = 0.0
    took: float = 0.0
    message: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def is_stack(self) -> bool:
        """Whether it is the stack itself."""
        return self.type == _STACK and not self.parent

    @property
    def is_internal(self) -> bool:
        """Default providers: the engine's own affair."""
        return self.type.startswith("pulumi:providers:") and self.name.startswith("default")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A message about a resource, or about the run when `urn` is empty."""

    urn: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A policy's finding."""

    urn: str
    policy: str
    pack: str
    level: str
    message: str


class Run:
    """One phase (a preview, an update...) and what it has said; `feed` it events in order."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.diagnostics: dict[Diagnostic, int] = {}
        self.violations: dict[Violation, None] = {}
        self.remediations: dict[Violation, None] = {}
        self.outputs: dict[str, Any] = {}
        self.summary: dict[str, Any] | None = None
        self.is_preview = False

    def feed(self, event: dict[str, Any], now: float) -> Row | None:
        """Takes one event at a time in seconds; returns the row it was about, if any."""
        if body := event.get("resourcePreEvent"):
            self.is_preview = self.is_preview or bool(body.get("planning"))
            return self._started(body["metadata"], now)
        if body := event.get("resOutputsEvent"):
            return self._ended(body["metadata"], "done", now)
        if body := event.get("resOpFailedEvent"):
            return self._ended(body["metadata"], "failed", now)
        if body := event.get("diagnosticEvent"):
            return self._said(body)
        if body := event.get("policyEvent"):
            self.violations[_violation(body)] = None
        elif body := event.get("policyRemediationEvent"):
            self.remediations[_violation(body)] = None
        elif body := event.get("summaryEvent"):
            self.summary = body
            self.is_preview = bool(body.get("isPreview"))
        return None

    def _started(self, metadata: dict[str, Any], now: float) -> Row:
        row = self._row(metadata)
        row.status, row.started, row.took, row.message = "running", now, 0.0, ""
        return row

    def _ended(self, metadata: dict[str, Any], status: str, now: float) -> Row:
        row = self._row(metadata)
        row.status, row.took = status, max(0.0, now - (row.started or now))
        if self.is_preview or (status == "done" and row.op in _DELETIONS):
            row.message = ""  # what is gone waits for nothing any more
        if row.is_stack:
            self.outputs = (metadata.get("new") or {}).get("outputs") or {}
        return row

    def _row(self, metadata: dict[str, Any]) -> Row:
        urn = metadata["urn"]
        row = self.rows.get(urn)
        if row is None:
            row = self.rows[urn] = Row(urn, label(metadata.get("type") or type_of(urn)), name_of(urn))
        state = metadata.get("new") or metadata.get("old") or {}
        row.parent = state.get("parent") or row.parent
        row.op, row.metadata = metadata["op"], metadata
        return row

    def _said(self, body: dict[str, Any]) -> Row | None:
        severity, urn = body.get("severity", "info"), body.get("urn", "")
        message = printable(body.get("message", "")).rstrip()
        row = self.rows.get(urn)
        if severity in _HIDDEN_SEVERITIES:
            return None
        if body.get("ephemeral"):
            if row:
                row.message = message.partition("\n")[0]
            return row
        if message:
            diagnostic = Diagnostic(urn, severity, message)
            self.diagnostics[diagnostic] = self.diagnostics.get(diagnostic, 0) + 1
        return row


def _violation(body: dict[str, Any]) -> Violation:
    version = body.get("policyPackVersion") or ""
    return Violation(
        body.get("resourceUrn", ""),
        body.get("policyName", ""),
        f"{body.get('policyPackName', '').partition('|')[0]}{f' {version}' if version else ''}",
        body.get("enforcementLevel", ""),
        printable(body.get("message", "")).strip(),
    )


def name_of(urn: str) -> str:
    """The resource's name as it is shown; the text itself when it is no URN."""
    parts = urn.split("::", 3)
    return label(parts[3] if len(parts) == 4 else urn)


def type_of(urn: str) -> str:
    """The resource's own type as it is shown."""
    parts = urn.split("::", 3)
    return label(parts[2].rpartition("$")[2]) if len(parts) == 4 else ""
