"""The commands of the ready-made CI jobs run as they stand, and leave the files that the jobs collect."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.cli.conftest import KEY, claimed, trust_a_key  # noqa: F401 - a fixture
from tests.cli.test_reports import state
from tests.project import ROOT

if TYPE_CHECKING:
    from tests.cli.conftest import Claimed
    from tests.project import Onshore

EXAMPLES = ROOT / "docs" / "ci"


def _github(job: dict[str, Any]) -> tuple[list[str], set[str]]:
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    given = [step.get("with", {}) for step in job["steps"]]
    return scripts, {step[key] for step in given for key in ("sarif_file", "path") if key in step}


def _gitlab(job: dict[str, Any]) -> tuple[list[str], set[str]]:
    kept = job["artifacts"]
    return job["script"], {*kept.get("paths", ()), *kept.get("reports", {}).values()}


def _jobs() -> dict[str, tuple[list[str], set[str], dict[str, str]]]:
    github = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text(encoding="utf-8"))
    gitlab = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text(encoding="utf-8"))
    found = {f"github {name}": (*_github(job), github["env"]) for name, job in github["jobs"].items()}
    variables = gitlab.pop("variables")
    return found | {f"gitlab {name}": (*_gitlab(job), variables) for name, job in gitlab.items()}


JOBS = _jobs()


def _run(project: Onshore, name: str, *, gate_key: str = "") -> None:
    """Run a job's commands in a project as they stand, and look for what the job collects."""
    scripts, files, variables = JOBS[name]
    (project.root / ".venv").symlink_to(ROOT / ".venv")
    content = (project.root / ".onshore/kubeconfigs" / f"{variables['CLUSTER']}.yaml").read_text(encoding="utf-8")
    summary = project.root / "summary.md"
    given = {"KUBECONFIG_CONTENT": content, "GITHUB_STEP_SUMMARY": str(summary), "ONSHORE_GATE_KEY": gate_key}
    ran = [script for script in scripts if script != "make setup"]
    assert len(ran) == len(scripts) - 1
    for script in ran:
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=project.root,
            env=project.environment | given | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert files
    assert all((project.root / file).stat().st_size for file in files)


@pytest.mark.parametrize("name", [name for name in JOBS if "deploy" not in name])
def test_a_job_runs_and_leaves_what_it_collects(claimed: Claimed, name: str) -> None:  # noqa: F811 - the fixture
    claimed.onshore.write("states/s.json", state())
    _run(claimed.onshore, name)


@pytest.mark.cluster
@pytest.mark.parametrize("name", [name for name in JOBS if "deploy" in name])
def test_a_job_gates_and_goes_up_with_its_receipt(onshore: Onshore, name: str) -> None:
    trust_a_key(onshore)
    _run(onshore, name, gate_key=(onshore.root / KEY).read_text("utf-8"))
    assert any("--receipt" in script for script in JOBS[name][0])
    stacks = onshore.root / ".onshore/state/.pulumi/stacks/onshore"
    assert [file.stem for file in stacks.glob("*.json")] == [JOBS[name][2]["STACK"]]
