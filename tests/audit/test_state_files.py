"""State files are judged by the same checks; one that cannot be read never counts as clean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from audit import audit_file
from inventories import OnshoreError
from policies.dispatcher import Catalogue, load_checks
from tests.policies.asking import SECRET_SIGNATURE, SIGNATURE, World, namespace
from tests.worlds import DEPARTMENT

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN = "ciphertext-nobody-sees"
PROVIDER = "urn:pulumi:s::p::pulumi:providers:kubernetes::cluster"


def judged(tmp_path: Path, *, cluster: str | None = None, **outputs: Any) -> set[str]:
    world = World()
    sealed = {SIGNATURE: SECRET_SIGNATURE, "ciphertext": HIDDEN}
    open_data = namespace(category="open", level="restricted").props
    resources = [
        {"urn": "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", "type": "pulumi:pulumi:Stack", "outputs": outputs},
        {"urn": PROVIDER, "type": "pulumi:providers:kubernetes", "id": "1",
         "inputs": {"kubeconfig": sealed, "clusterIdentifier": cluster or world.cluster.id}},
        {"urn": "urn:pulumi:s::p::kubernetes:core/v1:Namespace::n", "type": "kubernetes:core/v1:Namespace",
         "provider": f"{PROVIDER}::1", "inputs": open_data, "parent": "urn:pulumi:s::p::a:b:C::loop"},
    ]  # fmt: skip
    file = tmp_path / "s.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    found = audit_file(file, world.facts, Catalogue(load_checks(world.facts.rules)))
    assert HIDDEN not in str(found)
    return {one.rule for one in found.findings}


def test_a_lawful_state_is_clean_with_its_kubeconfig_sealed(tmp_path: Path) -> None:
    assert judged(tmp_path, category="open", department=DEPARTMENT) == set()


def test_what_breaks_a_rule_is_found(tmp_path: Path) -> None:
    assert "CAT-001" in judged(tmp_path, department=DEPARTMENT)
    assert "CAT-001" in judged(tmp_path, category="restricted", department=DEPARTMENT)
    assert "PIN-002" in judged(tmp_path, cluster="nowhere", category="open", department=DEPARTMENT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"version": 3, "deployment": {}}',
        '{"version": 9, "deployment": {"resources": []}}',
        '{"version": 3, "deployment": {"resources": [{"urn": "a"',
    ],
)
def test_what_cannot_be_read_is_never_clean(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    world = World()
    with pytest.raises(OnshoreError):
        audit_file(tmp_path / "s.json", world.facts, Catalogue(load_checks(world.facts.rules)))
