"""The embedded engine runs a program against a plugin executable that it finds on PATH."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from engine import EmbeddedEngine, Options
from engine.testing import Ran

PROGRAM = """
import pulumi

config = pulumi.Config()

class Password(pulumi.CustomResource):
    text: pulumi.Output[str]

    def __init__(self, name, length, opts=None):
        super().__init__("sdk:index:Password", name, {"length": length, "do": config.get("do"), "text": None}, opts)

pulumi.export("text", Password("door", config.require_int("length")).text)
"""


class Doors:
    """A project whose provider is an executable; `changes` is what that provider did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "Pulumi.yaml").write_text("name: doors\nruntime: python\n", encoding="utf-8")
        (folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")

    def engine(self, passphrase: str = "correct") -> EmbeddedEngine:  # noqa: S107 - a test's
        return EmbeddedEngine(self.folder, backend_url=f"file://{self.folder / 'state'}", passphrase=passphrase)

    def run(self, operation: str, length: int):
        result = self.attempt(operation, length)
        assert result.errors == []
        assert result.ok
        return result

    def attempt(self, operation: str, length: int, do: str = "", **options: Any) -> Ran:
        doing = f"  doors:do: {do}\n" if do else ""
        configuration = f"config:\n  doors:length: {length}\n{doing}"
        (self.folder / "Pulumi.test.yaml").write_text(configuration, encoding="utf-8")
        return Ran(getattr(self.engine(), operation)("test", Options(**options)), ())

    @property
    def pending(self) -> list[str]:
        deployment = self.engine().export_state("test")["deployment"]
        return [one["type"] for one in deployment.get("pending_operations") or []]

    @property
    def changes(self) -> list[str]:
        found = self.folder / "changes.txt"
        return found.read_text(encoding="utf-8").splitlines() if found.exists() else []


@pytest.fixture
def doors(tmp_path: Path, executable, monkeypatch: pytest.MonkeyPatch) -> Doors:
    monkeypatch.setenv("PATH", f"{executable('sdk').parent}:{os.environ['PATH']}")
    project = tmp_path / "project"
    project.mkdir()
    return Doors(project)


@pytest.mark.parametrize("operation", ["preview", "up"])
@pytest.mark.parametrize(("script", "says"), [("echo hello", "printed 'hello'"), ("exit 3", "(exit code 3)")])
def test_a_plugin_that_does_not_start_fails_a_preview_as_it_fails_an_up(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, script: str, says: str
) -> None:
    broken = tmp_path / "broken" / "pulumi-resource-sdk"
    broken.parent.mkdir()
    broken.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:{os.environ['PATH']}")
    ran = doors.attempt(operation, 4)
    assert not ran.ok
    assert says in " ".join(ran.errors)


def children() -> list[str]:
    """The provider processes of this process that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            if fields[1] == str(os.getpid()):
                found.append((status.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it ended meanwhile
            continue
    return [command for command in found if "pulumi-resource-sdk" in command]


def test_a_plugin_on_the_path_serves_a_program_from_preview_to_destroy(doors: Doors) -> None:
    previewed = doors.run("preview", 4)
    assert ("create", "door") in previewed.steps
    assert doors.changes == []

    created = doors.run("up", 4)
    assert ("create", "door") in created.steps
    assert created.outputs == {"text": "[secret]"}
    assert doors.engine().outputs("test", show_secrets=True) == {"text": "xxxx"}

    assert dict(doors.run("up", 4).changes) == {"same": 2}

    assert ("update", "door") in doors.run("preview", 6).steps
    assert ("update", "door") in doors.run("up", 6).steps
    assert doors.engine().outputs("test", show_secrets=True) == {"text": "xxxxxx"}

    assert ("delete", "door") in doors.run("destroy", 6).steps
    assert doors.changes == ["create 4", "update 6", "delete 6"]
    assert doors.engine().export_state("test")["deployment"].get("resources", []) == []
    assert children() == []


def maybe_corrupt(ran: Ran) -> bool:
    (summary,) = [event["summaryEvent"] for event in ran.result.events if "summaryEvent" in event]
    return bool(summary["maybeCorrupt"])


WRONG = {"raise": "the door is stuck", "exit": "no more doors", "unknown": "Unsupported value type"}


@pytest.mark.parametrize("do", WRONG)
def test_a_creation_of_unknown_outcome_is_told_as_such_and_the_next_up_finishes(doors: Doors, do: str) -> None:
    failed = doors.attempt("up", 4, do)
    assert not failed.ok
    assert any(WRONG[do] in error for error in failed.errors), failed.errors
    assert maybe_corrupt(failed)
    assert doors.pending == []  # as the CLI leaves it
    assert children() == []

    again = doors.run("up", 4)
    assert not maybe_corrupt(again)
    assert doors.changes == ["create 4"]
    assert dict(doors.run("up", 4).changes) == {"same": 2}


def test_an_update_that_went_wrong_leaves_the_old_state_for_the_next(doors: Doors) -> None:
    doors.run("up", 4)
    failed = doors.attempt("up", 6, "exit")
    assert any("no more doors" in error for error in failed.errors), failed.errors
    assert doors.engine().outputs("test", show_secrets=True) == {"text": "xxxx"}
    assert ("update", "door") in doors.run("up", 6).steps
    assert doors.changes == ["create 4", "update 6"]
    assert doors.pending == []


def test_inputs_that_the_provider_refuses_stop_the_run_before_anything_changes(doors: Doors) -> None:
    for operation in ("preview", "up"):
        refused = doors.attempt(operation, 0)
        assert any("is nothing" in error for error in refused.errors), refused.errors
    assert doors.changes == []
    assert children() == []


def test_a_slow_plugin_makes_a_run_slow_and_nothing_else(
    doors: Doors, executable: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{executable('sdk', 'slow').parent}:{os.environ['PATH']}")
    doors.run("preview", 4)
    assert ("create", "door") in doors.run("up", 4).steps
    doors.run("destroy", 4)
    assert doors.changes == ["create 4", "delete 4"]
