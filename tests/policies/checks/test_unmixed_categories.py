"""CAT-004, two-way."""

from __future__ import annotations

from typing import Any

import pytest

from inventories.labels import CATEGORY_LABEL, DEDICATED_LABEL
from tests.policies.asking import DROP, UNKNOWN, Resource, World, deployment, edited, made, namespace, secret, table
from tests.worlds import DEPARTMENT

TEMPLATE = ("spec", "template", "metadata", "labels", CATEGORY_LABEL)
PLACE = ("metadata", "namespace")
LOOSE = made("ConfigMap", "v1")
STRICT = made("Secret", "v1", category="confidential")


@table(
    {
        "a workload and pods of one category": (deployment(),),
        "an alias is the same category": (edited(deployment(category="confidential"), *TEMPLATE, to="sensitive"),),
        "pods of a stricter category": (edited(deployment(), *TEMPLATE, to="secret"), "CAT-004"),
        "pods of no category": (edited(deployment(), *TEMPLATE, to=DROP), "CAT-001"),
        "pods of a category that is a number": (edited(deployment(), *TEMPLATE, to=3), "CAT-001"),
        "pods of an unknown category": (edited(deployment(), *TEMPLATE, to=UNKNOWN), "UNK-001"),
    }
)
def test_a_workload_and_its_pods_are_of_one_category(asked: Resource, refusing: set[str]) -> None:
    found = World("restricted").refused_by(asked)
    assert ("CAT-004" in found) == ("CAT-004" in refusing)
    assert refusing <= found


@pytest.mark.parametrize(
    ("resources", "refused"),
    [
        ((namespace(), LOOSE), False),
        ((LOOSE, edited(STRICT, *PLACE, to="other")), False),
        ((LOOSE, STRICT), True),
        ((STRICT, namespace()), True),
        ((edited(LOOSE, *PLACE, to=DROP), edited(STRICT, *PLACE, to="default")), True),
    ],
    ids=["one category", "two namespaces", "two in one", "against the namespace's own", "in the default namespace"],
)
def test_a_namespace_holds_one_category(resources: tuple[Resource, ...], refused: bool) -> None:
    assert ("CAT-004" in World("restricted").stack_refused_by(*resources)) is refused


def test_a_namespace_not_known_yet_is_followed_to_the_one_it_comes_from() -> None:
    world = World("restricted")
    home, inside = namespace(), edited(STRICT, *PLACE, to=UNKNOWN)
    told = {inside.name: {"metadata": [world.request(home).urn]}}
    assert "CAT-004" in world.stack_refused_by(home, inside, sources=told)
    assert "UNK-001" in world.stack_refused_by(home, inside)


@table(
    {
        "a namespace of its own": (LOOSE,),
        "no namespace": (edited(LOOSE, *PLACE, to=DROP), "CAT-004"),
        "an empty name": (edited(LOOSE, *PLACE, to=""), "CAT-004"),
        "the default namespace": (edited(LOOSE, *PLACE, to="default"), "CAT-004"),
        "the cluster's own": (edited(LOOSE, *PLACE, to="kube-system"), "CAT-004"),
        "the default namespace behind a secret": (edited(LOOSE, *PLACE, to=secret("default")), "CAT-004"),
        "a name that only begins alike": (edited(LOOSE, *PLACE, to="defaults"),),
        "the default namespace itself": (namespace("default"), "CAT-004"),
        "a list for a name": (edited(LOOSE, *PLACE, to=["app"]), "CAT-004"),
        "what is in no namespace": (made("PriorityClass", "scheduling.k8s.io/v1"),),
        "a name not known yet": (edited(LOOSE, *PLACE, to=UNKNOWN),),
    }
)
def test_the_clusters_own_namespaces_hold_nobodys_data(asked: Resource, refusing: set[str]) -> None:
    assert World("restricted").refused_by(asked) == refusing


def tolerating(*tolerations: Any, selector: Any = None, category: str = "restricted", **more: Any) -> Resource:
    asked = deployment("tolerations", to=list(tolerations), category=category)
    spec = ("spec", "template", "spec")
    asked = edited(asked, *spec, "nodeSelector", to={} if selector is None else {DEDICATED_LABEL: selector})
    for key, value in more.items():
        asked = edited(asked, *spec, key, to=value)
    return asked


OWN = {"key": DEDICATED_LABEL, "operator": "Equal", "value": DEPARTMENT, "effect": "NoSchedule"}


@table(
    {
        "another taint": (tolerating({"key": "gpu", "operator": "Exists"}),),
        "nodes of its department": (tolerating(OWN), "CAT-004"),
        "nodes of any department": (tolerating({"key": DEDICATED_LABEL, "operator": "Exists"}), "CAT-004"),
        "every taint": (tolerating({"operator": "Exists"}), "CAT-004"),
        "every taint by an empty key": (tolerating({"key": "", "operator": "Exists"}), "CAT-004"),
        "nodes that are set apart": (tolerating(selector="finance-example"), "CAT-004"),
        "a key that is a list": (tolerating({"key": ["gpu"]}), "CAT-004"),
        "a toleration that is text": (tolerating("gpu"), "CAT-004"),
        "tolerations that are text": (tolerating(tolerations="gpu"), "CAT-004"),
        "a selector that is text": (tolerating(nodeSelector="gpu"), "CAT-004"),
        "a toleration not known yet": (tolerating(UNKNOWN), "UNK-001"),
        "a key not known yet": (tolerating({"key": UNKNOWN}), "UNK-001"),
        "a node not known yet": (tolerating(selector=UNKNOWN), "UNK-001"),
    }
)
def test_no_other_pod_comes_onto_nodes_that_are_set_apart(asked: Resource, refusing: set[str]) -> None:
    assert World("restricted").refused_by(asked) == refusing


@table(
    {
        "its department's": (tolerating(OWN, selector=DEPARTMENT, category="secret"),),
        "its department's without a word": (
            tolerating({**OWN, "operator": None}, selector=DEPARTMENT, category="secret"),
        ),
        "its department's, no matter the taint": (tolerating(selector=DEPARTMENT, category="secret"),),
        "any node": (deployment(category="secret"), "CAT-004"),
        "another department's": (tolerating(selector="finance-example", category="secret"), "CAT-004"),
        "another department's taint": (
            tolerating({**OWN, "value": "finance-example"}, selector=DEPARTMENT, category="secret"),
            "CAT-004",
        ),
        "any department's taint": (
            tolerating({**OWN, "operator": "Exists"}, selector=DEPARTMENT, category="secret"),
            "CAT-004",
        ),
        "a node by name": (tolerating(OWN, selector=DEPARTMENT, category="secret", nodeName="n"), "CAT-004"),
        "a list for a department": (tolerating(selector=[DEPARTMENT], category="secret"), "CAT-004"),
        "a value not known yet": (
            tolerating({**OWN, "value": UNKNOWN}, selector=DEPARTMENT, category="secret"),
            "UNK-001",
        ),
        "a department not known yet": (tolerating(selector=UNKNOWN, category="secret"), "UNK-001"),
    }
)
def test_secret_data_runs_on_nodes_of_its_department(asked: Resource, refusing: set[str]) -> None:
    assert World("secret").refused_by(asked) == refusing
