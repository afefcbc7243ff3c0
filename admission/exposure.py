"""EXP-001 in CEL: data of an internal category is reachable by the cluster's internal classes only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admission.cel import OWN_OBJECTS, PLATFORM, POD_RESOURCES, Ruling, array, context, pod_context, text
from policies.checks.exposure import INGRESS_ANNOTATION, INSIDE, INTERNAL_SERVICES
from policies.cloud_law import PRIVATE_NETWORKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def rulings() -> Iterator[Ruling]:
    """Services and where they lead, ingresses, gateways, routes, classes, and pods on the host's own network."""
    variables = {**context(), "internal": "variables.rule.exposure == 'internal'"}
    yield _of("services", {"": ("services",)}, _services(), variables)
    ingresses = {"networking.k8s.io": ("ingresses",)}
    yield _of("ingresses", ingresses, _ingresses(), variables)
    endpoints = {"": ("endpoints",), "discovery.k8s.io": ("endpointslices",)}
    yield _of("endpoints", endpoints, f"{OWN_OBJECTS} ? [] : {_endpoints()}", variables)
    routes = {"gateway.networking.k8s.io": ("grpcroutes", "httproutes")}
    yield _of("routes", routes, _routes(), variables)
    gateways = {"gateway.networking.k8s.io": ("gateways",)}
    gateway = _class("spec.gatewayClassName", "object.spec.?gatewayClassName")
    yield _of("gateways", gateways, gateway, variables)
    classes = {"gateway.networking.k8s.io": ("gatewayclasses",), "networking.k8s.io": ("ingressclasses",)}
    yield Ruling("exp-001-classes", "EXP-001", classes, _classes())
    yield _of("pods", POD_RESOURCES, _pods(), {**variables, **pod_context()})


def _of(name: str, resources: Mapping[str, tuple[str, ...]], found: str, variables: dict[str, str]) -> Ruling:
    asks = f"variables.internal ? ({found}) : []"
    return Ruling(f"exp-001-{name}", "EXP-001", resources, asks, variables)


def _services() -> str:
    kinds = array(kind for kind in INTERNAL_SERVICES if kind)
    named = "object.spec.?type.orValue('ClusterIP')"
    return (
        f"({named} in {kinds} ? [] : ['spec.type: got ' + {named} + ', allowed ClusterIP'])"
        f" + ({named} != 'ExternalName' && !has(object.spec.externalName)"
        f" || object.spec.?externalName.orValue('').endsWith({text(INSIDE)}) ? [] :"
        f" ['spec.externalName: allowed a name of the cluster\\'s own, ending in {INSIDE}'])"
        " + (size(object.spec.?externalIPs.orValue([])) == 0 ? [] : ['spec.externalIPs: allowed nothing'])"
    )


def _ingresses() -> str:
    """The class stands in the spec, or in the annotation that came before; where both stand, both count."""
    legacy = f"object.metadata.?annotations[?{text(INGRESS_ANNOTATION)}]"
    spec = _class("spec.ingressClassName", "object.spec.?ingressClassName")
    old = _class(f"metadata.annotations[{INGRESS_ANNOTATION}]", legacy)
    return f"(has(object.spec.ingressClassName) || !{legacy}.hasValue() ? {spec} : []) + ({legacy}.hasValue() ? {old} : [])"  # noqa: E501 - one CEL expression


def _routes() -> str:
    """A gateway of another namespace may be a public one; those of the same are judged themselves."""
    parents = "object.spec.?parentRefs.orValue([])"
    return (
        f"({parents}.filter(p, !(p.?kind.orValue('Gateway') in ['Gateway', 'Service']))"
        ".map(p, 'spec.parentRefs.kind: got ' + p.kind + ', allowed Gateway or Service')"
        f" + {parents}.filter(p, p.?namespace.orValue(request.namespace) != request.namespace)"
        ".map(p, 'spec.parentRefs.namespace: got ' + p.namespace + ', allowed nothing: its own namespace'))"
    )


def _endpoints() -> str:
    """Addresses that somebody writes by hand carry a service wherever they lead."""
    private = array(str(each) for each in PRIVATE_NETWORKS)
    inside = f"isIP(a) && {private}.exists(n, cidr(n).containsIP(a))"
    subsets = "dyn(object).?subsets.orValue([])"
    listed = (
        "dyn(object).?endpoints.orValue([]).map(e, e.?addresses.orValue([]))",
        *(f"{subsets}.map(e, e.?{key}.orValue([]).map(a, a.ip))" for key in ("addresses", "notReadyAddresses")),
    )
    said = "map(a, 'address ' + a + ': allowed an address of a private network')"
    outside = " + ".join(
        f"{each}.map(l, l.filter(a, !({inside})).{said}.join('; ')).filter(w, w != '')" for each in listed
    )
    family = "dyn(object).?addressType.orValue('IPv4')"
    return (
        f"({family} in ['IPv4', 'IPv6'] ? [] : ['addressType: got ' + {family} + ', allowed IPv4 or IPv6']) + {outside}"
    )


def _classes() -> str:
    """Whoever could make a class anew could make the internal one lead outside."""
    return f"{PLATFORM} ? [] : ['kind: got a class of its own, allowed the classes that the platform makes']"


def _class(path: str, found: str) -> str:
    return (
        f"({found}.hasValue() && {found}.value() == params.spec.ingressClass ? [] :"
        f" [{text(path)} + ': got ' + {found}.orValue('nothing') + ', allowed ' + params.spec.ingressClass])"
    )


def _pods() -> str:
    return (
        "((variables.pod.?hostNetwork.orValue(false) ? ['hostNetwork: allowed false or nothing'] : [])"
        " + variables.containers.filter(c, c.?ports.orValue([]).exists(p, p.?hostPort.orValue(0) != 0))"
        ".map(c, 'containers[' + c.name + '].ports.hostPort: allowed nothing'))"
    )
