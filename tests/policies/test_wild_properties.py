"""Whatever properties come, the pack answers by its rules and shows no secret."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from inventories.labels import CATEGORY_LABEL
from policies.dispatcher import judge
from tests.policies.asking import (
    SIGNATURE,
    UNKNOWN,
    Provider,
    Resource,
    World,
    deployment,
    edited,
    made,
    namespace,
    secret,
)

HIDDEN = "a-password-nobody-sees"
NAMES = [
    "apiVersion", "kind", "metadata", "labels", "annotations", CATEGORY_LABEL, "name", "namespace", "items", "spec",
    "template", "jobTemplate", "containers", "initContainers", "volumes", "image", "hostPath", "hostNetwork", "ports",
    "hostPort", "securityContext", "capabilities", "add", "drop", "runAsUser", "seccompProfile", "type", "sysctls",
    "lifecycle", "preStop", "httpGet", "externalIPs", "ingressClassName", "ingress", "egress", "policyTypes",
    "podSelector", "kubeconfig", "context", "category", "value", SIGNATURE,
]  # fmt: skip
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 90),
    st.floats(-1, 1),
    st.sampled_from(["", "x", "v1", "restricted", UNKNOWN]),
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=25,
)
mappings = st.dictionaries(st.sampled_from(NAMES), values, max_size=8)
kinds = st.sampled_from(
    [
        "kubernetes:core/v1:Pod", "kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:CronJobPatch",
        "kubernetes:core/v1:PodList", "kubernetes:core/v1:Service", "kubernetes:networking.k8s.io/v1:Ingress",
        "kubernetes:networking.k8s.io/v1:NetworkPolicy", "kubernetes:core/v1:Namespace",
        "kubernetes:yaml/v2:ConfigFile",
        "kubernetes:core/v1:PersistentVolume", "pulumi:providers:kubernetes", "onshore:index:WebService", "a:b:C",
    ]
)  # fmt: skip


@cache
def world() -> World:
    return World()


def told(resource: Resource) -> str:
    return "\n".join(one.message for one in world().analyze(resource))


@settings(deadline=None)
@given(kinds, mappings)
def test_no_properties_break_a_check(kind: str, props: dict[str, Any]) -> None:
    messages = told(Resource(kind, props, Provider()))
    assert "fault of the check" not in messages
    assert "could not read" not in messages


@settings(deadline=None)
@given(st.sampled_from(["spec", "metadata"]), values)
def test_no_part_of_a_workload_breaks_the_judgement_of_the_stack(part: str, value: Any) -> None:
    resources = [
        namespace(),
        edited(deployment(), part, to=value),
        made("NetworkPolicy", "networking.k8s.io/v1", spec=value),
    ]
    found = world().stack_refused_by(*resources)
    assert found <= {"CAT-004", "NET-001", "UNK-001"}


@settings(deadline=None)
@given(kinds, mappings, st.sampled_from(NAMES))
def test_no_secret_is_shown_wherever_it_stands(kind: str, props: dict[str, Any], name: str) -> None:
    hidden = secret({**props, "value": HIDDEN, name: HIDDEN} if name != SIGNATURE else HIDDEN)
    for given_props in (
        {**props, name: secret(HIDDEN)},
        {name: hidden},
        {"spec": hidden},
        {"spec": {"template": hidden}},
    ):
        given_props.pop(SIGNATURE, None)
        assert HIDDEN not in told(Resource(kind, given_props, Provider()))


@settings(deadline=None)
@given(
    st.sampled_from(["Secret", "ConfigMap"]),
    st.sampled_from(["data", "stringData", "binaryData"]),
    st.sampled_from(NAMES).filter(lambda name: name != SIGNATURE),
    st.sampled_from(["plain", "patch", "list"]),
    mappings,
)
def test_no_value_of_a_secret_or_config_map_is_shown(
    kind: str, holder: str, name: str, form: str, props: dict[str, Any]
) -> None:
    lawful = made(kind, "v1").props
    item = {**lawful, **props, holder: {name: HIDDEN, "deep": [{name: HIDDEN}]}}
    item.pop(SIGNATURE, None)
    token = f"kubernetes:core/v1:{kind}"
    asked = {
        "plain": Resource(token, item, Provider()),
        "patch": Resource(f"{token}Patch", item, Provider()),
        "list": Resource(f"{token}List", {"apiVersion": "v1", "kind": f"{kind}List", "items": [item]}, Provider()),
    }[form]
    assert HIDDEN not in told(asked)


@settings(deadline=None)
@given(kinds, mappings)
def test_no_check_misses_a_resource_that_it_would_refuse(kind: str, props: dict[str, Any]) -> None:
    pack = world().pack
    subject = pack._builder.subject(world().request(Resource(kind, props, Provider())))
    assert judge(subject, pack._catalogue.about(subject)) == judge(subject, pack._checks)
