"""What is kept of a resource is small, and the rules on a whole stack find the same in it as in the whole."""

from __future__ import annotations

import gc
import json
import tracemalloc
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import audit_file
from inventories import OnshoreError
from inventories.labels import CATEGORY_LABEL, DEPARTMENT_LABEL
from tests.audit.test_state_files import DEPARTMENT, PROVIDER, SEALED, exported, provider, stack
from tests.audit.test_wild_files import LEAVES, law
from tests.policies.asking import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from policies.subject import Subject

START = "urn:pulumi:s::p::"
AZURE = "pulumi:providers:azure-native"
NETWORKED: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
ODD = LEAVES | st.just(SEALED) | st.just(UNKNOWN) | st.just({}) | st.just(["a"])
NAMES = st.sampled_from(["a", "b"]) | st.sampled_from(["a", UNKNOWN, "default", "n" * 5000]) | ODD
LABELS = st.sampled_from([{CATEGORY_LABEL: name} for name in ("open", "restricted", "secret")])
METADATA = st.fixed_dictionaries({"namespace": NAMES, "name": NAMES, "labels": LABELS}) | st.fixed_dictionaries(
    {}, optional={"name": NAMES, "namespace": NAMES, "labels": st.fixed_dictionaries({CATEGORY_LABEL: ODD}) | ODD}
)
SPECS = (
    st.just(NETWORKED)
    | st.just(NETWORKED | {"ingress": [{}]})
    | st.just(NETWORKED | {"egress": [{}]})
    | st.fixed_dictionaries({}, optional={"podSelector": ODD | st.just({"matchLabels": {"a": "b"}}),
                                          "policyTypes": ODD | st.just(["Ingress"]), "egress": ODD})
    | ODD
)  # fmt: skip
POD: dict[str, Any] = {"template": {"metadata": {}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}
RANGES = st.sampled_from(["128.0.0.0/1", "0.0.0.0/1", "10.0.0.0/8"]) | ODD
TYPES = {
    "kubernetes:core/v1:Namespace": st.fixed_dictionaries({"metadata": METADATA | ODD}),
    "kubernetes:apps/v1:Deployment": st.fixed_dictionaries({"metadata": METADATA, "spec": st.just(POD) | ODD}),
    "kubernetes:core/v1:PodList": st.fixed_dictionaries(
        {"items": st.lists(st.fixed_dictionaries({"metadata": METADATA, "spec": st.just(POD["template"]["spec"])}))}
    ),
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": st.fixed_dictionaries({"metadata": METADATA, "spec": SPECS}),
    "azure-native:network:VirtualNetwork": st.fixed_dictionaries(
        {}, optional={"virtualNetworkName": NAMES, "resourceGroupName": NAMES, "location": NAMES, "tags": LABELS | ODD}
    ),
    "azure-native:network:Subnet": st.fixed_dictionaries(
        {}, optional={"virtualNetworkName": NAMES, "subnetName": NAMES, "resourceGroupName": NAMES}
    ),
    "azure-native:network:SecurityRule": st.fixed_dictionaries(
        {"sourceAddressPrefix": RANGES}, optional={"networkSecurityGroupName": NAMES, "sourceAddressPrefixes": NAMES}
    ),
    "pulumi:pulumi:StackReference": st.fixed_dictionaries({"name": NAMES}),
}


@st.composite
def resources(draw: st.DrawFn, count: int = 8) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    kinds = draw(st.lists(st.sampled_from(sorted(TYPES)), min_size=1, max_size=3))
    for number in range(draw(st.integers(1, count))):
        type_ = draw(st.sampled_from(kinds))
        earlier = [one["urn"] for one in made] or [PROVIDER]
        sources = st.dictionaries(
            st.sampled_from(["metadata", "virtualNetworkName", "resourceGroupName"]),
            st.lists(st.sampled_from(earlier), max_size=2),
        )
        cloud = draw(st.sampled_from([f"{START}{AZURE}::one::2", f"{START}{AZURE}::two::2"]))
        made.append(
            {
                "urn": f"{START}{type_}::r{number}",
                "type": type_,
                "provider": cloud if type_.startswith("azure") else f"{PROVIDER}::1",
                "inputs": draw(TYPES[type_]),
                "propertyDependencies": draw(sources),
                "dependencies": draw(st.lists(st.sampled_from(earlier), max_size=2)),
            }
        )
    return made


def clouds() -> Iterator[dict[str, Any]]:
    for name in ("one", "two"):
        yield {"urn": f"{START}{AZURE}::{name}", "type": AZURE, "id": "2", "inputs": {"location": "xa"}}


def found_in(file: Path) -> object:
    world, checks = law()
    try:
        return audit_file(file, world.facts, checks)
    except OnshoreError as error:
        return str(error.faults)  # text that no JSON holds


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(resources(), st.sampled_from(["open", "restricted", "nobody knows"]))
def test_rules_on_a_whole_stack_find_the_same_in_what_is_kept(
    tmp_path: Path, made: list[dict[str, Any]], category: str
) -> None:
    document = exported(stack(category=category, department=DEPARTMENT), provider(), *clouds(), *made)
    (file := tmp_path / "s.json").write_text(json.dumps(document))
    found = found_in(file)
    with patch("audit.judging.kept", lambda subject: subject):
        assert found_in(file) == found


def maps(count: int, data: int) -> list[dict[str, Any]]:
    type_, labels = "kubernetes:core/v1:ConfigMap", {CATEGORY_LABEL: "open", DEPARTMENT_LABEL: DEPARTMENT}
    return [
        {
            "urn": f"{START}{type_}::map-{n}",
            "type": type_,
            "provider": f"{PROVIDER}::1",
            "inputs": {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"map-{n}", "namespace": "n", "labels": labels, "annotations": {"a": f"{n}"}},
                "data": {f"key-{n}-{key}": f"value {n}" for key in range(data)},
            },
            "propertyDependencies": {"metadata": [f"{START}kubernetes:core/v1:Namespace::n"], "data": []},
            "dependencies": [f"{START}kubernetes:core/v1:Namespace::n"],
        }
        for n in range(count)
    ]


def networks(count: int, data: int) -> list[dict[str, Any]]:
    type_, group = "azure-native:network:VirtualNetwork", f"{START}azure-native:resources:ResourceGroup::g"
    return [
        {
            "urn": f"{START}{type_}::net-{n}",
            "type": type_,
            "provider": f"{START}{AZURE}::one::2",
            "inputs": {
                "virtualNetworkName": f"net-{n}",
                "resourceGroupName": "g",
                "location": "xa",
                "addressSpace": {"addressPrefixes": [f"10.{n}.{key}.0/24" for key in range(data)]},
            },
            "propertyDependencies": {"resourceGroupName": [group], "location": []},
            "dependencies": [group],
        }
        for n in range(count)
    ]


@pytest.mark.parametrize("data", [0, 40])
@pytest.mark.parametrize(("kind", "most"), [(maps, 700), (networks, 1700)])
def test_a_resource_more_costs_little_memory_however_much_it_holds(
    tmp_path: Path, kind: Any, most: int, data: int
) -> None:
    """The growth from 500 to 1,500 resources, when the rules on the whole stack are asked."""
    world, checks = law()
    held: list[int] = []

    def noted(_subjects: Sequence[Subject], _checks: Any) -> list[Any]:
        gc.collect()  # what is only not yet collected is held by nobody
        held.append(tracemalloc.get_traced_memory()[0])
        return []

    with patch("audit.judging.judge_stack", noted), patch("audit.judging.judge", lambda *_: []):
        for count in (500, 1500):
            resources = [stack(category="open", department=DEPARTMENT), provider(), *clouds(), *kind(count, data)]
            (tmp_path / "s.json").write_text(json.dumps(exported(*resources)))
            tracemalloc.start()
            try:
                audit_file(tmp_path / "s.json", world.facts, checks)
            finally:
                tracemalloc.stop()
    assert held[1] - held[0] < 1000 * most
