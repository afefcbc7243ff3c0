"""How a run ends when something goes wrong after its work, and what a killed one left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import pytest

from engine import EngineError
from engine.packs.process import PackProcess
from engine.saving.backend import FileBackend
from engine.testing import Fake

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.projects import Project


PACK = """
from pulumi_policy import PolicyPack, ResourceValidationPolicy
PolicyPack("none", policies=[ResourceValidationPolicy("p", "P.", lambda args, report: None)])
"""


def history(project: Project) -> list[Path]:
    return sorted((project.folder / "state" / ".pulumi" / "history").rglob("*.history.json"))


def left_over(project: Project) -> list[Path]:
    return sorted((project.folder / "state").rglob("*.tmp"))


@pytest.mark.parametrize("error", [RuntimeError("stuck"), ProcessLookupError(3, "No such process")])
def test_a_provider_that_fails_to_end_costs_a_warning_and_nothing_else(
    project: Project, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_self: Fake) -> None:
        raise error

    monkeypatch.setattr(Fake, "close", fail)
    result = project.up("Thing('a')")
    assert result.ok
    warning = f"a provider did not end in order: {type(error).__name__}: {error}"
    assert warning in result.messages("warning")
    assert len(history(project)) == 1
    assert project.run("destroy").ok
    assert len(history(project)) == 2


def test_a_pack_that_fails_to_end_costs_a_warning_and_nothing_else(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = PackProcess.end

    def fail(process: PackProcess) -> None:
        end(process)
        raise RuntimeError("stuck")

    monkeypatch.setattr(PackProcess, "end", fail)
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("name: none\nruntime: python\n", encoding="utf-8")
    (pack / "__main__.py").write_text(PACK, encoding="utf-8")
    result = project.up("Thing('a')", policy_packs=(pack,))
    assert result.ok
    assert result.messages("warning") == ["a policy pack did not end in order: RuntimeError: stuck"]
    assert len(history(project)) == 1


def test_what_a_killed_run_was_writing_is_swept_away_by_the_next(project: Project) -> None:
    project.up("Thing('a')")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(project.folder / "state")], check=False, timeout=60)
    assert killed.returncode == -9
    foreign = project.state.with_name(".test.json.other.json.{}.tmp".format("0" * 32))
    foreign.write_text("another stack's", encoding="utf-8")
    left = left_over(project)
    assert len(left) > 1
    project.run("preview")
    assert left_over(project) == left
    assert project.run("up").ok
    assert left_over(project) == [foreign]


# dies between writing the new state and putting it in the old one's place
KILLED = textwrap.dedent("""
    import os, pathlib, signal, sys
    from engine.saving.backend import FileBackend
    pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    FileBackend(pathlib.Path(sys.argv[1]), "shop").write("test", b"{}")
""")


@pytest.mark.parametrize("content", ["", "[]", '{"pid": 1}', "\x00"])
def test_an_unreadable_lock_is_named_and_holds(project: Project, content: str) -> None:
    project.up("Thing('a')")
    lock = project.folder / "state/.pulumi/locks/organization/shop/test/odd.json"
    lock.write_text(content, encoding="utf-8")
    with pytest.raises(EngineError, match=r"(?s)locked by 1 lock.*odd\.json: created by somebody"):
        project.run("up")
    assert project.engine().cancel("test") == 1
    assert project.run("up").ok


def test_a_full_disk_at_the_start_is_said_without_a_none(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: FileBackend, _stack: str) -> None:
        raise OSError(28, "No space left on device")

    project.up("Thing('a')")
    monkeypatch.setattr(FileBackend, "back_up", full)
    with pytest.raises(EngineError, match="No space left on device") as refusal:
        project.run("up")
    assert "None" not in str(refusal.value)


def test_a_clock_that_jumps_back_changes_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are for people: order in the state, backups and history do not hang on them."""
    import time

    project.up("Thing('a')")
    real, real_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real() - 86_400)
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() - 86_400 * 10**9)
    jumped = project.up("a = Thing('a', size=2)\nThing('b', of=a.address)")
    assert jumped.errors == []
    assert len(history(project)) == 2
    assert project.run("up").changes == {"same": 3}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_what_runs_saves_it_and_says_so(project: Project, number: signal.Signals, code: int) -> None:
    def tell(method: str, name: str) -> None:
        if (method, name) == ("create", "a"):
            os.kill(os.getpid(), number)
            deadline.wait(0.2)

    deadline = threading.Event()
    project.cloud.on_call = tell
    result = project.up("a = Thing('a')\nThing('b', of=a.address)")
    assert result.exit_code == code
    assert project.cloud.calls == [("create", "a")]
    assert result.resource("a").id in project.cloud.things
    project.cloud.on_call = None
    assert project.run("up").ok
    assert project.cloud.calls == [("create", "a"), ("create", "b")]
