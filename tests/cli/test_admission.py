"""`onshore admission`: what it writes, and what it refuses before any cluster is asked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.project import CLUSTER_ID

if TYPE_CHECKING:
    from tests.project import Onshore


def test_render_writes_a_policy_and_its_binding(offline: Onshore) -> None:
    done = offline("admission", "render", "--json")
    assert done.returncode == 0, done.stderr
    policy, binding = json.loads(done.stdout)
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}


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
