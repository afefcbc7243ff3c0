"""Random small programs end alike under the embedded engine and the Pulumi CLI, where a supported one is on PATH.

`python -m tests.engine.differential.test_same_as_the_cli FIRST LAST` tries other numbers than the test does.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from engine.pulumi_cli import find_cli
from tests.engine.differential.beside import Beside, write_plugins
from tests.engine.differential.worlds import story

CLI = find_cli()
SEEDS = (100, 102)


def differences(seed: int, root: Path, home: Path) -> list[str]:
    """Where a story is told differently, up to the first step that is."""
    beside = Beside(root, home)
    for number, step in enumerate(story(seed), 1):
        if faults := beside.run(step):
            return [f"story {seed}, step {number} ({step.operation}), logs in {root}:", *faults]
    return []


@pytest.mark.skipif(
    CLI is None or not CLI.supported or not shutil.which("pulumi-language-python"),
    reason="needs a supported Pulumi CLI and pulumi-language-python on PATH",
)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_program_ends_alike(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_plugins(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert differences(seed, tmp_path / "story", tmp_path / "home") == []


def main(first: int, last: int) -> None:
    """Tells the stories with these numbers; ends with how many differ."""
    told = 0
    for seed in range(first, last + 1):
        folder = Path(tempfile.mkdtemp(prefix=f"story-{seed}-"))
        write_plugins(folder)
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
        found = differences(seed, folder / "story", folder / "home")
        told += bool(found)
        sys.stdout.write("\n    ".join(found or [f"story {seed}: the same"]) + "\n")
        sys.stdout.flush()
    sys.exit(told)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
