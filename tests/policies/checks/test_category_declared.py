"""CAT-001, two-way."""

from __future__ import annotations

from typing import Any

import pytest

from inventories.labels import CATEGORY_LABEL
from tests.policies.asking import (
    DROP,
    STACK_TYPE,
    UNKNOWN,
    Provider,
    Resource,
    World,
    deployment,
    edited,
    made,
    namespace,
    secret,
    table,
)

LABEL = ("metadata", "labels", CATEGORY_LABEL)
TEMPLATE = ("spec", "template", "metadata", "labels", CATEGORY_LABEL)


def component(**inputs: Any) -> Resource:
    return Resource("onshore:index:WebService", inputs)


@table(
    {
        "an object of its stack's category": (made("ConfigMap", "v1"),),
        "a stricter object": (made("ConfigMap", "v1", category="confidential"),),
        "an alias": (made("ConfigMap", "v1", category="sensitive"),),
        "a label that is a secret": (edited(made("ConfigMap", "v1"), *LABEL, to=secret("restricted")),),
        "a cluster-wide object": (made("ClusterRole", "rbac.authorization.k8s.io/v1", category=None),),
        "a namespace": (namespace(),),
        "a workload with its template": (deployment(),),
        "a component": (component(category="restricted"),),
        "somebody else's component": (Resource("example:index:Thing", {}),),
        "no label": (made("ConfigMap", "v1", category=None), "CAT-001"),
        "a lower label": (made("ConfigMap", "v1", category="public"), "CAT-001"),
        "a label nobody knows": (made("ConfigMap", "v1", category="restrictd"), "CAT-001"),
        "a label in capitals": (made("ConfigMap", "v1", category="Restricted"), "CAT-001"),
        "a number for a label": (edited(made("ConfigMap", "v1"), *LABEL, to=3), "CAT-001"),
        "a list for a label": (edited(made("ConfigMap", "v1"), *LABEL, to=["restricted"]), "CAT-001"),
        "labels that are text": (edited(made("ConfigMap", "v1"), "metadata", "labels", to="x"), "CAT-001", "UNK-001"),
        "no metadata": (edited(made("ConfigMap", "v1"), "metadata", to=DROP), "CAT-001", "CAT-004"),
        "a namespace with a lower label": (edited(namespace(), *LABEL, to="open"), "CAT-001"),
        "a template with a lower label": (edited(deployment(), *TEMPLATE, to="open"), "CAT-001", "CAT-004"),
        "a template without a label": (edited(deployment(), *TEMPLATE, to=DROP), "CAT-001"),
        "a component without a category": (component(), "CAT-001"),
        "a component of a lower category": (component(category="open"), "CAT-001"),
        "an unknown label": (edited(made("ConfigMap", "v1"), *LABEL, to=UNKNOWN), "UNK-001"),
        "an unknown label that is a secret": (edited(made("ConfigMap", "v1"), *LABEL, to=secret(UNKNOWN)), "UNK-001"),
        "unknown labels": (edited(made("ConfigMap", "v1"), "metadata", "labels", to=UNKNOWN), "UNK-001"),
        "unknown metadata": (edited(made("ConfigMap", "v1"), "metadata", to=UNKNOWN), "UNK-001"),
        "a component of an unknown category": (component(category=UNKNOWN), "UNK-001"),
    }
)
def test_what_a_resource_says_of_its_data(asked: Resource, refusing: set[str]) -> None:
    assert World("restricted").refused_by(asked) == refusing


@pytest.mark.parametrize(
    ("config", "refusing"),
    [
        ({}, set()),
        ({"onshore:category": None}, {"CAT-001"}),
        ({"onshore:category": "restrictd"}, {"CAT-001"}),
        ({"onshore:category": ""}, {"CAT-001"}),
        ({"onshore:department": None}, {"CAT-001"}),
        ({"onshore:department": "nobody-example"}, {"CAT-001"}),
    ],
)
def test_a_stack_names_its_category_and_department(config: dict[str, str | None], refusing: set[str]) -> None:
    assert World(config=config).refused_by(Resource(STACK_TYPE, {})) == refusing


@pytest.mark.parametrize("key", ["onshore:category", "onshore:department"])
def test_a_stack_without_category_or_department_is_told_how_to_set_it(key: str) -> None:
    (found,) = World(config={key: None}).analyze(Resource(STACK_TYPE, {}))
    assert "Fix: onshore config set " in found.message
    assert f" {key} " in found.message.partition("Fix:")[2]
    assert f"write `{key}: " in found.message


def test_objects_of_a_stack_without_category_are_judged_by_the_strictest() -> None:
    world = World(config={"onshore:category": None})
    open_service = made("Service", "v1", category="open", spec={"type": "LoadBalancer"})
    assert world.refused_by(open_service) == {"EXP-001"}


def test_items_of_a_list_are_judged_one_by_one() -> None:
    item = made("ConfigMap", "v1").props
    bare = {**item, "metadata": {"name": "bare", "namespace": "app"}}
    props = {"apiVersion": "v1", "kind": "ConfigMapList", "items": [item, bare]}
    found = World().analyze(Resource("kubernetes:core/v1:ConfigMapList", props, Provider()))
    assert [one.policyName for one in found] == ["CAT-001"]
    assert "items[1].metadata.labels" in found[0].message
