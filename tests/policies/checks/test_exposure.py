"""EXP-001, two-way."""

from __future__ import annotations

from typing import Any

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
    secret,
    table,
)

LEGACY = ("metadata", "annotations", "kubernetes.io/ingress.class")
PORT = ("containers", 0, "ports", 0, "hostPort")


def service(**spec: Any) -> Resource:
    return made("Service", "v1", spec=spec)


def ingress(**spec: Any) -> Resource:
    return made("Ingress", "networking.k8s.io/v1", spec=spec)


def gateway(**spec: Any) -> Resource:
    return made("Gateway", "gateway.networking.k8s.io/v1", spec=spec)


def route(of: str = "HTTPRoute", **parent: Any) -> Resource:
    return made(of, "gateway.networking.k8s.io/v1", spec={"parentRefs": [{"name": "g", **parent}]})


def endpoints(*addresses: Any, key: str = "addresses") -> Resource:
    return made("Endpoints", "v1", subsets=[{key: [{"ip": address} for address in addresses]}])


def endpoint_slice(*addresses: Any, kind: Any = "IPv4") -> Resource:
    listed = [{"addresses": list(addresses)}]
    return made("EndpointSlice", "discovery.k8s.io/v1", addressType=kind, endpoints=listed)


@table(
    {
        "a route to a gateway of its own": (route(),),
        "a route to a gateway of its own, by name": (route(namespace="app"),),
        "a route of a mesh": (route(kind="Service"),),
        "a route to nothing": (made("HTTPRoute", "gateway.networking.k8s.io/v1", spec={}),),
        "a route to another's gateway": (route(namespace="edge"), "EXP-001"),
        "a call route to another's gateway": (route("GRPCRoute", namespace="edge"), "EXP-001"),
        "a route to another's gateway behind a secret": (route(namespace=secret("edge")), "EXP-001"),
        "a route to what nobody knows": (route(kind="Tunnel"), "EXP-001"),
        "a namespace that is a list": (route(namespace=["app"]), "EXP-001"),
        "parents that are text": (edited(route(), "spec", "parentRefs", to="g"), "EXP-001"),
        "a parent that is text": (edited(route(), "spec", "parentRefs", to=["g"]), "EXP-001"),
        "a route to an unknown namespace": (route(namespace=UNKNOWN), "UNK-001"),
        "unknown parents": (edited(route(), "spec", "parentRefs", to=UNKNOWN), "UNK-001"),
        "a class of its own": (made("IngressClass", "networking.k8s.io/v1", spec={"controller": "x"}), "EXP-001"),
        "endpoints inside": (endpoints("10.0.0.7", "fd00::1"),),
        "no endpoints": (made("Endpoints", "v1"),),
        "endpoints outside": (endpoints("10.0.0.7", "203.0.113.9"), "EXP-001"),
        "endpoints outside that are not ready": (endpoints("203.0.113.9", key="notReadyAddresses"), "EXP-001"),
        "endpoints of the node itself": (endpoints("127.0.0.1"), "EXP-001"),
        "endpoints that are names": (endpoints("db.abroad.example"), "EXP-001"),
        "endpoints that are numbers": (endpoints(1), "EXP-001"),
        "endpoints of text": (made("Endpoints", "v1", subsets="x"), "EXP-001"),
        "endpoints not known yet": (endpoints(UNKNOWN), "UNK-001"),
        "a slice inside": (endpoint_slice("192.168.0.7"),),
        "a slice outside": (endpoint_slice("203.0.113.9"), "EXP-001"),
        "a slice of names": (endpoint_slice("db.abroad.example", kind="FQDN"), "EXP-001"),
        "a slice of no kind": (endpoint_slice("10.0.0.7", kind=None), "EXP-001"),
        "a slice not known yet": (endpoint_slice(UNKNOWN), "UNK-001"),
        "slices not known yet": (edited(endpoint_slice(), "endpoints", to=UNKNOWN), "UNK-001"),
        "a service of no type": (service(ports=[]),),
        "a service inside": (service(type="ClusterIP"),),
        "a name of the cluster's own": (service(type="ExternalName", externalName="db.app.svc.cluster.local"),),
        "a name elsewhere": (service(type="ExternalName", externalName="db.abroad.example"), "EXP-001"),
        "no name for elsewhere": (service(type="ExternalName"), "EXP-001"),
        "a number for a name": (service(type="ExternalName", externalName=1), "EXP-001"),
        "an unknown name": (service(type="ExternalName", externalName=UNKNOWN), "UNK-001"),
        "an empty list of addresses": (service(externalIPs=[]),),
        "an ingress of the internal class": (ingress(ingressClassName="internal"),),
        "the internal class in the old annotation": (edited(ingress(), *LEGACY, to="internal"),),
        "a gateway of the internal class": (gateway(gatewayClassName="internal"),),
        "a pod off the host": (deployment("hostNetwork", to=False),),
        "a load balancer": (service(type="LoadBalancer"), "EXP-001"),
        "a load balancer behind a secret": (service(type=secret("LoadBalancer")), "EXP-001"),
        "a node port": (service(type="NodePort"), "EXP-001"),
        "a type nobody knows": (service(type="clusterip"), "EXP-001"),
        "a number for a type": (service(type=1), "EXP-001"),
        "addresses from outside": (service(externalIPs=["192.0.2.1"]), "EXP-001"),
        "addresses that are text": (service(externalIPs="192.0.2.1"), "EXP-001"),
        "an ingress without a class": (ingress(), "EXP-001"),
        "an ingress of the public class": (ingress(ingressClassName="public"), "EXP-001"),
        "the public class in the old annotation": (
            edited(ingress(ingressClassName="internal"), *LEGACY, to="public"),
            "EXP-001",
        ),
        "an ingress whose class is a list": (ingress(ingressClassName=["internal"]), "EXP-001"),
        "a gateway of the public class": (gateway(gatewayClassName="public"), "EXP-001"),
        "a gateway without a class": (gateway(), "EXP-001"),
        "a pod on the host's network": (deployment("hostNetwork", to=True), "EXP-001", "POD-001"),
        "a port of the host": (deployment(*PORT, to=80), "EXP-001", "POD-001"),
        "text for a port of the host": (deployment(*PORT, to="80"), "EXP-001", "POD-001"),
        "an unknown type": (service(type=UNKNOWN), "UNK-001"),
        "an unknown spec": (edited(service(), "spec", to=UNKNOWN), "UNK-001"),
        "unknown addresses": (service(externalIPs=UNKNOWN), "UNK-001"),
        "an unknown class": (ingress(ingressClassName=UNKNOWN), "UNK-001"),
        "an unknown old annotation": (edited(ingress(), *LEGACY, to=UNKNOWN), "UNK-001"),
        "unknown annotations": (edited(ingress(), "metadata", "annotations", to=UNKNOWN), "UNK-001"),
        "an unknown class of gateway": (gateway(gatewayClassName=UNKNOWN), "UNK-001"),
        "an unknown port of the host": (deployment(*PORT, to=UNKNOWN), "UNK-001"),
    }
)
def test_ways_in_from_outside(asked: Resource, refusing: set[str]) -> None:
    assert World("restricted").refused_by(asked) == refusing


def test_open_data_may_be_open_to_the_public() -> None:
    world = World("open")
    for resource in (
        made("Service", "v1", category="open", spec={"type": "LoadBalancer"}),
        made("Ingress", "networking.k8s.io/v1", category="open", spec={"ingressClassName": "public"}),
        edited(route(namespace="edge"), "metadata", "labels", CATEGORY_LABEL, to="open"),
        edited(endpoints("203.0.113.9"), "metadata", "labels", CATEGORY_LABEL, to="open"),
    ):
        assert world.refused_by(resource) == set()


def test_a_restricted_service_in_an_open_stack_stays_inside() -> None:
    assert World("open").refused_by(made("Service", "v1", spec={"type": "NodePort"})) == {"EXP-001"}


def test_a_service_in_a_list_or_a_patch_is_seen() -> None:
    item = service(type="NodePort").props
    many = Resource(
        "kubernetes:core/v1:ServiceList", {"apiVersion": "v1", "kind": "ServiceList", "items": [item]}, Provider()
    )
    patch = Resource("kubernetes:core/v1:ServicePatch", item, Provider())
    assert World().refused_by(many) == World().refused_by(patch) == {"EXP-001"}


def test_a_stack_of_an_internal_category_does_not_ask_to_be_public() -> None:
    stack = Resource(STACK_TYPE, {})
    assert World("restricted", config={"onshore:exposure": "public"}).refused_by(stack) == {"EXP-001"}
    assert World("open", config={"onshore:exposure": "public"}).refused_by(stack) == set()


def test_no_ingress_class_is_internal_where_the_cluster_is_not_known() -> None:
    lost = Provider(kubeconfig=UNKNOWN)
    there = ingress(ingressClassName="internal")
    found = World().refused_by(Resource(there.type, there.props, lost))
    assert {"EXP-001", "UNK-001"} <= found | {"UNK-001"}
    assert edited(there, "spec", "ingressClassName", to=DROP).props["spec"] == {}
