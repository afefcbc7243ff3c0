"""A project with a program and an engine for it, and what to read off a run."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine import EmbeddedEngine, Options, RunResult

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.fakes import Cloud

PRELUDE = """
import pulumi

class Thing(pulumi.CustomResource):
    address: pulumi.Output[str]

    def __init__(self, name, opts=None, **props):
        super().__init__("fake:index:Thing", name, {**props, "address": None}, opts)

class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("fake:index:Group", name, props, opts)

config = pulumi.Config()
"""


@dataclass
class Project:
    """A project on disk with its engine and its cloud."""

    folder: Path
    cloud: Cloud
    results: list[RunResult] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.folder / "state" / ".pulumi" / "stacks" / "shop" / "test.json"

    def program(self, body: str) -> None:
        (self.folder / "__main__.py").write_text(PRELUDE + textwrap.dedent(body), encoding="utf-8")

    def engine(self, passphrase: str = "correct") -> EmbeddedEngine:  # noqa: S107 - a test's
        return EmbeddedEngine(self.folder, backend_url=f"file://{self.folder / 'state'}", passphrase=passphrase)

    def run(self, operation: str, **options: Any) -> RunResult:
        result = getattr(self.engine(), operation)("test", Options(**options))
        self.results.append(result)
        return result

    def up(self, body: str, **options: Any) -> RunResult:
        self.program(body)
        return self.run("up", **options)


def steps(result: RunResult) -> list[tuple[str, str]]:
    """(op, name) of every step that began, in order; the engine's own providers left out."""
    found = [event["resourcePreEvent"]["metadata"] for event in result.events if "resourcePreEvent" in event]
    return [(step["op"], step["urn"].split("::", 3)[3]) for step in found if "providers:" not in step["urn"]]


def messages(result: RunResult, severity: str = "error") -> list[str]:
    """The texts of the diagnostics of one severity."""
    found = [event["diagnosticEvent"] for event in result.events if "diagnosticEvent" in event]
    return [item["message"].strip() for item in found if item["severity"] == severity]
