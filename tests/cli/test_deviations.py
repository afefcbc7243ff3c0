"""A finding that is let through, end to end: waived, or of a rule that does not bind yet; and names meant to mislead."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from inventories import load_profile, today
from tests.cli.conftest import KEY, STACK, UP, edit_text, trust_a_key
from tests.cli.refusals import check_words
from tests.project import ROOT

if TYPE_CHECKING:
    from tests.cli.conftest import Claimed
    from tests.project import Onshore

DAY = timedelta(days=1)
GATE = ("gate", STACK, "--key", KEY, "--receipt", "receipt.json")
# What no component builds: a pod whose image is named by a tag. Its name is what a test says.
PROGRAM = '''

import json
import pulumi_kubernetes as k8s
from components.cluster_access import ClusterAccess
from inventories.labels import CATEGORY_LABEL

_cluster = decision.placement.cluster
_content = (settings.kubeconfigs / f"{_cluster.id}.yaml").read_text()
_access = ClusterAccess("own", kubeconfig=_content, cluster=_cluster)
_container = {
    "name": "app",
    "image": "registry.example/app:1",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
_spec = {
    "containers": [_container],
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
}
k8s.core.v1.Pod(
    json.loads(NAME),
    metadata={
        "name": "tagged",
        "namespace": "health-example-vaccination-api",
        "labels": {CATEGORY_LABEL: spec.category},
    },
    spec=_spec,
    opts=pulumi.ResourceOptions(provider=_access),
)
'''


@pytest.fixture
def tagged(claimed: Claimed) -> Onshore:
    """A project whose program makes a pod that IMG-001 refuses, and a trusted key."""
    onshore = claimed.onshore
    trust_a_key(onshore)
    _program(onshore, "tagged")
    (onshore.root / "policies").unlink()  # a link leads the pack to the waivers of the folder it lies in
    shutil.copytree(ROOT / "policies", onshore.root / "policies", ignore=shutil.ignore_patterns("__pycache__"))
    return onshore


def _program(onshore: Onshore, name: str) -> None:
    file = onshore.root / "stacks" / "__main__.py"
    text = (ROOT / "stacks" / "__main__.py").read_text("utf-8")
    file.write_text(text + PROGRAM.replace("NAME", repr(json.dumps(name))), "utf-8")


def _waive(onshore: Onshore, starts_on: date, ends_on: date, **changes: Any) -> None:
    waiver = {
        "id": "noc-7",
        "rule": "IMG-001",
        "stacks": [STACK],
        "urn_pattern": f"urn:pulumi:{STACK}::onshore::kubernetes:core/v1:Pod::*",
        "owner": "A person of the department",
        "reason": "The registry has no digests before August",
        "approving_office": "Cloud Office",
        "reference": "NOC/2026/7",
        "starts_on": starts_on,
        "ends_on": ends_on,
        **changes,
    }
    onshore.write("inventories/waivers/noc-7.yaml", yaml.safe_dump(waiver))


def _today() -> date:
    return today(load_profile("pakistan-cloud-first-trial"))


def test_a_waived_finding_is_told_from_the_preview_to_the_receipt(tagged: Onshore) -> None:
    check_words(tagged(*GATE), 3, [])
    _waive(tagged, _today() - DAY, _today() + 30 * DAY)
    shown = tagged("preview", STACK)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    words = f"IMG-001 high WAIVED BY noc-7 (Cloud Office, NOC/2026/7) until {_today() + 30 * DAY}"
    assert words in shown.stdout
    (found,) = json.loads(tagged("preview", STACK, "--json").stdout)["policyViolations"]
    assert found["level"] == "advisory"
    assert words in found["message"]
    gated = tagged(*GATE, "--json")
    assert gated.returncode == 0, gated.stdout + gated.stderr
    (waived,) = json.loads(gated.stdout)["waived"]
    assert (waived["rule"], waived["waiver"]) == ("IMG-001", "noc-7")
    assert "waived   IMG-001 by noc-7: urn:pulumi:" in tagged("receipt", "show", "receipt.json").stdout
    assert "waived: IMG-001 by noc-7" in tagged(*GATE).stdout
