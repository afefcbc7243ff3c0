"""What a Kubernetes object asks of its cluster: a size, nothing, or why nobody knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from components.workload import quantity
from inventories.pricing import Size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from decimal import Decimal

Asked: TypeAlias = Size | str | None
"""A size, why there is none, or None for what costs nothing."""

# What is made of text, rules and names; what runs or stores because of it is counted where it stands itself.
_FREE: Final = frozenset(
    {
        *("ConfigMap", "Secret", "Namespace", "ServiceAccount", "Role", "RoleBinding", "ClusterRole"),
        *("ClusterRoleBinding", "NetworkPolicy", "PodDisruptionBudget", "HorizontalPodAutoscaler", "ResourceQuota"),
        *("LimitRange", "Ingress", "IngressClass", "Endpoints", "EndpointSlice", "PriorityClass", "StorageClass"),
        *("CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "RuntimeClass", "Lease"),
        *("Gateway", "HTTPRoute", "GRPCRoute"),
    }
)
_REPLICATED: Final = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
_QUANTITY: Final = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|[MGTPE]|[KMGTPE]i)?")
_GIB: Final = 2**30
_NOT_KNOWN: Final = "how much it asks for cannot be read"

Scaled: TypeAlias = "dict[tuple[str, str, str], int]"
"""The fewest replicas that autoscalers keep, by namespace, kind and name."""


def autoscaled(objects: Iterable[Mapping[str, Any]]) -> Scaled:
    """What autoscalers among the objects keep at least."""
    found: Scaled = {}
    for body in objects:
        target = _map(_map(body.get("spec")).get("scaleTargetRef"))
        fewest = _map(body.get("spec")).get("minReplicas")
        key = (_namespace(body), str(target.get("kind")), str(target.get("name")))
        found[key] = fewest if isinstance(fewest, int) else 1
    return found


def asked_of_a_cluster(kind: str, body: Mapping[str, Any], scaled: Scaled) -> Asked:
    """What an object of a kind asks for all month long."""
    counted, spec = _COUNTED.get(kind), _map(body.get("spec"))
    if counted is not None:
        return counted(spec)
    if kind in _REPLICATED:
        own = (_namespace(body), kind, str(_map(body.get("metadata")).get("name")))
        return _times(scaled.get(own, spec.get("replicas", 1)), _replica(kind, spec))
    return None if kind in _FREE else f"a {kind}: what it makes is not seen here"


def _job(spec: Mapping[str, Any]) -> Size | str:
    return _times(spec.get("parallelism", 1), _pod(_map(_map(spec.get("template")).get("spec"))))


def _jobs(spec: Mapping[str, Any]) -> Size | str:
    return _job(_map(_map(spec.get("jobTemplate")).get("spec")))


def _service(spec: Mapping[str, Any]) -> Asked:
    return "a load balancer, which has no price" if spec.get("type") == "LoadBalancer" else None


def _on_every_node(_spec: Mapping[str, Any]) -> str:
    return "it runs on every node, and how many there are is not known"


def _replica(kind: str, spec: Mapping[str, Any]) -> Size | str:
    pod = _pod(_map(_map(spec.get("template")).get("spec")))
    claims = spec.get("volumeClaimTemplates") if kind == "StatefulSet" else None
    return _sum(pod, *(_claim(_map(_map(claim).get("spec"))) for claim in _list(claims)))


def _pod(spec: Mapping[str, Any]) -> Size | str:
    """What its containers ask for together, or its largest first step, whichever is more (as the scheduler has it)."""
    if not spec.get("containers"):
        return "it names no containers"
    running, largest = Size(), Size()
    for container in _list(spec.get("initContainers")):
        asked = _container(_map(container))
        if isinstance(asked, str):
            return asked
        largest = _most(largest, running.plus(asked))
        running = running.plus(asked) if _map(container).get("restartPolicy") == "Always" else running
    main = _sum(running, *(_container(_map(container)) for container in _list(spec.get("containers"))))
    if isinstance(main, str):
        return main
    claims = (_map(_map(volume).get("ephemeral")).get("volumeClaimTemplate") for volume in _list(spec.get("volumes")))
    return _sum(_most(largest, main), *(_claim(_map(_map(claim).get("spec"))) for claim in claims if claim is not None))


def _container(container: Mapping[str, Any]) -> Size | str:
    """Its requests; its limits stand in where it makes none, as in the cluster."""
    resources = _map(container.get("resources"))
    found = []
    for part in ("cpu", "memory"):
        value = _map(resources.get("requests")).get(part, _map(resources.get("limits")).get(part))
        if value is None:
            return f"container {container.get('name', 'without a name')} does not say how much {part} it asks for"
        if (amount := _amount(value)) is None:
            return _NOT_KNOWN
        found.append(amount)
    return Size(float(found[0]), float(found[1] / _GIB))


def _claim(spec: Mapping[str, Any]) -> Size | str:
    amount = _amount(_map(_map(spec.get("resources")).get("requests")).get("storage"))
    return _NOT_KNOWN if amount is None else Size(storage_gib=float(amount / _GIB))


def _amount(value: Any) -> Decimal | None:
    text = str(value) if isinstance(value, str | int | float) else ""
    return quantity(text) if _QUANTITY.fullmatch(text) else None


def _times(count: Any, asked: Size | str) -> Size | str:
    if isinstance(asked, str):
        return asked
    if isinstance(count, bool) or not isinstance(count, int | float) or count < 0:
        return "how many of it run cannot be read"
    return asked.times(count)


def _sum(first: Size | str, *others: Size | str) -> Size | str:
    for other in others:
        if isinstance(first, str):
            return first
        first = other if isinstance(other, str) else first.plus(other)
    return first


def _most(one: Size, other: Size) -> Size:
    return Size(*map(max, one, other))


def _namespace(body: Mapping[str, Any]) -> str:
    return str(_map(body.get("metadata")).get("namespace") or "default")


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else ()


_COUNTED: Final[Mapping[str, Callable[[Mapping[str, Any]], Asked]]] = {
    "Pod": _pod,
    "Job": _job,
    "CronJob": _jobs,
    "PersistentVolumeClaim": _claim,
    "Service": _service,
    "DaemonSet": _on_every_node,
}
