"""What charts and files of manifests turn into is judged like anything else, whatever component it is a part of."""

from __future__ import annotations

from typing import Any

import pytest

from inventories.labels import CATEGORY_LABEL
from tests.policies.asking import DIGEST, Provider, Resource, World, deployment, made, pod_spec, urn

CHART = "kubernetes:helm.sh/v4:Chart"
COMPONENTS = (
    CHART,
    "kubernetes:helm.sh/v3:Chart",
    "kubernetes:yaml/v2:ConfigGroup",
    "kubernetes:yaml/v2:ConfigFile",
    "kubernetes:yaml:ConfigGroup",
    "kubernetes:yaml:ConfigFile",
    "kubernetes:kustomize/v2:Directory",
)
LABELS = {CATEGORY_LABEL: "restricted"}


def workload(kind: str, api_version: str, **spec: Any) -> Resource:
    """A workload of a kind, around a lawful pod with changes."""
    template = {"metadata": {"labels": LABELS}, "spec": pod_spec() | spec}
    if kind == "Pod":
        return made(kind, api_version, spec=pod_spec() | spec)
    if kind == "PodTemplate":
        return made(kind, api_version, template=template)
    if kind == "CronJob":
        return made(kind, api_version, spec={"jobTemplate": {"spec": {"template": template}}})
    return made(kind, api_version, spec={"template": template})


KINDS = (
    ("Pod", "v1"),
    ("PodTemplate", "v1"),
    ("ReplicationController", "v1"),
    ("Deployment", "apps/v1"),
    ("StatefulSet", "apps/v1"),
    ("DaemonSet", "apps/v1"),
    ("ReplicaSet", "apps/v1"),
    ("Job", "batch/v1"),
    ("CronJob", "batch/v1"),
)


def refused_inside(component: str, part: Resource) -> set[str]:
    """The rules that refuse a component and its part, registered one after the other as the SDK does."""
    world = World("restricted")
    whole = Resource(component, {"chart": "./chart"} if "Chart" in component else {}, None, "whole")
    found = {one.policyName for one in world.pack.Analyze(world.request(whole), None).diagnostics}
    request = world.request(part)
    request.options.parent = urn(whole)
    return found | {one.policyName for one in world.pack.Analyze(request, None).diagnostics}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_part_of_a_component_is_judged_as_if_it_stood_alone(component: str) -> None:
    assert refused_inside(component, deployment()) == set()
    assert refused_inside(component, deployment("hostPID", to=True)) == {"POD-001"}
    assert refused_inside(component, made("Service", "v1", spec={"type": "NodePort"})) == {"EXP-001"}
    assert refused_inside(component, made("ConfigMap", "v1", category=None)) == {"CAT-001"}


@pytest.mark.parametrize(("kind", "api_version"), KINDS, ids=[kind for kind, _ in KINDS])
def test_a_pod_is_found_in_every_kind_that_holds_one(kind: str, api_version: str) -> None:
    assert refused_inside(CHART, workload(kind, api_version)) == set()
    assert refused_inside(CHART, workload(kind, api_version, hostNetwork=True)) == {"EXP-001", "POD-001"}
    side = [{**pod_spec()["containers"][0], "name": "side", "image": DIGEST.replace("registry", "elsewhere")}]
    assert refused_inside(CHART, workload(kind, api_version, initContainers=side)) == {"IMG-001"}


@pytest.mark.parametrize(("kind", "api_version"), KINDS, ids=[kind for kind, _ in KINDS])
def test_a_pod_is_found_in_every_item_of_a_list(kind: str, api_version: str) -> None:
    for spec, refused in (({}, set()), ({"hostIPC": True}, {"POD-001"})):
        items = [workload(kind, api_version).props, workload(kind, api_version, **spec).props]
        group = api_version if "/" in api_version else f"core/{api_version}"
        many = {"apiVersion": api_version, "kind": f"{kind}List", "items": items}
        assert refused_inside(CHART, Resource(f"kubernetes:{group}:{kind}List", many, Provider())) == refused


def test_a_part_without_a_provider_of_its_own_is_refused() -> None:
    lawful = deployment()
    assert "PIN-001" in refused_inside(CHART, Resource(lawful.type, lawful.props))


def test_a_chart_that_goes_around_the_checks_is_refused() -> None:
    assert refused_inside("kubernetes:helm.sh/v3:Release", deployment()) == {"OPQ-001"}
