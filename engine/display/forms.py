"""Machine forms of a run: the CLI's `preview --json` document and its event log.

Forms: `pkg/backend/display/json.go`, `pkg/display/json.go`.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final

from engine.display.run import name_of
from engine.display.values import plain
from engine.values import SIGNATURE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

_STACK: Final = "pulumi:pulumi:Stack"
_PARTS_OF_A_REPLACEMENT: Final = frozenset(
    {"create-replacement", "delete-replaced", "import-replacement", "read-replacement", "discard-replaced"}
)
_STATE_FLAGS: Final = ("delete", "protect", "taint", "external", "retainOnDelete")


class EventLog:
    """Writes each event as one line of JSON, as `--event-log` does. May be called from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, event: dict[str, Any]) -> None:
        line = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
        with self._lock:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def close(self) -> None:
        """Nothing is held back; the stream belongs to the caller."""


def preview_json(events: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The document `pulumi preview --json` prints, of a preview's events.

    `same` steps are left out but for the root stack's, as are the parts of a replacement and default providers. A new
    state is the one its step began with: outputs are not known then, but for a replacement, whose new copy comes first.
    Fields that events do not carry (dependencies, times, source positions) are absent.
    """
    config: dict[str, Any] = {}
    steps: list[dict[str, Any]] = []
    diagnostics: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    for event in events:
        if body := event.get("preludeEvent"):
            config = body.get("config") or {}
        elif body := event.get("resourcePreEvent"):
            steps += _step(body["metadata"])
        elif body := event.get("diagnosticEvent"):
            diagnostics += _diagnostic(body)
        elif body := event.get("summaryEvent"):
            summary = body
    document: dict[str, Any] = {"config": config, "steps": steps, "diagnostics": diagnostics}
    document["duration"] = int((summary.get("durationSeconds") or 0) * 1_000_000_000)
    document["changeSummary"] = dict(summary.get("resourceChanges") or {})
    if summary.get("maybeCorrupt"):
        document["maybeCorrupt"] = True
    return {key: value for key, value in document.items() if value or key not in {"config", "diagnostics"}}


def _step(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    op, urn, kind = metadata["op"], metadata["urn"], metadata.get("type", "")
    is_default_provider = kind.startswith("pulumi:providers:") and name_of(urn).startswith("default")
    idle = op == "same" and kind != _STACK and not _protection_changes(metadata)
    if op in _PARTS_OF_A_REPLACEMENT or is_default_provider or idle:
        return []
    step: dict[str, Any] = {"op": op, "urn": urn}
    if metadata.get("provider"):
        step["provider"] = metadata["provider"]
    for key, state in (("oldState", metadata.get("old")), ("newState", metadata.get("new"))):
        if state:
            step[key] = _state(state)
    if metadata.get("diffs"):
        step["diffReasons"] = list(metadata["diffs"])
    if metadata.get("keys"):
        step["replaceReasons"] = list(metadata["keys"])
    detailed = metadata.get("detailedDiff")
    step["detailedDiff"] = detailed and {
        path: {"kind": diff.get("diffKind", "update"), "inputDiff": bool(diff.get("inputDiff"))}
        for path, diff in detailed.items()
    }
    return [step]


def _protection_changes(metadata: dict[str, Any]) -> bool:
    """What is the same but for its protection is shown."""
    old, new = (bool((metadata.get(key) or {}).get("protect")) for key in ("old", "new"))
    return old != new


def _state(state: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"urn": state["urn"], "custom": bool(state.get("custom"))}
    shown |= {flag: True for flag in _STATE_FLAGS if state.get(flag)}
    shown |= {"id": state.get("id"), "type": state["type"]}
    shown |= {"inputs": _masked(state.get("inputs")), "outputs": _masked(state.get("outputs"))}
    shown |= {"parent": state.get("parent"), "provider": state.get("provider"), "initErrors": state.get("initErrors")}
    return {key: value for key, value in shown.items() if value or key == "custom"}


def _masked(value: Any) -> Any:
    """Property values with secrets as words; unknowns stay as they are on the wire, for programs to recognise."""
    if isinstance(value, dict):
        return plain(value) if SIGNATURE_KEY in value else {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value


def _diagnostic(body: dict[str, Any]) -> list[dict[str, Any]]:
    if body.get("ephemeral") or body.get("severity") == "debug":
        return []
    shown = {
        "urn": body.get("urn"),
        "message": f"{body.get('prefix', '')}{body['message']}",
        "severity": body["severity"],
    }
    return [{key: value for key, value in shown.items() if value}]
