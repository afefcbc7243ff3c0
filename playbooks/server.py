"""Serves the provider to an engine: the SDK's server, which lets only plain errors through, with what it lacks.

The SDK's `ProviderServicer` turns every exception into its traceback, and cannot say that a resource is there but not
whole. Here an OnshoreError is its own words, and `PartlyDoneError` the protocol's `ErrorResourceInitFailed`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from inventories.faults import OnshoreError
from playbooks.applying import PartlyDoneError
from playbooks.provider import AnsibleProvider

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_OPTIONS: Final = (("grpc.max_receive_message_length", 400 * 2**20), ("grpc.enable_http_proxy", 0))
_DETAILS: Final = "grpc-status-details-bin"
_WATCH_S: Final = 1.0
_END_S: Final = 1.5


def _in_words(method: str) -> Callable[..., Awaitable[Any]]:
    """A call of the SDK's server, its errors as the engine can use them."""
    inner = getattr(ProviderServicer, method)

    @wraps(inner)
    async def call(self: ProviderServicer, request: Any, context: Any) -> Any:
        try:
            return await inner(self, request, context)
        except NotImplementedError as error:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
        except Exception as error:  # noqa: BLE001 - the SDK raises a bare one, around what was raised
            await _abort(context, error.__context__ or error)

    return call


class Servicer(ProviderServicer):
    """The SDK's server with errors in words."""

    Check = _in_words("Check")
    Diff = _in_words("Diff")
    Create = _in_words("Create")
    Read = _in_words("Read")
    Update = _in_words("Update")
    Delete = _in_words("Delete")


async def _abort(context: Any, error: BaseException) -> None:
    if isinstance(error, PartlyDoneError):
        detail = provider_pb2.ErrorResourceInitFailed(
            id=error.id,
            properties=PropertyValue.marshal_map(dict(error.properties)),
            inputs=PropertyValue.marshal_map(dict(error.inputs)),
            reasons=error.reasons,
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
        status.details.add().Pack(detail)
        context.set_trailing_metadata(((_DETAILS, status.SerializeToString()),))
        await context.abort(grpc.StatusCode.UNKNOWN, str(error))
    if isinstance(error, OnshoreError):
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
    # A fault of this provider's: its kind alone, since its words may hold anything.
    await context.abort(grpc.StatusCode.INTERNAL, f"the provider failed: {type(error).__name__}")


class EngineLog:
    """Tells the engine; that it does not listen any more stops nothing."""

    def __init__(self, address: str) -> None:
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options=_OPTIONS))

    def __call__(self, severity: str, message: str, urn: str, *, ephemeral: bool = False) -> None:
        level = engine_pb2.LogSeverity.Value(severity.upper())
        with suppress(grpc.RpcError):
            request = engine_pb2.LogRequest(severity=level, message=message, urn=urn, ephemeral=ephemeral)
            self._stub.Log(request, timeout=_END_S)


async def serve(address: str) -> None:
    """Serve until told to end, or until the engine is no more."""
    provider = AnsibleProvider(EngineLog(address))
    server = grpc.aio.server(options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer([], "0.1.0", provider, address), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    parent = os.getppid()
    while not over.is_set() and os.getppid() == parent:  # an engine that died waits for nothing any more
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), _WATCH_S)
    provider.stop(_END_S)
    await server.stop(_END_S)
