"""The main job on a real cluster, looked at with a client that is not ours."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from inventories.labels import CATEGORY_LABEL, DEPARTMENT_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.project import Onshore

pytestmark = pytest.mark.cluster
STACK = "health-vaccination-api"
SPACE = "health-example-vaccination-api"
KINDS = "deployments,services,ingresses,networkpolicies,resourcequotas,limitranges,rolebindings,poddisruptionbudgets"


def _changes(onshore: Onshore, *arguments: str) -> dict[str, int]:
    done = onshore(*arguments, "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    return {op: count for op, count in json.loads(done.stdout)["changeSummary"].items() if op != "same"}


def test_a_lawful_service_goes_up_ready_changes_drifts_and_goes_away(
    onshore: Onshore, kubectl: Callable[..., Any]
) -> None:
    up = onshore("up", STACK, "--yes")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "vaccination-api-deployment  created" in up.stdout
    assert "Ready: " in up.stdout

    deployment = kubectl("get", "deployment", "vaccination-api", "-n", SPACE)
    assert deployment["status"]["readyReplicas"] == deployment["spec"]["replicas"] == 2
    labels = kubectl("get", "namespace", SPACE)["metadata"]["labels"]
    assert (labels[CATEGORY_LABEL], labels[DEPARTMENT_LABEL]) == ("restricted", "health-example")
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    kinds = {item["kind"] for item in kubectl("get", KINDS, "-n", SPACE)["items"]}
    assert len(kinds) == len(KINDS.split(","))

    # nothing to do
    assert _changes(onshore, "preview", STACK, "--expect-no-changes") == {}

    # a change
    file = onshore.root / "stacks" / f"Pulumi.{STACK}.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "  onshore:replicas: 3\n", encoding="utf-8")
    assert _changes(onshore, "up", STACK, "--yes")["update"] >= 1

    # the number of pods is the autoscaler's: what it scaled to is neither a change nor taken back by one
    kubectl("scale", "deployment", "vaccination-api", "-n", SPACE, "--replicas=5")
    assert _changes(onshore, "preview", STACK, "--refresh", "--expect-no-changes") == {}
    score = onshore.root / "stacks" / "workloads" / "vaccination-api" / "score.yaml"
    score.write_text(
        score.read_text(encoding="utf-8").replace("metadata:\n", "metadata:\n  annotations: {note: b}\n", 1)
    )
    assert _changes(onshore, "up", STACK, "--yes")["update"] >= 1
    assert kubectl("get", "deployment", "vaccination-api", "-n", SPACE)["spec"]["replicas"] == 5

    # drift: seen by a refresh, mended by the next up
    kubectl("label", "namespace", SPACE, f"{DEPARTMENT_LABEL}=somebody-else", "--overwrite")
    assert _changes(onshore, "refresh", STACK, "--yes") == {"update": 1}
    assert _changes(onshore, "up", STACK, "--yes")["update"] == 1
    assert kubectl("get", "namespace", SPACE)["metadata"]["labels"][DEPARTMENT_LABEL] == "health-example"

    gone = onshore("destroy", STACK, "--yes")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert kubectl("get", "namespaces", f"--field-selector=metadata.name={SPACE}")["items"] == []


def test_a_change_that_stopped_halfway_can_be_taken_back(onshore: Onshore, kubectl: Callable[..., Any]) -> None:
    score = onshore.root / "stacks" / "workloads" / "vaccination-api" / "score.yaml"
    before = score.read_text(encoding="utf-8")
    (container,) = yaml.safe_load(before)["containers"]
    (image,) = [each["image"] for each in yaml.safe_load(before)["containers"].values()]
    others = [image.partition("@")[0] + "@sha256:" + digit * 64 for digit in "ab"]

    def set_by_hand(to: str) -> None:
        kubectl(
            "set", "image", "deployment/vaccination-api", f"{container}={to}", "-n", SPACE, "--field-manager=another"
        )

    assert onshore("up", STACK, "--yes").returncode == 0
    set_by_hand(others[0])
    score.write_text(before.replace(image, others[1]).replace("variables:", "variables:\n      NEW: value"), "utf-8")
    stopped = onshore("up", STACK, "--yes")
    assert stopped.returncode == 1, stopped.stdout + stopped.stderr
    assert "onflict" in stopped.stdout
    assert len(kubectl("get", "configmaps", "-n", SPACE, "-l", "onshore.example/department")["items"]) == 2

    set_by_hand(image)
    score.write_text(before, encoding="utf-8")
    back = onshore("up", STACK, "--yes")
    assert back.returncode == 0, back.stdout + back.stderr
    (held,) = kubectl("get", "configmaps", "-n", SPACE, "-l", "onshore.example/department")["items"]
    pods = kubectl("get", "deployment", "vaccination-api", "-n", SPACE)["spec"]["template"]
    assert held["metadata"]["name"] in str(pods)
    assert not any(key.endswith(".NEW") for key in held["data"])


def test_a_nightly_job_of_confidential_data_goes_up(onshore: Onshore, kubectl: Callable[..., Any]) -> None:
    done = onshore("up", "finance-payroll-nightly", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    job = kubectl("get", "cronjob", "payroll-nightly", "-n", "finance-example-payroll-nightly")
    assert job["metadata"]["labels"][CATEGORY_LABEL] == "confidential"


def test_a_secret_of_the_stack_reaches_the_cluster_and_nothing_else(
    onshore: Onshore, kubectl: Callable[..., Any]
) -> None:
    stack, space, word = "finance-payroll-nightly", "finance-example-payroll-nightly", "not-to-be-shown"
    onshore("config", "set", stack, "onshore:environment.LEDGER", word, "--path", "--secret")
    done = onshore("up", stack, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert word not in done.stdout + done.stderr
    state = onshore.root / ".onshore" / "state" / ".pulumi" / "stacks" / "onshore" / f"{stack}.json"
    encoded = base64.b64encode(word.encode()).decode()
    assert word not in state.read_text(encoding="utf-8")
    assert encoded not in state.read_text(encoding="utf-8")
    (kept,) = [
        item for item in kubectl("get", "secrets", "-n", space)["items"] if "payroll" in item["metadata"]["name"]
    ]
    assert encoded in kept["data"].values()
    assert encoded not in str(kubectl("get", "configmaps,cronjobs", "-n", space)["items"])


def test_a_foreign_region_is_refused_with_every_reason_and_the_way_out(
    onshore: Onshore, kubectl: Callable[..., Any]
) -> None:
    before = {item["metadata"]["name"] for item in kubectl("get", "namespaces")["items"]}
    done = onshore("up", "health-vaccination-abroad", "--yes")
    assert done.returncode == 3
    assert "RES-001" in done.stderr
    assert "CAT-002" in done.stderr
    assert "remove `onshore:placement.region: example-csp-delta-xa`" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert {item["metadata"]["name"] for item in kubectl("get", "namespaces")["items"]} == before


def test_the_pack_refuses_a_program_that_goes_round_the_components(
    onshore: Onshore, kubectl: Callable[..., Any]
) -> None:
    onshore.write(
        "stacks/__main__.py",
        "import pathlib, pulumi, pulumi_kubernetes as k8s\n"
        "content = pathlib.Path('../.onshore/kubeconfigs/example-csp-alpha-khi-1.yaml').read_text()\n"
        "cluster = k8s.Provider('cluster', kubeconfig=content)\n"
        "k8s.core.v1.Namespace('bare', metadata={'name': 'e2e-bare'}, opts=pulumi.ResourceOptions(provider=cluster))\n",
    )
    done = onshore("up", STACK, "--yes")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "CAT-001" in done.stdout
    assert kubectl("get", "namespaces", "--field-selector=metadata.name=e2e-bare")["items"] == []


def test_a_volume_of_restricted_data_lies_on_encrypted_storage(onshore: Onshore, kubectl: Callable[..., Any]) -> None:
    score = onshore.root / "stacks" / "workloads" / "vaccination-api" / "score.yaml"
    document = yaml.safe_load(score.read_text(encoding="utf-8"))
    document["resources"]["kept"] = {"type": "volume", "params": {"size": "1Gi"}}
    (container,) = document["containers"].values()
    container.setdefault("volumes", {})["/kept"] = {"source": "${resources.kept}"}
    score.write_text(yaml.safe_dump(document), encoding="utf-8")
    done = onshore("up", STACK, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    (claim,) = kubectl("get", "pvc", "-n", SPACE)["items"]
    assert (claim["spec"]["storageClassName"], claim["status"]["phase"]) == ("encrypted", "Bound")
    assert onshore("destroy", STACK, "--yes").returncode == 0
