"""A gRPC status without gRPC: what a program's SDK expects where the engine refuses."""

from __future__ import annotations

import grpc


class MonitorError(grpc.RpcError):  # type: ignore[misc] # grpc is not typed
    """A gRPC status without gRPC."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        """The status."""
        return self._code

    def details(self) -> str:
        """The message."""
        return self._details
