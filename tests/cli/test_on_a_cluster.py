"""Runs that end early on a real cluster: the state says what exists, and the next run finishes."""

from __future__ import annotations

import json
import signal
import subprocess
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.cli.disks import small_disk
from tests.cli.refusals import refuse
from tests.project import CLUSTER_ID, COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.project import Onshore

    Kubectl = Callable[..., Any]

pytestmark = pytest.mark.cluster
STACK = "health-vaccination-api"
NAME = f"early-{uuid.uuid4().hex[:8]}"  # other runs of the tests may use the cluster at the same time
SPACE = f"health-example-{NAME}"
UP = ("up", STACK, "--yes")
STATE = f".pulumi/stacks/onshore/{STACK}.json"
# pods, endpoints and the like are made by controllers; these are made by the stack alone
KINDS = "deployments,services,ingresses,networkpolicies,resourcequotas,rolebindings,poddisruptionbudgets,hpa"


@pytest.fixture
def away(onshore: Onshore, kubectl: Kubectl) -> Onshore:
    """A project whose namespace is its own, and not there: what an earlier test made is gone."""
    score = onshore.root / "stacks/workloads/vaccination-api/score.yaml"
    score.write_text(score.read_text("utf-8").replace("name: vaccination-api", f"name: {NAME}"), "utf-8")
    assert _namespaces(kubectl) == []
    return onshore


def _namespaces(kubectl: Kubectl) -> list[Any]:
    found: list[Any] = kubectl("get", "namespaces", f"--field-selector=metadata.name={SPACE}")["items"]
    return found


def _exists(kubectl: Kubectl) -> set[str]:
    """kind/name of what the stack has made in the cluster."""
    if not _namespaces(kubectl):
        return set()
    items = kubectl("get", KINDS, "-n", SPACE)["items"]
    return {f"{item['kind']}/{item['metadata']['name']}" for item in items}


def _recorded(state: Path) -> set[str]:
    """The same, as a state file has it; nothing in it may be pending."""
    latest = json.loads(state.read_text("utf-8"))["checkpoint"]["latest"]
    assert not latest.get("pending_operations")
    objects = [r["outputs"] for r in latest.get("resources", []) if r["type"].startswith("kubernetes:")]
    kinds = {"Deployment", "Service", "Ingress", "NetworkPolicy", "ResourceQuota", "RoleBinding", "PodDisruptionBudget"}
    kinds.add("HorizontalPodAutoscaler")
    return {f"{o['kind']}/{o['metadata']['name']}" for o in objects if o["kind"] in kinds}


def _start(onshore: Onshore, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *command],
        cwd=onshore.root,
        env=onshore.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finishes(onshore: Onshore, kubectl: Kubectl) -> None:
    done = onshore(*UP)
    assert done.returncode == 0, done.stdout + done.stderr
    assert _exists(kubectl) == _recorded(onshore.root / ".onshore/state" / STATE)
    assert f"Deployment/{NAME}" in _exists(kubectl)


def test_ctrl_c_leaves_a_true_state_and_the_next_up_finishes(away: Onshore, kubectl: Kubectl) -> None:
    with _start(away, *UP) as run:
        assert run.stdout
        # the preview before it creates nothing
        first = next(line for line in run.stdout if "Namespace" in line and "creating" in line)
        run.send_signal(signal.SIGINT)
        said, errors = run.communicate(timeout=60)
    assert first
    assert run.returncode == 130, said + errors
    assert "Traceback" not in said + errors
    assert "interrupting: what runs is finished and saved; press again to give up\n" in errors
    assert "interrupted: what was running has ended and is saved" in said
    recorded = _recorded(away.root / ".onshore/state" / STATE)
    assert _exists(kubectl) == recorded
    assert f"Deployment/{NAME}" not in recorded
    _finishes(away, kubectl)


def test_a_reader_that_leaves_early_loses_nothing(away: Onshore, kubectl: Kubectl) -> None:
    with _start(away, *UP) as run:
        assert run.stdout
        assert run.stderr
        assert any("creating" in line for line in run.stdout)
        run.stdout.close()
        errors = run.stderr.read()
        run.wait(timeout=60)
    assert "Traceback" not in errors
    assert "defect" not in errors
    assert f"Deployment/{NAME}" in _exists(kubectl)
    assert _exists(kubectl) == _recorded(away.root / ".onshore/state" / STATE)


def test_a_disk_that_fills_up_halfway_loses_nothing(away: Onshore, kubectl: Kubectl, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        away.environment["PULUMI_BACKEND_URL"] = disk.url
        disk.fill(leave=28 * 1024)
        done = away(*UP)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "the state cannot be saved: No space left on device" in done.stdout
        (rescued,) = (away.root / ".onshore" / "rescue").glob("*.json")
        assert str(rescued) in done.stdout
        assert _recorded(rescued) == _exists(kubectl)
        json.loads((disk.folder / STATE).read_text("utf-8"))  # the last state that could be saved is whole
        disk.empty()
        back = away("stack", "import", STACK, "--file", str(rescued))
        assert back.returncode == 0, back.stderr
        assert _recorded(disk.folder / STATE) == _exists(kubectl)
        # the small disk has no room for a whole run's backups: the rest goes on elsewhere
        state = away("stack", "export", STACK).stdout
        del away.environment["PULUMI_BACKEND_URL"]
        away.write("exported.json", state)
        assert away("stack", "import", STACK, "--file", "exported.json").returncode == 0
    _finishes(away, kubectl)


def test_a_kubeconfig_that_is_refused_makes_nothing_in_the_cluster(away: Onshore, kubectl: Kubectl) -> None:
    file = away.root / ".onshore" / "kubeconfigs" / f"{CLUSTER_ID}.yaml"
    config = yaml.safe_load(file.read_text("utf-8"))
    config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    config["contexts"].append({**config["contexts"][0], "name": "other"})
    file.write_text(yaml.safe_dump(config), "utf-8")
    key = str(config["users"][0]["user"].get("client-key-data") or config["users"][0]["user"]["token"])
    refuse(
        away,
        "up",
        STACK,
        "--yes",
        code=3,
        says=["2 of them, not one", "insecure-skip-tls-verify"],
        faults=2,
        secrets=[key],
    )
    assert _namespaces(kubectl) == []
    assert not (away.root / ".onshore" / "state").exists()
