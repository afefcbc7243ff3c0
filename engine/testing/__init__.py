"""The whole engine in a test: a program in; steps, state and policy findings out, against a cloud in memory."""

from __future__ import annotations

from engine.testing.cloud import Cloud, Fake, Kind
from engine.testing.stack import Finding, Planned, Ran, Stack, run

__all__ = ["Cloud", "Fake", "Finding", "Kind", "Planned", "Ran", "Stack", "run"]
