"""What the components build for the shipped stacks is what the pack lets through, resource by resource."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pulumi.runtime.proto import analyzer_pb2 as wire

from inventories import Settings
from policies.facts import load_facts
from policies.pack import Pack
from tests.policies.asking import PROJECT, access, ca_sha256, struct

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STACKS = ("finance-payroll-nightly", "health-vaccination-api", "statistics-open-data")
Registration = dict[str, Any]


@pytest.fixture
def at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cluster of the example register answers under the tests' certificate, and there is a kubeconfig for it."""
    register = Settings.load(PROJECT, {"ONSHORE_OVERLAYS": ""}).load_register()
    clusters = []
    for number, (_, cluster) in enumerate(register.clusters()):
        server = f"https://192.0.2.{number + 1}:6443"
        clusters.append({"id": cluster.id, "server": server, "ca_sha256": ca_sha256()})
        (tmp_path / f"{cluster.id}.yaml").write_text(yaml.safe_dump(access(server)), encoding="utf-8")
    overlay = tmp_path / "overlay" / "overlay.yaml"
    overlay.parent.mkdir()
    overlay.write_text(yaml.safe_dump({"overlay": "tests", "fictional": True, "clusters": clusters}), encoding="utf-8")
    monkeypatch.setenv("ONSHORE_OVERLAYS", str(overlay))
    monkeypatch.setenv("ONSHORE_KUBECONFIGS", str(tmp_path))
    monkeypatch.setenv("ONSHORE_ON", "2026-06-01")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///srv/state")


def configuration(stack: str) -> dict[str, str]:
    """A stack's configuration as the engine passes it."""
    values = yaml.safe_load((PROJECT / "stacks" / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def registrations(stack: str) -> list[Registration]:
    """What the stack's program registers."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.policies.registrations", stack],
        cwd=PROJECT / "stacks",
        env=os.environ | {"PULUMI_CONFIG": json.dumps(configuration(stack))},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def findings(stack: str, made: list[Registration]) -> list[str]:
    """What the pack says of them, one by one and as a whole."""
    pack = Pack(load_facts(PROJECT / "policies"))
    told = wire.AnalyzerStackConfigureRequest(stack=stack, project="onshore", config=configuration(stack))
    pack.ConfigureStack(told, None)
    by_urn = {one["urn"]: one for one in made}
    whole = wire.AnalyzeStackRequest()
    found = []
    for one in made:
        asked = wire.AnalyzeRequest(type=one["type"], urn=one["urn"], name=one["name"], properties=struct(one["props"]))
        if one["provider"]:
            provider = by_urn[one["provider"]]
            asked.provider.type, asked.provider.urn, asked.provider.name = (
                provider["type"],
                provider["urn"],
                provider["name"],
            )
            asked.provider.properties.CopyFrom(struct(provider["props"]))
        found += [diagnostic.message for diagnostic in pack.Analyze(asked, None).diagnostics]
        whole.resources.add(type=one["type"], urn=one["urn"], name=one["name"], properties=asked.properties)
    return found + [diagnostic.message for diagnostic in pack.AnalyzeStack(whole, None).diagnostics]


@pytest.mark.usefixtures("at_hand")
@pytest.mark.parametrize("stack", STACKS)
def test_a_shipped_stack_passes(stack: str) -> None:
    made = registrations(stack)
    assert len([one for one in made if one["type"].startswith("kubernetes:")]) > 5
    assert findings(stack, made) == []


LOOSENED: dict[str, tuple[str, Callable[[Registration], None]]] = {
    "without the denial": ("NET-001", lambda one: one["props"].get("spec", {}).pop("policyTypes", None)),
    "without labels": ("CAT-001", lambda one: one["props"].get("metadata", {}).pop("labels", None)),
    "on a default provider": ("PIN-001", lambda one: one.update(provider="")),
}


@pytest.mark.usefixtures("at_hand")
def test_a_shipped_stack_that_somebody_loosens_does_not_pass() -> None:
    made = registrations("health-vaccination-api")
    for name, (rule, loosen) in LOOSENED.items():
        loosened = json.loads(json.dumps(made))
        for one in loosened:
            loosen(one)
        assert any(message.startswith(rule) for message in findings("health-vaccination-api", loosened)), name
