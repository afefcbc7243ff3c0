"""The Pulumi CLI's event stream: a loopback service it writes to, a way to pass events on, a filter for its noise.

Protocol: `sdk/proto/pulumi/events.proto`; the events are those of `sdk/go/common/apitype/events.go`.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import events_pb2, events_pb2_grpc

from engine.engine_service import GRPC_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_START: Final = "Traceback (most recent call last):"
_BETWEEN: Final = ("During handling of the above exception", "The above exception was the direct cause", _START)
_LAST_EVENTS_S: Final = 5


class _Events(events_pb2_grpc.EventsServicer):
    def __init__(self, take: Callable[[dict[str, Any]], None]) -> None:
        self._take = take

    def StreamEvents(self, request_iterator: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the protocol's method
        for request in request_iterator:
            self._take(json.loads(request.event))
        return empty_pb2.Empty()


@contextmanager
def serve_events(take: Callable[[dict[str, Any]], None]) -> Iterator[str]:
    """Receive events while the block runs; yields the address for `--event-log`. All events are taken at its end."""
    server = grpc.server(ThreadPoolExecutor(1, "cli-events"), options=GRPC_OPTIONS)
    events_pb2_grpc.add_EventsServicer_to_server(_Events(take), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        server.stop(grace=_LAST_EVENTS_S).wait()


def relay_events(address: str, events: Iterable[dict[str, Any]]) -> None:
    """Send events to another such service, at `HOST:PORT`; it has taken them all when this returns."""
    with grpc.insecure_channel(address, options=(*GRPC_OPTIONS, ("grpc.enable_http_proxy", 0))) as channel:
        requests = (events_pb2.EventRequest(event=json.dumps(event)) for event in events)
        events_pb2_grpc.EventsStub(channel).StreamEvents(requests)


class TracebackFilter:
    """Passes events on, without the KeyboardInterrupt traceback a program prints when the CLI ends it.

    The traceback comes as messages of severity `info#err`, one or more lines each; it is held back until its last line
    says what it is. Any other traceback is passed on whole.
    """

    def __init__(self, take: Callable[[dict[str, Any]], None]) -> None:
        self._take = take
        self._held: list[dict[str, Any]] = []

    def __call__(self, event: dict[str, Any]) -> None:
        body = event.get("diagnosticEvent", {})
        if body.get("severity") != "info#err":
            self._take(event)
            return
        holding = bool(self._held)
        for line in str(body.get("message", "")).splitlines() or [""]:
            verdict = _judge(line, holding=holding)
            holding = True
            if verdict == "drop":
                self._held.clear()
                return
            if verdict == "pass":
                self.close()
                self._take(event)
                return
        self._held.append(event)

    def close(self) -> None:
        """Passes on what is still held back."""
        for event in self._held:
            self._take(event)
        self._held.clear()


def _judge(line: str, *, holding: bool) -> str:
    """`hold` a line that may be part of a traceback, `drop` what it ends, or `pass` everything on."""
    if line.startswith(_BETWEEN) or (holding and (not line.strip() or line.startswith(" "))):
        return "hold"
    if line.startswith("KeyboardInterrupt") and holding:
        return "drop"
    return "pass"
