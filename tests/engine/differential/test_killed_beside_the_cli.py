"""What either engine leaves when it is killed, the other continues; where a supported Pulumi CLI is on PATH."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from engine import EmbeddedEngine, Options
from engine.pulumi_cli import find_cli
from engine.testing import Ran
from tests.engine.differential.beside import PASSPHRASE, Beside, write_plugins

CLI = find_cli()
pytestmark = pytest.mark.skipif(
    CLI is None or not CLI.supported or not shutil.which("pulumi-language-python"),
    reason="needs a supported Pulumi CLI and pulumi-language-python on PATH",
)
ROOT = Path(__file__).parents[3]
OURS = """
import sys
from pathlib import Path
from engine import EmbeddedEngine, Options
from engine.saving import snapshot
snapshot._JOURNAL_FROM_BYTES = int(sys.argv[4])
EmbeddedEngine(Path(sys.argv[1]), backend_url=sys.argv[2], passphrase=sys.argv[3]).up("test", Options())
"""
UP = ("up", "--stack", "test", "--yes", "--skip-preview")
_PATIENCE_S = 60


class Shared:
    """A stack of three things on one state; the second waits for a file before it is there."""

    def __init__(self, root: Path) -> None:
        self.beside = Beside(root / "story", root / "home")
        self.gate = root / "gate.open"
        one = {"kind": "thing", "package": "fake"}
        resources = [
            {**one, "name": "a", "props": {"size": 1}},
            {**one, "name": "b", "props": {"waits": str(self.gate), "of": {"$of": "a", "get": "address"}}},
            {**one, "name": "c", "props": {"of": {"$of": "b", "get": "address"}}},
        ]
        (self.beside.work / "world.json").write_text(json.dumps({"resources": resources}), encoding="utf-8")
        self.url = self.beside.states[0].as_uri()

    def kill_while_b_is_made(self, command: list[str]) -> None:
        """kill -9 of everything the command started; then the gate is open."""
        process = subprocess.Popen(
            command, cwd=self.beside.work, env={**self.beside.environment, "PYTHONPATH": str(ROOT)},
            start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while not self.gate.with_suffix(".begun").exists():
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.02)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.gate.touch()
        assert self.pending == ["creating b"]

    def ours(self, operation: str, **options: Any) -> Ran:
        engine = EmbeddedEngine(self.beside.work, backend_url=self.url, passphrase=PASSPHRASE)
        engine.cancel("test")
        return Ran(getattr(engine, operation)("test", Options(**options)), ())

    @property
    def file(self) -> Path:
        return self.beside.states[0] / ".pulumi" / "stacks" / "p" / "test.json"

    @property
    def latest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))["checkpoint"]["latest"]
        return found

    @property
    def pending(self) -> list[str]:
        found = self.latest.get("pending_operations") or []
        return [f"{one['type']} {one['resource']['urn'].rpartition('::')[2]}" for one in found]

    @property
    def names(self) -> list[str]:
        return [one["urn"].rpartition("::")[2] for one in self.latest["resources"] if one["type"] == "fake:index:Thing"]


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shared:
    write_plugins(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return Shared(tmp_path)


def up_of_ours(shared: Shared, journal_from: int) -> list[str]:
    return [sys.executable, "-c", OURS, str(shared.beside.work), shared.url, PASSPHRASE, str(journal_from)]


def test_what_the_killed_cli_left_is_continued_and_known_to_both(shared: Shared) -> None:
    shared.kill_while_b_is_made(["pulumi", *UP, "--non-interactive"])
    done = shared.ours("up")
    assert done.ok, done.errors
    assert any("Thing::b, interrupted while creating" in said for said in done.messages("warning"))
    assert (shared.names, shared.pending) == (["a", "b", "c"], ["creating b"])
    again = shared.beside.pulumi(*UP)
    assert "5 unchanged" in again.stdout or "4 unchanged" in again.stdout
    assert shared.ours("refresh", clear_pending_creates=True).ok
    assert shared.pending == []


def test_what_we_left_when_killed_is_continued_by_the_cli(shared: Shared) -> None:
    shared.kill_while_b_is_made(up_of_ours(shared, 10**9))
    assert "currently locked by 1 lock" in shared.beside.pulumi(*UP, check=False).stderr
    shared.beside.pulumi("cancel", "--stack", "test", "--yes")
    done = shared.beside.pulumi(*UP)
    assert "interrupted while creating" in done.stdout
    assert (shared.names, shared.pending) == (["a", "b", "c"], ["creating b"])
    assert set(shared.ours("up").changes) == {"same"}


def test_a_journal_of_ours_is_refused_by_the_cli_until_we_made_it_whole(shared: Shared) -> None:
    shared.kill_while_b_is_made(up_of_ours(shared, 0))
    shared.beside.pulumi("cancel", "--stack", "test", "--yes")
    before = shared.file.read_bytes()
    assert shared.beside.pulumi(*UP, check=False).returncode != 0
    assert shared.file.read_bytes() == before
    assert shared.ours("up").ok
    assert (shared.names, shared.pending) == (["a", "b", "c"], ["creating b"])
    assert "unchanged" in shared.beside.pulumi(*UP).stdout
