"""How a run ends when something goes wrong after its work, and what a killed one left behind."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

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
    import engine.analyzers

    end = engine.analyzers._end

    def fail(*arguments: object) -> None:
        end(*arguments)  # type: ignore[arg-type]
        raise RuntimeError("stuck")

    monkeypatch.setattr(engine.analyzers, "_end", fail)
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
    from engine.backend import FileBackend
    pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    FileBackend(pathlib.Path(sys.argv[1]), "shop").write("test", b"{}")
""")
