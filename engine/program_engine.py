"""The Engine service as a Python object: where a program's SDK sends its log lines (`engine.proto`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2

from engine.engine_service import PULUMI_VERSION, version_in_range
from engine.errors import EngineError
from engine.rpc_error import MonitorError

if TYPE_CHECKING:
    from engine.provider import Log

_SEVERITIES: Final = {
    engine_pb2.DEBUG: "debug",
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}


class ProgramEngine:
    """One program's engine."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._root = ""

    def Log(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        severity = _SEVERITIES.get(request.severity, "info")
        # the SDK's own debug lines are several per resource and nobody reads them
        if severity != "debug":
            self._log(severity, request.message, urn=request.urn, ephemeral=request.ephemeral)
        return empty_pb2.Empty()

    def GetRootResource(self, _request: Any) -> Any:  # noqa: N802 - the protocol's method
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        try:
            satisfied = version_in_range(request.pulumi_version_range)
        except EngineError as error:
            raise MonitorError(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        if not satisfied:
            text = f"Pulumi version {PULUMI_VERSION} is not in the required range {request.pulumi_version_range!r}"
            raise MonitorError(grpc.StatusCode.FAILED_PRECONDITION, text)
        return engine_pb2.RequirePulumiVersionResponse()
