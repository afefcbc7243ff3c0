"""The Engine service that provider plugins and policy packs call back: their log lines, on a loopback port.

Protocol: `sdk/proto/pulumi/engine.proto`.
"""

from __future__ import annotations

import operator
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
from semver import VersionInfo

from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.provider import Log

# The Pulumi version whose behaviour the engine follows: what a program's required version is compared with.
PULUMI_VERSION: Final = VersionInfo(3, 260, 0)
# Property maps of large objects exceed gRPC's 4 MB; the CLI's own limit is this one (`pkg/util/rpcutil/serve.go`).
GRPC_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
)
_SEVERITIES: Final = {
    engine_pb2.DEBUG: "debug",
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}
_CLAUSE: Final = re.compile(r"(?P<op>>=|<=|==|!=|=|>|<|!)?v?(?P<version>\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)$")
_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "!": operator.ne,
    "!=": operator.ne,
    "=": operator.eq,
    "==": operator.eq,
}


def version_in_range(version_range: str, version: VersionInfo = PULUMI_VERSION) -> bool:
    """Whether a version lies in a range of github.com/blang/semver (`>=3.5.0 !3.7.7 || <3.0.0`). Raises EngineError."""
    # Every clause is read before any is judged: a range with one unreadable alternative says nothing.
    alternatives = [
        [_holds(clause, version_range, version) for clause in re.sub(r"([<>=!])\s+", r"\1", part).split() or [""]]
        for part in version_range.split("||")
    ]
    return any(map(all, alternatives))


def _holds(clause: str, version_range: str, version: VersionInfo) -> bool:
    match = _CLAUSE.match(clause)
    if not match:
        raise EngineError(
            f"cannot read the required Pulumi version {version_range!r}: {clause!r} is no comparison with a version",
            fix='Write it like ">=3.208.0 <4.0.0".',
        )
    return _OPERATORS[match["op"] or "="](version, VersionInfo.parse(match["version"]))


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self, log: Log) -> None:
        self._log = log
        self._root = ""

    def Log(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the protocol's method
        severity = _SEVERITIES.get(request.severity, "info")
        self._log(severity, request.message, urn=request.urn, ephemeral=request.ephemeral)
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the protocol's method
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the protocol's method
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's method
        try:
            satisfied = version_in_range(request.pulumi_version_range)
        except EngineError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        if not satisfied:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"Pulumi version {PULUMI_VERSION} is not in the required range {request.pulumi_version_range!r}",
            )
        return engine_pb2.RequirePulumiVersionResponse()


@contextmanager
def serve_engine(log: Log, port: int = 0) -> Iterator[str]:
    """Serve the Engine protocol on a loopback port, 0: a free one, while the block runs; yields `127.0.0.1:PORT`."""
    server = grpc.server(ThreadPoolExecutor(4, "engine-service"), options=GRPC_OPTIONS)
    engine_pb2_grpc.add_EngineServicer_to_server(_Engine(log), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=1).wait()
