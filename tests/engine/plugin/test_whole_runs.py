"""The embedded engine runs a program against a plugin executable that it finds on PATH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import EmbeddedEngine, Options
from engine.testing import Ran

PROGRAM = """
import pulumi

class Password(pulumi.CustomResource):
    text: pulumi.Output[str]

    def __init__(self, name, length, opts=None):
        super().__init__("sdk:index:Password", name, {"length": length, "text": None}, opts)

pulumi.export("text", Password("door", pulumi.Config().require_int("length")).text)
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
        (self.folder / "Pulumi.test.yaml").write_text(f"config:\n  doors:length: {length}\n", encoding="utf-8")
        result = Ran(getattr(self.engine(), operation)("test", Options()), ())
        assert result.errors == []
        assert result.ok
        return result

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
