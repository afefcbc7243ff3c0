"""EXP-001 in CEL: data of an internal category is reachable by the cluster's internal classes only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admission.cel import POD_RESOURCES, Ruling, array, context, pod_context, text
from policies.checks.exposure import INGRESS_ANNOTATION, INSIDE, INTERNAL_SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def rulings() -> Iterator[Ruling]:
    """Services, ingresses, gateways, and pods on the host's own network."""
    variables = {**context(), "internal": "variables.rule.exposure == 'internal'"}
    yield _of("services", {"": ("services",)}, _services(), variables)
    ingresses = {"networking.k8s.io": ("ingresses",)}
    yield _of("ingresses", ingresses, _ingresses(), variables)
    gateways = {"gateway.networking.k8s.io": ("gateways",)}
    gateway = _class("spec.gatewayClassName", "object.spec.?gatewayClassName")
    yield _of("gateways", gateways, gateway, variables)
    yield _of("pods", POD_RESOURCES, _pods(), {**variables, **pod_context()})


def _of(name: str, resources: Mapping[str, tuple[str, ...]], found: str, variables: dict[str, str]) -> Ruling:
    asks = f"variables.internal ? {found} : []"
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
