"""What is let through, end to end: a waived finding, a rule that does not bind yet; and names meant to mislead."""

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
    from pathlib import Path
    from subprocess import CompletedProcess

    from tests.cli.conftest import Claimed
    from tests.project import Onshore

DAY = timedelta(days=1)
GATE = ("gate", STACK, "--key", KEY, "--receipt", "receipt.json")
# What no component builds: a pod whose image is named by a tag. Its name is what a test says.
PROGRAM = """

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
"""


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
    _waive(tagged, _today() - DAY, _today() + 30 * DAY)
    words = f"IMG-001 high WAIVED BY noc-7 (Cloud Office, NOC/2026/7) until {_today() + 30 * DAY}"
    shown = tagged("preview", STACK, "--json")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    (found,) = json.loads(shown.stdout)["policyViolations"]
    assert found["level"] == "advisory"
    assert words in found["message"]
    gated = tagged(*GATE)
    assert gated.returncode == 0, gated.stdout + gated.stderr
    assert "[advisory] IMG-001" in gated.stdout
    assert words in gated.stdout
    assert "waived: IMG-001 by noc-7" in gated.stdout
    document = json.loads(tagged("receipt", "show", "receipt.json", "--json").stdout)
    (waived,) = document["waived"]
    assert (waived["rule"], waived["waiver"]) == ("IMG-001", "noc-7")
    assert list(document["materials"]["waivers"]) == ["waivers/noc-7.yaml"]
    # the waiver is bound: one that lasts longer is another
    _waive(tagged, _today() - DAY, _today() + 31 * DAY)
    check_words(tagged(*UP), 3, ["waivers: waivers/noc-7.yaml: changed since it was gated"])


def test_a_waiver_that_ended_refuses_and_says_when(tagged: Onshore) -> None:
    _waive(tagged, _today() - 30 * DAY, _today() - DAY)
    refused = tagged(*GATE)
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "[mandatory] IMG-001" in refused.stdout
    assert f"The waiver noc-7 (Cloud Office, NOC/2026/7) ended on {_today() - DAY}." in refused.stdout
    assert "[mandatory] WVR-001" in refused.stdout
    assert not (tagged.root / "receipt.json").exists()


def test_a_rule_that_does_not_bind_yet_is_let_through_and_told_and_binds_the_receipt(
    tagged: Onshore, tmp_path: Path
) -> None:
    rooms = tmp_path / "rooms"  # rules are shipped with the program: a program of its own has a later one
    shutil.copytree(ROOT / "inventories", rooms / "inventories", ignore=shutil.ignore_patterns("__pycache__"))
    rule = rooms / "inventories/rules/IMG-001.yaml"
    edit_text(rule, "effective_on: 2022-02-15", "effective_on: 2099-01-01")
    gated = tagged(*GATE, PYTHONPATH=str(rooms))
    assert gated.returncode == 0, gated.stdout + gated.stderr
    assert "IMG-001 high BINDS FROM 2099-01-01" in gated.stdout
    assert "waived" not in gated.stdout
    edit_text(rule, "effective_on: 2099-01-01", "effective_on: 2098-01-01")
    again = tagged(*UP, PYTHONPATH=str(rooms))
    check_words(again, 3, ["rules: rules/IMG-001.yaml: changed since it was gated"])


HOSTILE = "x\n\x1b[31mgated: all well\r\u202e<b onclick=x>&amp;`|" + "y" * 10_000


def test_names_meant_to_mislead_are_shown_on_one_bearable_line(tagged: Onshore) -> None:
    _program(tagged, HOSTILE)
    _tame(tagged(*GATE), 3)
    _waive(tagged, _today(), _today() + DAY)
    _tame(tagged(*GATE), 0)
    _tame(tagged("receipt", "show", "receipt.json"), 0)


def _tame(done: CompletedProcess[str], code: int) -> None:
    assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
    for line in [*done.stdout.split("\n"), *done.stderr.split("\n")]:
        assert all(c.isprintable() for c in line), ascii(line[:400])
        assert len(line) < 2_000, (len(line), ascii(line[:400]))
        assert not line.lstrip().startswith("gated: all well")
