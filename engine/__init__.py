"""The embedded Pulumi engine: runs Pulumi programs without the Pulumi CLI, on the same state files.

Knows nothing of the law; the policy packs it attaches do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.options import Engine, Options, RunResult

if TYPE_CHECKING:
    from engine.embedded import EmbeddedEngine

__all__ = ["EmbeddedEngine", "Engine", "EngineError", "Options", "RunResult"]


def __getattr__(name: str) -> object:
    # the engine brings in cryptography and protobuf: only who uses it pays for that
    if name == "EmbeddedEngine":
        from engine.embedded import EmbeddedEngine  # noqa: PLC0415

        return EmbeddedEngine
    raise AttributeError(f"module 'engine' has no attribute {name!r}")
