"""Calls to a provider plugin: deadlines, cancelling, and what a gRPC error means to the engine.

Rules: `pkg/resource/plugin/provider_plugin.go` (`resourceStateAndError`, `createConfigureError`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from engine.provider import InitFailedError, ProviderError, UnsupportedError
from engine.wire import from_struct

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from engine.provider import CallOptions
    from engine.providers.plugin_process import PluginProcess

_DETAILS_KEY: Final = "grpc-status-details-bin"
# The first three are the CLI's. In the others the connection ended while the plugin was at work.
_UNKNOWN_OUTCOME: Final = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.DATA_LOSS,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait for a plugin, in seconds.

    `answer_s` is for calls that change nothing. A change may take as long as it takes, unless the resource has a
    timeout: then the plugin has `grace_s` more to report that itself. After a cancel, running calls end in `cancel_s`.
    """

    start_s: float = 60.0
    answer_s: float = 900.0
    grace_s: float = 60.0
    cancel_s: float = 30.0


class PluginCalls:
    """Sends requests over one channel; every failure is a ProviderError of the right kind."""

    def __init__(self, channel: grpc.Channel, process: PluginProcess, limits: Limits) -> None:
        self._stub = provider_pb2_grpc.ResourceProviderStub(channel)
        self._process = process
        self._limits = limits
        self._running: set[Any] = set()
        self._lock = threading.Lock()

    def ask(self, method: str, request: Message, *, timeout_s: float | None = None) -> Any:
        """A call that changes nothing."""
        return self._call(method, request, self._limits.answer_s if timeout_s is None else timeout_s, changes=False)

    def change(self, method: str, request: Message, options: CallOptions) -> Any:
        """A call that changes something, unless `options.preview`."""
        if options.preview:
            return self.ask(method, request)
        timeout_s = options.timeout_s + self._limits.grace_s if options.timeout_s else None
        return self._call(method, request, timeout_s, changes=True)

    def cancel_running(self) -> None:
        """End what is under way; its outcome is unknown."""
        with self._lock:
            running = list(self._running)
        for call in running:
            call.cancel()

    def _call(self, method: str, request: Message, timeout_s: float | None, *, changes: bool) -> Any:
        call = getattr(self._stub, method).future(request, timeout=timeout_s)
        with self._lock:
            self._running.add(call)
        try:
            return call.result()
        except grpc.FutureCancelledError as error:
            raise ProviderError(
                f"{method} was cancelled before {self._process.name} finished it", unknown_outcome=changes
            ) from error
        except grpc.RpcError as error:
            raise self._meaning(error, method, timeout_s, changes=changes) from error
        finally:
            with self._lock:
                self._running.discard(call)

    def _meaning(self, error: Any, method: str, timeout_s: float | None, *, changes: bool) -> ProviderError:
        code, text = error.code(), error.details() or ""
        if partial := _init_failed(error):
            return partial
        if code is grpc.StatusCode.UNIMPLEMENTED:
            return UnsupportedError(text or f"{self._process.name} does not implement {method}")
        if code is grpc.StatusCode.DEADLINE_EXCEEDED and timeout_s is not None:
            text = f"{self._process.name} did not answer {method} within {timeout_s:g} s"
        elif code is grpc.StatusCode.UNAVAILABLE:
            text = self._process.describe_end() or f"the connection to {self._process.name} broke in {method}: {text}"
        elif missing := _missing_keys(error):
            text = missing
        return ProviderError(
            text or f"{self._process.name} failed in {method} ({code.name}) without saying why",
            unknown_outcome=changes and code in _UNKNOWN_OUTCOME,
        )


def _detail(error: Any, message: Any) -> bool:
    """Fill `message` from the error's status details, when one of them is of its type."""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            return any(detail.Unpack(message) for detail in status_pb2.Status.FromString(value).details)
    return False


def _init_failed(error: Any) -> ProviderError | None:
    failed = provider_pb2.ErrorResourceInitFailed()
    if not _detail(error, failed):
        return None
    reasons = tuple(failed.reasons)
    # The CLI's wording (hashicorp/go-multierror).
    head = f"{len(reasons)} error{'' if len(reasons) == 1 else 's'} occurred:"
    try:
        return InitFailedError(
            "\n".join([head, *(f"\t* {reason}" for reason in reasons)]) if reasons else error.details(),
            id=failed.id,
            outputs=from_struct(failed.properties),
            inputs=from_struct(failed.inputs) if failed.HasField("inputs") else None,
            reasons=reasons,
        )
    except ValueError as unreadable:
        return ProviderError(str(unreadable), unknown_outcome=True)


def _missing_keys(error: Any) -> str:
    missing = provider_pb2.ConfigureErrorMissingKeys()
    if not _detail(error, missing):
        return ""
    return "\n".join(
        f'missing required configuration key "{key.name}": {key.description}' for key in missing.missingKeys
    )
