"""EXP-001: data of an internal category is reachable from inside the cluster and by its internal ingress class only."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from policies.cloud_law import PRIVATE_NETWORKS, broken, open_together
from policies.objects import POD_KINDS, is_unreadable
from policies.openstack_law import foreign_ids, opened_groups
from policies.placed import category_of, own_category
from policies.subject import STACK_TYPE, Concern, Violation
from policies.values import MALFORMED, UNKNOWN, at, join, mapping, sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policies.objects import KubeObject, Pod
    from policies.subject import Subject

INTERNAL_SERVICES: Final = (None, "ClusterIP", "ExternalName")
INSIDE: Final = ".svc.cluster.local"
INGRESS_ANNOTATION: Final = "kubernetes.io/ingress.class"


def check(subject: Subject) -> Iterator[Violation]:
    """Services, ingresses, gateways and pods; and a stack that asks to be public."""
    category = subject.stack.category
    if subject.is_stack and category and category.rule.exposure == "internal":
        wished = subject.stack.config.get("onshore:exposure", "internal")
        if wished != "internal":
            yield Violation(
                "config onshore:exposure", "a public exposure", f"internal, for {category.id} data", public=True
            )
    if _is_internal(subject):
        yield from broken(subject, "EXP-001")
    for found in subject.objects:
        if category_of(subject, found).rule.exposure != "internal":
            continue
        judge = _BY_KIND.get(found.expected.kind)
        if judge is not None:
            yield from judge(subject, found)
        for pod in found.pods:
            yield from _pod(pod)


def check_stack(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """Ranges that rules of a stack open only together, and networks and groups that it names by an id."""
    internal = [subject for subject in subjects if _is_internal(subject)]
    yield from open_together(internal)
    yield from foreign_ids(internal, subjects)
    yield from opened_groups(internal)


def _is_internal(subject: Subject) -> bool:
    category = own_category(subject)
    return category is None or category.rule.exposure == "internal"


def _service(_subject: Subject, found: KubeObject) -> Iterator[Violation]:
    kind = at(found.body, "spec", "type")
    if kind not in INTERNAL_SERVICES:
        yield Violation(found.inside("spec", "type"), kind, "ClusterIP")
    target = at(found.body, "spec", "externalName")
    if (kind == "ExternalName" or target is not None) and not (isinstance(target, str) and target.endswith(INSIDE)):
        yield Violation(
            found.inside("spec", "externalName"), target, f"a name of the cluster's own, ending in {INSIDE}"
        )
    addresses = at(found.body, "spec", "externalIPs")
    if addresses is not None and addresses != []:
        yield Violation(found.inside("spec", "externalIPs"), addresses, "nothing")


def _ingress(subject: Subject, found: KubeObject) -> Iterator[Violation]:
    """The class stands in the spec, or in the annotation that came before; where both stand, both count."""
    path = found.inside("spec", "ingressClassName")
    name = at(found.body, "spec", "ingressClassName")
    legacy = at(found.body, "metadata", "annotations", INGRESS_ANNOTATION)
    if name is not None or legacy is None:
        yield from _class(subject, path, name)
    if legacy is not None:
        yield from _class(subject, join(found.inside("metadata", "annotations"), INGRESS_ANNOTATION), legacy)


def _route(_subject: Subject, found: KubeObject) -> Iterator[Violation]:
    """A gateway of another namespace may be a public one; those of the same are judged themselves."""
    own = at(found.body, "metadata", "namespace")
    path, parents = found.inside("spec", "parentRefs"), at(found.body, "spec", "parentRefs")
    if parents is not None and not isinstance(parents, list):
        yield Violation(path, parents, "a list")
    for index, parent in enumerate(sequence(parents)):
        here = f"{path}[{index}]"
        if not isinstance(parent, dict):
            yield Violation(here, parent if is_unreadable(parent) else MALFORMED, "a gateway of its own namespace")
            continue
        if (kind := parent.get("kind")) not in (None, "Gateway", "Service"):
            yield Violation(join(here, "kind"), kind, "Gateway or Service")
        namespace = parent.get("namespace")
        if namespace is not None and (is_unreadable(own) or is_unreadable(namespace) or namespace != own):
            got = own if own is UNKNOWN else namespace
            yield Violation(join(here, "namespace"), got, "nothing: a gateway of its own namespace")


def _endpoints(_subject: Subject, found: KubeObject) -> Iterator[Violation]:
    """Addresses that somebody writes by hand carry a service wherever they lead."""
    if found.expected.kind == "EndpointSlice":
        lists: list[tuple[str, str, str]] = [("endpoints", "addresses", "")]
        if (kind := found.body.get("addressType")) not in ("IPv4", "IPv6"):
            yield Violation(found.inside("addressType"), kind, "IPv4 or IPv6")
    else:
        lists = [("subsets", "addresses", "ip"), ("subsets", "notReadyAddresses", "ip")]
    for outer, inner, key in lists:
        listed = found.body.get(outer)
        if listed is not None and not isinstance(listed, list):
            yield Violation(found.inside(outer), listed, "a list")
        for index, one in enumerate(sequence(listed)):
            path, values = f"{found.inside(outer)}[{index}].{inner}", at(one, inner)
            if values is not None and not isinstance(values, list):
                yield Violation(path, values, "a list")
            for number, value in enumerate(sequence(values)):
                address = at(value, key) if key else value
                if not _inside(address):
                    yield Violation(join(f"{path}[{number}]", key), address, "an address of a private network")


def _inside(address: Any) -> bool:
    try:
        value = ipaddress.ip_address(address) if isinstance(address, str) else None
    except ValueError:
        return False
    return value is not None and any(value.version == net.version and value in net for net in PRIVATE_NETWORKS)


def _gateway(subject: Subject, found: KubeObject) -> Iterator[Violation]:
    name = at(found.body, "spec", "gatewayClassName")
    yield from _class(subject, found.inside("spec", "gatewayClassName"), name)


def _own_class(_subject: Subject, found: KubeObject) -> Iterator[Violation]:
    yield Violation(found.inside("kind"), "a class of its own", "the cluster's own classes", public=True)


def _class(subject: Subject, path: str, name: Any) -> Iterator[Violation]:
    cluster = subject.destination.cluster if subject.destination else None
    if cluster is None:
        yield Violation(
            path, name, "the internal class of a cluster of the register, which this provider does not reach"
        )
    elif name != cluster.ingress_classes.internal:
        yield Violation(path, name, f"{cluster.ingress_classes.internal}, the internal class of {cluster.id}")


def _pod(pod: Pod) -> Iterator[Violation]:
    on_host = pod.spec.get("hostNetwork")
    if on_host not in (None, False):
        yield Violation(join(pod.path, "hostNetwork"), on_host, "false or nothing")
    for part in pod.containers:
        for i, port in enumerate(sequence(part.body.get("ports"))):
            number = mapping(port).get("hostPort")
            if is_unreadable(number) or number not in (None, 0):
                yield Violation(f"{part.path}.ports[{i}].hostPort", number, "nothing")


_BY_KIND: Final[Mapping[str, Callable[[Subject, KubeObject], Iterator[Violation]]]] = {
    "Service": _service,
    "Ingress": _ingress,
    "IngressClass": _own_class,
    "Gateway": _gateway,
    "HTTPRoute": _route,
    "GRPCRoute": _route,
    "Endpoints": _endpoints,
    "EndpointSlice": _endpoints,
}

CONCERN = Concern(clouds=True, kinds=POD_KINDS | _BY_KIND.keys(), types=frozenset({STACK_TYPE}))
