"""The commands of the ready-made CI jobs run as they stand, and leave the files that the jobs collect."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.cli.conftest import claimed  # noqa: F401 - a fixture
from tests.cli.test_reports import state
from tests.project import ROOT

if TYPE_CHECKING:
    from tests.cli.conftest import Claimed

EXAMPLES = ROOT / "docs" / "ci"


def _github(job: dict[str, Any]) -> tuple[list[str], set[str]]:
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    return scripts, {step["with"]["sarif_file"] for step in job["steps"] if "sarif_file" in step.get("with", {})}


def _gitlab(job: dict[str, Any]) -> tuple[list[str], set[str]]:
    kept = job["artifacts"]
    return job["script"], {*kept.get("paths", ()), *kept["reports"].values()}


def _jobs() -> dict[str, tuple[list[str], set[str], dict[str, str]]]:
    github = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text(encoding="utf-8"))
    gitlab = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text(encoding="utf-8"))
    found = {f"github {name}": (*_github(job), github["env"]) for name, job in github["jobs"].items()}
    variables = gitlab.pop("variables")
    return found | {f"gitlab {name}": (*_gitlab(job), variables) for name, job in gitlab.items()}


JOBS = _jobs()


@pytest.mark.parametrize("name", JOBS)
def test_a_job_runs_and_leaves_what_it_collects(claimed: Claimed, name: str) -> None:  # noqa: F811 - the fixture
    scripts, files, variables = JOBS[name]
    project = claimed.onshore
    (project.root / ".venv").symlink_to(ROOT / ".venv")
    project.write("states/s.json", state())
    content = (project.root / ".onshore/kubeconfigs" / f"{variables['CLUSTER']}.yaml").read_text(encoding="utf-8")
    summary = project.root / "summary.md"
    given = {"KUBECONFIG_CONTENT": content, "GITHUB_STEP_SUMMARY": str(summary), **variables}
    ran = [script for script in scripts if script != "make setup"]
    assert len(ran) == len(scripts) - 1
    for script in ran:
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=project.root,
            env=project.environment | given,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert files
    assert all((project.root / file).stat().st_size for file in files)
