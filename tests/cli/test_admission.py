"""`onshore admission`: what it writes, and what it refuses before any cluster is asked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

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
    def said(day: str) -> str:
        done = offline("admission", "render", "--cluster", CLUSTER_ID, "--json", ONSHORE_ON=day)
        policy = next(obj for obj in json.loads(done.stdout) if obj["metadata"]["name"] == "onshore-register")
        variables = {each["name"]: each["expression"] for each in policy["spec"]["variables"]}
        return str(json.loads(variables["register"])["restricted"])

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT19:00:00Z", said("2026-06-01"))
    assert "ACC-004 critical" in said("2099-01-01")


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

    assert state() == (1, "missing")
    try:
        first = onshore("admission", "apply", CLUSTER_ID, "--yes")
        assert first.returncode == 0, first.stderr
        assert "created   ValidatingAdmissionPolicy onshore-pod-001\n" in first.stdout
        assert state() == (0, "in force")
        again = onshore("admission", "apply", CLUSTER_ID, "--yes")
        assert {line.split()[0] for line in again.stdout.splitlines()[:-1]} == {"unchanged"}
        weaker = '[{"op": "replace", "path": "/spec/failurePolicy", "value": "Ignore"}]'
        kubectl("patch", "validatingadmissionpolicy", "onshore-pod-001", "--type=json", f"--patch={weaker}")
        assert state() == (1, "stale")
        mended = onshore("admission", "apply", CLUSTER_ID, "--yes")
        assert "changed   ValidatingAdmissionPolicy onshore-pod-001\n" in mended.stdout
        assert state() == (0, "in force")
    finally:
        removed = onshore("admission", "remove", CLUSTER_ID, "--yes")
    assert removed.returncode == 0, removed.stderr
    assert state() == (1, "missing")


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
