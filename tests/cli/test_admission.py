"""`onshore admission`: what it writes, and what it refuses before any cluster is asked."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.project import CLUSTER_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.project import Onshore


def test_render_writes_policies_and_bindings_that_refuse(offline: Onshore) -> None:
    done = offline("admission", "render", "--cluster", CLUSTER_ID, "--json")
    assert done.returncode == 0, done.stderr
    objects = json.loads(done.stdout)
    policies = {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == "ValidatingAdmissionPolicy"}
    denied = [obj["spec"]["policyName"] for obj in objects if obj["spec"].get("validationActions") == ["Deny"]]
    assert all(policy["spec"]["failurePolicy"] == "Fail" for policy in policies.values())
    assert sorted(denied) == sorted(policies)


def test_render_writes_what_the_register_says_of_the_cluster_on_the_day(offline: Onshore) -> None:
    def said(day: str) -> Any:
        done = offline("admission", "render", "--cluster", CLUSTER_ID, "--json", ONSHORE_ON=day)
        given = next(obj for obj in json.loads(done.stdout) if obj["kind"] == "AdmissionParameters")
        return given["spec"]["categories"]["restricted"]["here"]

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT19:00:00Z", said("2026-06-01")["until"])
    assert "ACC-004 critical" in said("2099-01-01")["refused"]


def test_apply_refuses_a_cluster_that_the_register_does_not_know(offline: Onshore) -> None:
    done = offline("admission", "apply", "nowhere", "--yes")
    assert done.returncode == 2
    assert "the register has no such cluster" in done.stderr


def test_apply_refuses_a_kubeconfig_that_is_missing_or_leads_elsewhere(offline: Onshore) -> None:
    missing = offline("admission", "apply", "example-csp-alpha-khi-1", "--yes")
    assert missing.returncode == 2
    assert "no kubeconfig that can be read" in missing.stderr
    offline.write(".onshore/kubeconfigs/example-csp-alpha-khi-1.yaml", "clusters: []\n")
    elsewhere = offline("admission", "apply", "example-csp-alpha-khi-1", "--yes")
    assert elsewhere.returncode == 3
    assert "does not lead to example-csp-alpha-khi-1" in elsewhere.stderr


@pytest.mark.cluster
def test_a_cluster_that_does_not_answer_is_a_fault_in_words(onshore: Onshore) -> None:
    kubeconfig = onshore.root / ".onshore" / "kubeconfigs" / f"{CLUSTER_ID}.yaml"
    gone = "https://127.0.0.1:9"
    for file in (kubeconfig, Path(onshore.environment["ONSHORE_OVERLAYS"])):
        text = re.sub(r"https://127\.0\.0\.1:\d+", gone, file.read_text())
        onshore.write(f".onshore/{file.name}", text)
    onshore.write(f".onshore/kubeconfigs/{CLUSTER_ID}.yaml", (onshore.root / ".onshore" / kubeconfig.name).read_text())
    overlay = onshore.root / ".onshore" / Path(onshore.environment["ONSHORE_OVERLAYS"]).name
    done = onshore("admission", "apply", CLUSTER_ID, "--yes", ONSHORE_OVERLAYS=str(overlay))
    assert done.returncode == 2, done.stderr
    assert "no answer from https://127.0.0.1:9" in done.stderr
    assert "defect" not in done.stderr


@pytest.mark.cluster
def test_apply_shows_what_changes_and_status_says_what_holds(onshore: Onshore, kubectl: Callable[..., Any]) -> None:
    def state() -> tuple[int, str]:
        done = onshore("admission", "status", CLUSTER_ID, "--json")
        return done.returncode, json.loads(done.stdout)["state"]

    def weakened(kind: str, name: str, patch: str) -> None:
        kubectl("patch", kind, name, "--type=json", f"--patch={patch}")
        assert state() == (1, "stale")
        mended = [line.split() for line in _applied(onshore) if not line.startswith("unchanged")]
        assert [[change, each_name] for change, _, each_name in mended] == [["changed", name]]
        assert state() == (0, "in force")

    assert state() == (1, "missing")
    try:
        first = _applied(onshore)
        assert "created   ValidatingAdmissionPolicy onshore-pod-001" in first
        assert "created   AdmissionParameters onshore" in first
        assert state() == (0, "in force")
        assert {line.split()[0] for line in _applied(onshore)} == {"unchanged"}
        weaker = '[{"op": "replace", "path": "/spec/failurePolicy", "value": "Ignore"}]'
        weakened("validatingadmissionpolicy", "onshore-pod-001", weaker)
        later = '[{"op": "replace", "path": "/spec/categories/open/here/until", "value": "2999-01-01T00:00:00Z"}]'
        weakened("admissionparameters", "onshore", later)
    finally:
        removed = onshore("admission", "remove", CLUSTER_ID, "--yes")
    assert removed.returncode == 0, removed.stderr
    assert state() == (1, "missing")


@pytest.mark.cluster
def test_a_new_issue_of_the_register_needs_new_parameters_only(onshore: Onshore) -> None:
    register = onshore.root / "inventories" / "registers" / "example" / "register.yaml"
    try:
        _applied(onshore)
        register.write_text(register.read_text().replace('version: "2026.1"', 'version: "2026.2"'))
        stale = onshore("admission", "status", CLUSTER_ID)
        assert stale.returncode == 1
        assert "stale     AdmissionParameters onshore" in stale.stdout
        assert "of the register 2026.1@" in stale.stdout
        changed = [line.split()[1:] for line in _applied(onshore) if not line.startswith("unchanged")]
        assert changed == [["AdmissionParameters", "onshore"]]
    finally:
        onshore("admission", "remove", CLUSTER_ID, "--yes")


@pytest.mark.cluster
def test_what_was_removed_can_be_applied_again(onshore: Onshore, kubectl: Callable[..., Any]) -> None:
    """The API server has to find the parameters again, and lets in and refuses as before."""
    name = f"again-{uuid.uuid4().hex[:8]}"
    lawful = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it", "namespace": name}}
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "onshore.example/data-category": "restricted"}
    lawful["metadata"] |= {"labels": labels}  # type: ignore[operator]
    kubectl(
        "create",
        "--filename=-",
        stdin={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
    )
    try:
        for _ in range(2):
            _applied(onshore)
            kubectl("create", "--dry-run=server", "--filename=-", stdin=lawful)
            with pytest.raises(AssertionError, match="CAT-001"):
                kubectl("label", "--dry-run=server", "configmap", "--namespace", name, "kube-root-ca.crt", "a=b")
            removed = onshore("admission", "remove", CLUSTER_ID, "--yes")
            assert removed.returncode == 0, removed.stderr
    finally:
        onshore("admission", "remove", CLUSTER_ID, "--yes")
        kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.cluster
def test_only_the_platform_may_bring_the_rules(onshore: Onshore, kubectl: Callable[..., Any]) -> None:
    kubeconfig = onshore.root / ".onshore" / "kubeconfigs" / f"{CLUSTER_ID}.yaml"
    document = yaml.safe_load(kubeconfig.read_text())
    document["users"][0]["user"] = {"token": kubectl("create", "token", "default")["status"]["token"]}
    kubeconfig.write_text(yaml.safe_dump(document))
    for command in ("apply", "remove"):
        done = onshore("admission", command, CLUSTER_ID, "--yes")
        assert done.returncode == 3, done.stdout + done.stderr
        assert "onshore:platform" in done.stderr


def _applied(onshore: Onshore) -> list[str]:
    done = onshore("admission", "apply", CLUSTER_ID, "--yes")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[:-1]


@pytest.mark.cluster
def test_what_the_components_build_goes_up_under_the_rules(onshore: Onshore) -> None:
    try:
        applied = onshore("admission", "apply", CLUSTER_ID, "--yes")
        assert applied.returncode == 0, applied.stderr
        for stack in ("health-vaccination-api", "finance-payroll-nightly"):
            up = onshore("up", stack, "--yes")
            assert up.returncode == 0, up.stdout + up.stderr
    finally:
        removed = onshore("admission", "remove", CLUSTER_ID, "--yes")
    assert removed.returncode == 0, removed.stderr
