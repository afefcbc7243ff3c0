"""The audit beside Checkov and two evaluators of Rego: the same Deployments, five equivalent rules, one core.

Each tool is a process of its own, measured whole at two sizes: what a resource costs is the difference, what starting
costs is the rest. Each tenth Deployment breaks all five rules, and every tool must name just those. The other tools are
no dependency: `uv` fetches each into an environment of its own cache. `python -m benchmarks.audit_beside FILE` is our
side: it audits a state file and prints the names of what it refuses.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from benchmarks.audit import deployment, state_file
from benchmarks.decisions import DAY, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZES: Final = (200, 2000)
_UNLAWFUL: Final = 10  # each tenth
_TIMEOUT_S: Final = 600.0
_RULES: Final = ("IMG-001", "POD-001")
_CHECKS: Final = "CKV_K8S_16,CKV_K8S_19,CKV_K8S_20,CKV_K8S_23,CKV_K8S_43"
_POLICY: Final = ROOT / "benchmarks" / "programs" / "pods.rego"
_REGO: Final = ROOT / "benchmarks" / "rego_run.py"
# Started by a small process: a child's peak begins at its parent's.
_WATCH: Final = """
import json, os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
out = (os.POSIX_SPAWN_OPEN, 1, sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
_, status, used = os.wait4(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=[out]), 0)
print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3]))
"""


@dataclass(frozen=True)
class Tool:
    """A tool: how it is typed for a folder of the objects, and how the names it refuses are read from what it prints.

    `package`: what `uv` fetches with the arguments `fetched`; "" for ours.
    """

    name: str
    command: Callable[[Path], list[str]]
    refused: Callable[[str], set[str]]
    package: str = ""
    fetched: tuple[str, ...] = ()


def rows() -> list[tuple[str, str]]:
    """One row a tool; where one cannot be had, why."""
    return [(f"audit beside: {tool.name}", _told(tool)) for tool in _tools()]


def _told(tool: Tool) -> str:
    if tool.package and (missing := _missing(tool)):
        return missing
    (small, _), (large, peak) = (_measured(tool, count) for count in SIZES)
    cost = (large - small) / (SIZES[1] - SIZES[0])
    start = max(0.0, small - cost * SIZES[0])
    return f"{1 / cost:,.0f} resources/s of one core, {start:.1f} s to start, {peak:.0f} MB at the peak"


def _tools() -> Iterator[Tool]:
    ours = [sys.executable, "-m", "benchmarks.audit_beside"]
    yield Tool("onshore, IMG-001 and POD-001", lambda folder: [*ours, str(folder / "state.json"), *_RULES], _lines)
    yield Tool("onshore, every rule", lambda folder: [*ours, str(folder / "state.json")], _lines)
    checkov = "checkov==3.3.30"
    yield Tool(
        f"{checkov.replace('==', ' ')}, five checks",
        lambda folder: [
            *_uv("tool", "run", "--offline", "--from", checkov, "checkov"),
            *("--framework", "kubernetes", "--check", _CHECKS, "--directory", str(folder / "manifests")),
            *("--skip-download", "--soft-fail", "--compact", "--quiet", "--output", "json"),
        ],
        lambda said: {one["resource"].rpartition(".")[2] for one in json.loads(said)["results"]["failed_checks"]},
        checkov,
        ("tool", "run", "--from", checkov, "checkov", "--version"),
    )
    for package in ("regopy==1.5.2", "celine-regorus==0.9.1.post20260227075446"):
        run = ("run", "--no-project", "--with", package)
        yield Tool(
            f"{package.replace('==', ' ')}, five rules in Rego",
            lambda folder, run=run: [  # type: ignore[misc]
                *_uv(run[0], "--offline", *run[1:], "python"),
                *(str(_REGO), str(_POLICY), str(folder / "objects.jsonl")),
            ],
            _lines,
            package,
            (*run, "python", "-c", ""),
        )


def _uv(*arguments: str) -> list[str]:
    beside = Path(sys.executable).with_name("uv")
    return [str(beside) if beside.exists() else shutil.which("uv") or "uv", *arguments]


def _missing(tool: Tool) -> str:
    """Why a tool cannot be had, "" when it can; fetches it."""
    name = tool.package.partition("=")[0]
    try:
        done = subprocess.run(_uv(*tool.fetched), capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no {name} here ({type(error).__name__})"
    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1].strip()
    return f"no {name} here (uv: {last})" if done.returncode else ""


def _measured(tool: Tool, count: int) -> tuple[float, float]:
    """Seconds of CPU and megabytes at the peak of one process, its children's CPU included."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, count)
        command = [sys.executable, "-I", "-S", "-c", _WATCH, str(folder / "said"), *tool.command(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)
        code, cpu_s, peak_mb = json.loads(done.stdout)
        said = (folder / "said").read_text(encoding="utf-8")
        if code or tool.refused(said) != {f"app-{number}" for number in range(0, count, _UNLAWFUL)}:
            sys.exit(f"{tool.name} ended with {code} and refused something else\n{said[:2000]}{done.stderr}")
    return cpu_s, peak_mb


def _write(folder: Path, count: int) -> None:
    """The same Deployments as a state file, as manifests in files of their own, and as JSON, one a line."""
    made = [_broken(number) if number % _UNLAWFUL == 0 else deployment(f"app-{number}") for number in range(count)]
    state_file(folder / "state.json", made)
    (folder / "manifests").mkdir()
    for number, one in enumerate(made):
        (folder / "manifests" / f"app-{number}.yaml").write_text(yaml.safe_dump(one))
    (folder / "objects.jsonl").write_text("".join(json.dumps(one) + "\n" for one in made))


def _broken(number: int) -> dict[str, Any]:
    made = deployment(f"app-{number}")
    pod = made["spec"]["template"]["spec"]
    pod |= {"securityContext": {"runAsNonRoot": False}, "hostNetwork": True}
    pod["containers"][0] |= {
        "image": "registry.example/app:1",
        "securityContext": {"privileged": True, "allowPrivilegeEscalation": True},
    }
    return made


def _lines(said: str) -> set[str]:
    return set(said.split())


def main(file: Path, rules: list[str]) -> None:
    """Audit one file, by these rules or by all, and print the names of the Deployments that are refused."""
    from audit import audit_file  # noqa: PLC0415 - the parent needs none of it
    from policies.dispatcher import Catalogue, load_checks  # noqa: PLC0415
    from policies.facts import load_facts  # noqa: PLC0415

    facts = replace(load_facts(ROOT), on=DAY)
    checks = [check for check in load_checks(facts.rules) if not rules or check.rule.id in rules]
    found = audit_file(file, facts, Catalogue(checks))
    sys.stdout.write("\n".join({one.urn.rpartition("::")[2] for one in found.findings}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
