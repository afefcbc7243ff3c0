"""Times as the state writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The present time as the state writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
