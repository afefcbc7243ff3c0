"""EXP-001: data of an internal category is reachable from inside the cluster and by its internal ingress class only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.cloud_law import broken, open_together
from policies.objects import POD_KINDS, is_unreadable
from policies.placed import category_of, own_category
from policies.subject import STACK_TYPE, Concern, Violation
from policies.values import at, join, mapping, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policies.objects import KubeObject, Pod
    from policies.subject import Subject

CONCERN = Concern(
    clouds=True, kinds=frozenset({"Service", "Ingress", "Gateway", *POD_KINDS}), types=frozenset({STACK_TYPE})
)
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
        if found.expected.kind == "Service":
            yield from _service(found)
        elif found.expected.kind == "Ingress":
            yield from _ingress(subject, found)
        elif found.expected.kind == "Gateway":
            yield from _class(
                subject, found.inside("spec", "gatewayClassName"), at(found.body, "spec", "gatewayClassName")
            )
        for pod in found.pods:
            yield from _pod(pod)


def check_stack(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """Ranges that rules of a stack open only together."""
    yield from open_together([subject for subject in subjects if _is_internal(subject)])


def _is_internal(subject: Subject) -> bool:
    category = own_category(subject)
    return category is None or category.rule.exposure == "internal"


def _service(found: KubeObject) -> Iterator[Violation]:
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
