"""NET-001, two-way."""

from __future__ import annotations

from typing import Any

from pulumi.runtime.proto import analyzer_pb2 as wire

from tests.policies.asking import UNKNOWN, Resource, World, deployment, edited, made, namespace, table, urn

BOTH = ["Ingress", "Egress"]


def policy(**spec: Any) -> Resource:
    return made("NetworkPolicy", "networking.k8s.io/v1", spec={"podSelector": {}, **spec})


def named(resource: Resource, name: str) -> Resource:
    return Resource(resource.type, resource.props, resource.provider, name)


@table(
    {
        "one denial for both ways": ([policy(policyTypes=BOTH)],),
        "empty lists of rules": ([policy(policyTypes=BOTH, ingress=[], egress=[])],),
        "two denials, one way each": (
            [policy(policyTypes=["Ingress"]), named(policy(policyTypes=["Egress"]), "second")],
        ),
        "no policy": ([], "NET-001"),
        "one way only": ([policy(policyTypes=["Ingress"])], "NET-001"),
        "some pods only": ([policy(policyTypes=BOTH, podSelector={"matchLabels": {"a": "b"}})], "NET-001"),
        "a way out": ([policy(policyTypes=BOTH, egress=[{"ports": [{"port": 53}]}])], "NET-001"),
        "no types": ([policy()], "NET-001"),
        "types that are text": ([policy(policyTypes="Ingress")], "NET-001"),
        "no selector": ([made("NetworkPolicy", "networking.k8s.io/v1", spec={"policyTypes": BOTH})], "NET-001"),
        "another namespace": ([edited(policy(policyTypes=BOTH), "metadata", "namespace", to="other")], "NET-001"),
        "unknown types": ([policy(policyTypes=UNKNOWN)], "NET-001"),
        "unknown rules": ([policy(policyTypes=BOTH, ingress=UNKNOWN)], "NET-001"),
        "an unknown selector": ([policy(policyTypes=BOTH, podSelector=UNKNOWN)], "NET-001"),
    }
)
def test_a_namespace_denies_what_nothing_admits(asked: list[Resource], refusing: set[str]) -> None:
    assert World().stack_refused_by(namespace(), deployment(), *asked) == refusing


@table(
    {
        "a port": (policy(ingress=[{"ports": [{"port": 80}]}]),),
        "a peer": (policy(ingress=[{"from": [{"podSelector": {}}]}]),),
        "everything in": (policy(ingress=[{}]), "NET-001"),
        "everything out, in other words": (policy(egress=[{"to": []}]), "NET-001"),
        "rules that are text": (policy(ingress="all"), "NET-001"),
        "unknown rules": (policy(ingress=UNKNOWN), "UNK-001"),
        "an unknown rule": (policy(ingress=[UNKNOWN]), "UNK-001"),
    }
)
def test_no_policy_admits_everything(asked: Resource, refusing: set[str]) -> None:
    assert World().refused_by(asked) == refusing


def test_a_namespace_whose_name_is_not_known_yet_is_found_by_what_its_name_comes_from() -> None:
    there = namespace()
    deny = edited(policy(policyTypes=BOTH), "metadata", "namespace", to=UNKNOWN)
    sources = {"networkpolicy": {"metadata": [urn(there)]}}
    assert World().stack_refused_by(there, deny, sources=sources) == set()
    assert World().stack_refused_by(there, deny) == {"NET-001", "UNK-001"}


def test_pods_in_a_namespace_that_the_stack_does_not_make_need_the_denial_too() -> None:
    assert World().stack_refused_by(deployment()) == {"NET-001"}
    assert World().stack_refused_by(deployment(), policy(policyTypes=BOTH)) == set()


def test_a_namespace_is_reported_once() -> None:
    world = World()
    request = wire.AnalyzeStackRequest()
    for resource in (namespace(), deployment(), named(deployment(), "second")):
        asked = world.request(resource)
        request.resources.add(type=asked.type, urn=asked.urn, name=asked.name, properties=asked.properties)
    (found,) = world.pack.AnalyzeStack(request, None).diagnostics
    assert found.urn == urn(namespace())


def test_open_data_needs_no_denial() -> None:
    assert World("open").stack_refused_by(namespace(category="open")) == set()


def test_an_empty_stack_needs_nothing() -> None:
    assert World().stack_refused_by() == set()
