"""CAT-004, two-way."""

from __future__ import annotations

import pytest

from inventories.labels import CATEGORY_LABEL
from tests.policies.asking import DROP, UNKNOWN, Resource, World, deployment, edited, made, namespace, table

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
