"""`make bench`: everything in one run, as a table; `--write` puts it into benchmarks/README.md.

Whole runs are measured as new processes, imports included, the best of three; the Pulumi CLI beside them when one is on
PATH.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmarks import audit, audit_beside, decisions, discovery, memory, migration, regions, scaling
from sandbox import cluster_down, cluster_up, shown_on

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "benchmarks" / "programs" / "configmaps"
PAGE = ROOT / "benchmarks" / "README.md"
MARK = "<!-- figures -->"
PLUGIN = "pulumi-resource-kubernetes"
NO_CLI = "no pulumi here"
_TIMEOUT_S = 600.0  # for one command
_WITH_AND_WITHOUT = (("gated", "yes"), ("without the pack", "no"))
Rows = list[tuple[str, str, str, str]]
Row = TypeVar("Row", tuple[str, str], tuple[str, str, str, str])


def main() -> None:
    """Measure, tell each figure as it is found, print the page, and write it when asked to."""
    cli = shutil.which("pulumi")
    runs = [
        *_told("engines", _on_a_cluster),
        *_told("peak memory", lambda: memory.rows(cli, NO_CLI)),
        *_told("regions", regions.rows),
    ]
    sizes = _told("cost by number of resources", scaling.rows)
    single = _told("decisions and pack", _in_process)
    for what, measure in (
        ("audit", audit.rows),
        ("audit beside others", audit_beside.rows),
        ("a move", migration.rows),
        ("discovery", discovery.rows),
    ):
        single += _told(what, measure)
    text = _page(runs, sizes, single)
    sys.stdout.write(text)
    if "--write" in sys.argv:
        head = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
        PAGE.write_text(f"{head}{MARK}\n\n{text}", encoding="utf-8")


def _told(what: str, measure: Callable[[], Sequence[Row]]) -> list[Row]:
    sys.stderr.write(f"measuring: {what}\n")
    rows = list(measure())
    sys.stderr.writelines(f"  {' | '.join(row)}\n" for row in rows)
    sys.stderr.flush()
    return rows


def _in_process() -> list[tuple[str, str]]:
    return [*decisions.placement(), decisions.settings_load(), *decisions.pack(), *decisions.clouds()]


def _on_a_cluster() -> Rows:
    home = ROOT / ".onshore" / "bench" / "sandbox"
    with shown_on(sys.stderr) as progress:
        cluster = cluster_up("bench", home=home, progress=progress)
    try:
        with tempfile.TemporaryDirectory() as state:
            os.environ.update(
                PULUMI_BACKEND_URL=Path(state).as_uri(),
                PULUMI_CONFIG_PASSPHRASE="bench",  # noqa: S106 - a throw-away state
                ONSHORE_OVERLAYS=str(cluster.overlay),
                ONSHORE_BENCH_EMPTY=str(Path(state, "empty")),
                ONSHORE_BENCH_KUBECONFIG=str(cluster.kubeconfig),
            )
            return _engines()
    finally:
        for file in PROJECT.glob("Pulumi.bench-*.yaml"):
            _forget_salt(file)
        cluster_down("bench", home=home)


def _engines() -> Rows:
    cli = shutil.which("pulumi")
    rows: Rows = []
    floor = _best([sys.executable, "-c", "import pulumi, pulumi_kubernetes"])
    rows.append(("imports of the SDK alone", f"{floor:.2f} s", "", ""))
    for count in (1, 1000):
        stack = f"bench-{count}"
        ours = _best(_ours("preview", stack, "yes"))
        bare = _best(_ours("preview", stack, "no"))
        theirs = _best(_theirs(cli, "preview", stack)) if cli else None
        rows.append((f"preview of {count}, gated", f"{ours:.2f} s", *_against(theirs, ours)))
        rows.append((f"preview of {count}, without the pack", f"{bare:.2f} s", *_against(theirs, bare)))
        rows.append((f"what the pack adds to {count}", f"{100 * (ours / bare - 1):+.0f} %", "", ""))
    for count, again in ((500, False), (1000, True)):
        rows += _ups(cli, count, again=again)
    return rows


def _ups(cli: str | None, count: int, *, again: bool) -> Rows:
    """An up, one that changes nothing where that is asked, and a destroy; each engine in turn on an empty cluster."""
    stack = f"bench-{count}"
    steps = [(f"up of {count}, gated", "up", "yes")]
    if again:
        steps += [(f"up of {count} that changes nothing, {how}", "up", pack) for how, pack in _WITH_AND_WITHOUT]
    steps += [(f"destroy of {count}", "destroy", "no")]
    ours = [_once(_ours(operation, stack, pack)) for _, operation, pack in steps]
    theirs: list[float | None] = [None] * len(steps)
    if cli:
        theirs = [_once(_theirs(cli, operation, stack, "--yes", "--skip-preview")) for _, operation, _ in steps]
    measured = zip(steps, ours, theirs, strict=True)
    return [(what, f"{own:.2f} s", *_against(other, own)) for (what, _, _), own, other in measured]


def _ours(operation: str, stack: str, pack: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.engine_run", operation, stack, pack]


def _theirs(cli: str, operation: str, stack: str, *more: str) -> list[str]:
    return [cli, operation, "--cwd", str(PROJECT), "--stack", stack, "--non-interactive", *more]


def _best(command: list[str]) -> float:
    return min(_once(command) for _ in range(3))


def _without_plugin() -> dict[str, str]:
    """An environment in which the embedded engine takes its own Kubernetes provider, as where there is no Pulumi."""
    folders = [each for each in os.environ["PATH"].split(os.pathsep) if not Path(each, PLUGIN).exists()]
    return {**os.environ, "PATH": os.pathsep.join(folders), "PULUMI_HOME": os.environ["ONSHORE_BENCH_EMPTY"]}


def _once(command: list[str]) -> float:
    environment = None if "--cwd" in command else _without_plugin()
    if command[1] in ("preview", "up"):  # the CLI wants its stack to be there
        with suppress(subprocess.CalledProcessError):
            stack = command[command.index("--stack") + 1]
            subprocess.run(
                [command[0], "stack", "init", stack, "--cwd", str(PROJECT)], check=True, capture_output=True, cwd=ROOT
            )
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


def _against(theirs: float | None, ours: float) -> tuple[str, str]:
    return (NO_CLI, "") if theirs is None else (f"{theirs:.2f} s", f"{ours / theirs:.2f}")


def _forget_salt(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("encryptionsalt:")), encoding="utf-8")


def _page(rows: Rows, sizes: Rows, single: list[tuple[str, str]]) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    size = f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, Linux"
    lines = [
        f"{datetime.now(UTC).date()}, {size}.",
        "",
        "| what | onshore | pulumi, bare, or what is named | ratio |",
        "|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += [
        "",
        "| resources | CPU a resource, up | CPU a resource, no change | peak memory |",
        "|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(row)} |" for row in sizes]
    lines += ["", "| decisions in process | |", "|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in single]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
