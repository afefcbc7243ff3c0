"""What the components build for the shipped stacks is what the pack lets through, resource by resource."""

from __future__ import annotations

import copy
import runpy
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from google.protobuf import json_format

from engine.testing import Stack
from inventories import Settings
from policies.facts import load_facts
from policies.pack import Pack
from tests.policies.asking import PROJECT, access, ca_sha256, struct
from tests.policies.beside import beside
from tests.project import linked_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.testing import Ran

PACK = PROJECT / "policies"
STACKS = ("finance-payroll-nightly", "health-vaccination-api", "statistics-open-data")


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


class _Recording(Pack):
    """The pack, and what the engine asked it, in order."""

    def __init__(self) -> None:
        super().__init__(load_facts(PACK))
        self.asked: list[tuple[str, Any]] = []

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        self.asked.append(("ConfigureStack", request))
        return super().ConfigureStack(request, context)

    def Analyze(self, request: Any, context: Any) -> Any:  # noqa: N802 - as above
        self.asked.append(("Analyze", request))
        return super().Analyze(request, context)

    def AnalyzeStack(self, request: Any, context: Any) -> Any:  # noqa: N802 - as above
        self.asked.append(("AnalyzeStack", request))
        return super().AnalyzeStack(request, context)


def previewed(stack: str, folder: Path) -> tuple[Ran, list[tuple[str, Any]]]:
    """A preview of a shipped stack with the pack attached, and what the pack was asked."""
    config = yaml.safe_load((PROJECT / "stacks" / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    pack = _Recording()

    def program() -> None:
        runpy.run_path(str(PROJECT / "stacks" / "__main__.py"), run_name="__main__")

    with beside(pack):
        ran = Stack(linked_project(folder), name=stack, project="onshore", config=config).preview(
            program, policy_packs=(PACK,)
        )
    return ran, pack.asked


@pytest.mark.usefixtures("at_hand")
@pytest.mark.parametrize("stack", STACKS)
def test_a_shipped_stack_passes(stack: str, tmp_path: Path) -> None:
    ran, asked = previewed(stack, tmp_path / "project")
    assert (ran.errors, ran.findings) == ([], ())
    judged = [request.type for method, request in asked if method == "Analyze"]
    assert len([token for token in judged if token.startswith("kubernetes:")]) > 5


def _without(*path: str) -> Callable[[Any], None]:
    def loosen(asked: Any) -> None:
        props = json_format.MessageToDict(asked.properties)
        place = props
        for part in path[:-1]:
            place = place.get(part, {})
        if place.pop(path[-1], None) is not None:
            asked.properties.CopyFrom(struct(props))

    return loosen


LOOSENED: dict[str, tuple[str, Callable[[Any], None]]] = {
    "without the denial": ("NET-001", _without("spec", "policyTypes")),
    "without labels": ("CAT-001", _without("metadata", "labels")),
    "on a default provider": ("PIN-001", lambda asked: asked.ClearField("provider")),
}


@pytest.mark.usefixtures("at_hand")
def test_a_shipped_stack_that_somebody_loosens_does_not_pass(tmp_path: Path) -> None:
    _, asked = previewed("health-vaccination-api", tmp_path / "project")
    for name, (rule, loosen) in LOOSENED.items():
        pack, said = Pack(load_facts(PACK)), []
        for method, request in copy.deepcopy(asked):
            for one in {"Analyze": [request], "AnalyzeStack": getattr(request, "resources", ())}.get(method, ()):
                loosen(one)
            answer = getattr(pack, method)(request, None)
            said += [diagnostic.message for diagnostic in getattr(answer, "diagnostics", ())]
        assert any(message.startswith(rule) for message in said), name
