"""How far a running copy has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """How far a running copy has come."""

    asset: str
    phase: str
    moved_bytes: int
    seconds: float

    def __str__(self) -> str:
        speed = self.moved_bytes / self.seconds / 2**20 if self.seconds else 0.0
        return f"{self.asset}: {self.phase}, {self.moved_bytes / 2**20:.1f} MiB, {speed:.1f} MiB/s"
