"""`onshore admission`: what it writes, and what it refuses before any cluster is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

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
