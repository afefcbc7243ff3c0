"""The pack behind a port of this process, where the engine takes it for the pack's own."""

from __future__ import annotations

from concurrent import futures
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import grpc
from pulumi.runtime.proto import analyzer_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from policies.pack import Pack


@contextmanager
def beside(pack: Pack) -> Iterator[None]:
    """Every policy pack that an engine starts is this one, over gRPC as ever."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(pack, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    class Nearby:
        """What the engine takes for the pack's process."""

        def __init__(self, folder: Path, *_: Any) -> None:
            self.folder = folder
            self.manifest: dict[str, Any] = {}
            self.event_name = "local|policies"

        def port(self) -> int:
            return port

        def end(self) -> None:
            """It goes on for the next program."""

    with patch("engine.packs.analyzers.PackProcess", Nearby):
        try:
            yield
        finally:
            server.stop(None).wait()
