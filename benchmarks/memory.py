"""Peak memory of a stack of 5,000 resources, ours beside the real engine's: all processes of a run together.

The program and the provider's plugin are the same for both, and counted for both. A process counts with its
proportional share of the pages it has in common with others (PSS), looked at ten times a second.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
COUNT: Final = 5000
_PROGRAM: Final = f"""
import pulumi

class Thing(pulumi.CustomResource):
    def __init__(self, name, **properties):
        super().__init__("fake:index:Thing", name, properties)

for number in range({COUNT}):
    Thing(f"thing-{{number}}", number=number, labels={{"department": "statistics-example"}}, text="x" * 200)
"""
_OURS: Final = """
import sys
from pathlib import Path
from engine import EmbeddedEngine, Options
sys.exit(getattr(EmbeddedEngine(Path(sys.argv[1])), sys.argv[2])("test", Options()).exit_code)
"""
_LOOK_S: Final = 0.1
_TIMEOUT_S: Final = 3600.0
_PROJECT: Final = "name: things\nruntime: {{name: python, options: {{toolchain: uv, virtualenv: {}}}}}\n"


def rows(cli: str | None, unmeasured: str) -> Iterator[tuple[str, str, str, str]]:
    """What is measured, ours, theirs, the ratio; `unmeasured` stands where there is no CLI.

    The stack that is there already was made by ours, for both: the CLI would take an hour, since it writes the whole
    state for each resource.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = _prepare(folder)
        for what in (f"preview of {COUNT:,} new ones", f"up of {COUNT:,}", f"up of {COUNT:,} that changes nothing"):
            operation, first = what.partition(" ")[0], what.endswith(f"{COUNT:,}")
            ours = _watched([sys.executable, "-c", _OURS, str(folder), operation], folder, environment)
            theirs = _watched(_command(cli, operation), folder, environment) if cli and not first else None
            beside = (f"{theirs:.0f} MB", f"{ours / theirs:.2f}") if theirs else ("" if cli else unmeasured, "")
            yield (f"peak memory, {what}", f"{ours:.0f} MB", *beside)


def _command(cli: str, operation: str) -> list[str]:
    how = [] if operation == "preview" else ["--yes", "--skip-preview"]
    return [cli, operation, "--stack", "test", "--non-interactive", *how]


def _prepare(folder: Path) -> dict[str, str]:
    """A project and a plugin on PATH."""
    plugin = ROOT / "tests" / "engine" / "differential" / "plugin.py"
    executable = folder / "bin" / "pulumi-resource-fake"
    executable.parent.mkdir()
    executable.write_text(f"#!/bin/sh\nexec {sys.executable} {plugin} fake\n", encoding="utf-8")
    executable.chmod(0o755)
    (folder / "Pulumi.yaml").write_text(_PROJECT.format(sys.prefix), encoding="utf-8")
    (folder / "__main__.py").write_text(_PROGRAM, encoding="utf-8")
    (folder / "Pulumi.test.yaml").write_text("config: {}\n", encoding="utf-8")
    (folder / "uv.lock").touch()  # without a pyproject.toml uv leaves the environment as it is
    (folder / "state").mkdir()
    environment = {
        **os.environ,
        "PATH": f"{executable.parent}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "bench",
    }
    if cli := shutil.which("pulumi"):  # it wants its stack to be there
        subprocess.run([cli, "stack", "init", "test"], cwd=folder, env=environment, check=True, capture_output=True)
    return environment


def _watched(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    with (folder / "said").open("w+", encoding="utf-8") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT)
        peak, left_s = 0.0, _TIMEOUT_S
        while process.poll() is None and left_s > 0:
            peak = max(peak, sum(map(_pss_mb, _tree(process.pid))))
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_S)
            left_s -= _LOOK_S
        process.kill()
        if process.wait():
            said.seek(0)
            sys.exit(f"{' '.join(command)} ended with {process.returncode}\n{said.read()[-2000:]}")
    return peak


def _tree(pid: int) -> list[int]:
    """A process and all it started."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text(encoding="utf-8").split()]
    return found


def _pss_mb(pid: int) -> float:
    with suppress(OSError, StopIteration):  # it ended meanwhile
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    for row in rows(shutil.which("pulumi"), "no pulumi here"):
        sys.stdout.write(" | ".join(row) + "\n")
        sys.stdout.flush()
