"""CRY-002, two-way."""

from __future__ import annotations

from typing import Any

from tests.policies.asking import UNKNOWN, Resource, World, edited, made, table

HOST = "data.example"
REDIRECT = ("metadata", "annotations", "nginx.ingress.kubernetes.io/ssl-redirect")


def ingress(**spec: Any) -> Resource:
    given = {"ingressClassName": "internal", "rules": [{"host": HOST}], "tls": [{"hosts": [HOST]}], **spec}
    return made("Ingress", "networking.k8s.io/v1", category="open", spec=given)


def gateway(listeners: Any) -> Resource:
    spec = {"gatewayClassName": "internal", "listeners": listeners}
    return made("Gateway", "gateway.networking.k8s.io/v1", category="open", spec=spec)


def service(ports: Any, kind: Any = "LoadBalancer") -> Resource:
    return made("Service", "v1", category="open", spec={"type": kind, "ports": ports})


HTTPS = {"name": "a", "protocol": "HTTPS", "port": 443, "tls": {"certificateRefs": [{"name": "a"}]}}


@table(
    {
        "an ingress with a certificate for its host": (ingress(),),
        "an ingress that redirects": (edited(ingress(), *REDIRECT, to="true"),),
        "a gateway over TLS": (gateway([HTTPS]),),
        "a load balancer at 443": (service([{"port": 443}]),),
        "a load balancer that says https": (service([{"port": 8443, "appProtocol": "https"}]),),
        "a service inside": (service([{"port": 80}], "ClusterIP"),),
        "an ingress without certificates": (ingress(tls=None), "CRY-002"),
        "an ingress with another host's certificate": (ingress(tls=[{"hosts": ["other.example"]}]), "CRY-002"),
        "an ingress without a host": (ingress(rules=[{}]), "CRY-002"),
        "an ingress for every host": (ingress(defaultBackend={"service": {"name": "a"}}), "CRY-002"),
        "an ingress that answers in the clear": (edited(ingress(), *REDIRECT, to="false"), "CRY-002"),
        "a redirect of another form": (edited(ingress(), *REDIRECT, to=True), "CRY-002"),
        "certificates that are text": (ingress(tls="yes"), "CRY-002"),
        "hosts that are text": (ingress(tls=[{"hosts": HOST}]), "CRY-002"),
        "rules that are text": (ingress(rules="all"), "CRY-002"),
        "a gateway in the clear": (gateway([{**HTTPS, "protocol": "HTTP"}]), "CRY-002"),
        "a gateway over TCP": (gateway([{**HTTPS, "protocol": "TCP"}]), "CRY-002"),
        "a gateway without a certificate": (gateway([{**HTTPS, "tls": {}}]), "CRY-002"),
        "a listener without a protocol": (gateway([{"port": 443, "tls": {"mode": "Passthrough"}}]), "CRY-002"),
        "listeners that are text": (gateway("all"), "CRY-002"),
        "a load balancer at 80": (service([{"port": 80}]), "CRY-002"),
        "a node port in the clear": (service([{"port": 443, "appProtocol": "http"}], "NodePort"), "CRY-002"),
        "ports that are text": (service("80"), "CRY-002"),
        "unknown certificates": (ingress(tls=UNKNOWN), "CRY-002", "UNK-001"),
        "an unknown host": (ingress(rules=[{"host": UNKNOWN}]), "UNK-001"),
        "an unknown redirect": (edited(ingress(), *REDIRECT, to=UNKNOWN), "UNK-001"),
        "an unknown protocol": (gateway([{**HTTPS, "protocol": UNKNOWN}]), "UNK-001"),
        "unknown listeners": (gateway(UNKNOWN), "UNK-001"),
        "unknown ports": (service(UNKNOWN), "UNK-001"),
        "an unknown protocol of a port": (service([{"port": 80, "appProtocol": UNKNOWN}]), "UNK-001"),
    }
)
def test_ways_in_are_encrypted(asked: Resource, refusing: set[str]) -> None:
    assert World("open").refused_by(asked) == refusing


def test_a_category_that_stays_inside_needs_it_as_well() -> None:
    inside = ingress(tls=None)
    labelled = made("Ingress", "networking.k8s.io/v1", spec=inside.props["spec"])
    assert World("restricted").refused_by(labelled) == {"CRY-002"}
