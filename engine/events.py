"""Engine events in the Pulumi CLI's JSON form (`sdk/go/common/apitype/events.go`), delivered in order on one thread."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from engine import wire
from engine.saving.json_values import encode_value
from engine.urn import STACK_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.state import ResourceState
    from engine.steps import Step
    from engine.values import PropertyMap


class EventStream:
    """Numbers events, keeps them, and hands each to a listener that never runs on an engine thread.

    A listener on the calling thread could print into the program's captured output, or slow the run.
    """

    def __init__(self, listener: Callable[[dict[str, Any]], None] | None) -> None:
        self.events: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._listener = listener
        self._thread = threading.Thread(target=self._deliver, name="engine-events", daemon=True) if listener else None
        self.listener_error: BaseException | None = None
        if self._thread:
            self._thread.start()

    def emit(self, name: str, body: Mapping[str, Any]) -> None:
        """Appends one event."""
        with self._lock:
            event = {"sequence": len(self.events), "timestamp": int(time.time()), name: dict(body)}
            self.events.append(event)
            if self._thread:
                self._queue.put(event)

    def diagnostic(self, severity: str, message: str, *, urn: str = "", ephemeral: bool = False) -> None:
        """A message to people; `severity` is debug, info, info#err, warning or error."""
        body: dict[str, Any] = {"message": message if message.endswith("\n") else f"{message}\n", "color": "never"}
        if urn:
            body["urn"] = urn
        if not ephemeral:
            body["prefix"] = f"{severity}: "
        body["severity"] = severity
        if ephemeral:
            body["ephemeral"] = True
        self.emit("diagnosticEvent", body)

    def close(self) -> None:
        """Delivers what is left; raises what the listener raised."""
        if self._thread:
            self._queue.put(None)
            self._thread.join()
        if self.listener_error is not None:
            raise self.listener_error

    def _deliver(self) -> None:
        while (event := self._queue.get()) is not None:
            if self._listener is not None and self.listener_error is None:
                try:
                    self._listener(event)
                except BaseException as error:  # noqa: BLE001 - carried to the caller's thread in close()
                    self.listener_error = error


def _masked(_text: str) -> str:
    return "[secret]"


def shown(properties: PropertyMap) -> dict[str, Any]:
    """Properties for an event: secrets read `[secret]`."""
    encoded: dict[str, Any] = encode_value(properties, _masked)
    return encoded


def step_metadata(step: Step) -> dict[str, Any]:
    """The `metadata` of a resource event."""
    metadata: dict[str, Any] = {
        "op": step.op,
        "urn": step.urn,
        "type": step.type,
        "old": _state(step.old),
        "new": _state(step.new),
    }
    if step.keys:
        metadata["keys"] = list(step.keys)
    if step.diffs:
        metadata["diffs"] = list(step.diffs)
    metadata["detailedDiff"] = (
        None
        if step.detailed is None
        else {path: {"diffKind": change.kind, "inputDiff": change.input_diff} for path, change in step.detailed.items()}
    )
    metadata["logical"] = step.logical
    metadata["provider"] = step.provider
    return metadata


def _state(state: ResourceState | None) -> dict[str, Any] | None:
    if state is None:
        return None
    result: dict[str, Any] = {"type": state.type, "urn": state.urn}
    flags = {
        "custom": state.custom,
        "delete": state.delete,
        "protect": state.protect,
        "external": state.external,
        "retainOnDelete": state.retain_on_delete,
    }
    result.update({name: True for name, value in flags.items() if value})
    # the CLI shows no id for an unknown one
    result["id"] = state.id if isinstance(state.id, str) else ""
    result["parent"] = state.parent
    result["inputs"] = shown(state.inputs)
    result["outputs"] = shown(state.outputs)
    result["provider"] = state.provider
    if state.init_errors:
        result["initErrors"] = list(state.init_errors)
    if state.hide_diff:
        result["hideDiffs"] = list(state.hide_diff)
    return result


def visible_outputs(outputs: PropertyMap) -> dict[str, Any]:
    """Stack outputs for people: secrets read "[secret]", everything else is plain JSON data."""
    return {
        key: "[secret]" if wire.contains_secret(value) else encode_value(value, _masked)
        for key, value in outputs.items()
    }


def is_root_stack(state: ResourceState) -> bool:
    """Whether the resource is the stack itself."""
    return state.type == STACK_TYPE and not state.parent
