"""Is this object ready, and if not, why? Pure: the object and what surrounds it in, a verdict out.

Rules follow pulumi-kubernetes (`provider/pkg/await`), per kind; kinds without a rule are ready once they exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.providers.kubernetes import workloads
from engine.providers.kubernetes.objects import Object, metadata_text, pluck
from engine.providers.kubernetes.verdict import (
    READY,
    SETTLE_S,
    Claim,
    Pod,
    ReplicaSet,
    Service,
    Slice,
    StorageClass,
    Surroundings,
    Verdict,
    condition,
    explained,
    is_true,
    waiting,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_NO_TARGET: Final = (
    "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels "
    "on any Pods"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """How a kind is judged, what must be known for it, its time limit in seconds, and whether a read judges it too."""

    judge: Callable[[Object, Surroundings], Verdict]
    needs: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 600.0
    on_read: bool = False


def _endpoints(service: str, around: Surroundings) -> tuple[int, int]:
    """How many endpoints of a Service are ready, and how many are not yet (those going away count as neither)."""
    ready = pending = 0
    for piece in around.of(Slice):
        if pluck(piece, "metadata", "labels", "kubernetes.io/service-name") == service:
            for endpoint in piece.get("endpoints") or []:
                if pluck(endpoint, "conditions", "ready") is not False:
                    ready += 1
                elif pluck(endpoint, "conditions", "terminating") is not True:
                    pending += 1
    return ready, pending


def _balanced(obj: Object) -> bool:
    return bool(pluck(obj, "status", "loadBalancer", "ingress"))


def _service(obj: Object, around: Surroundings) -> Verdict:
    kind = pluck(obj, "spec", "type") or "ClusterIP"
    addressed = kind != "LoadBalancer" or _balanced(obj)
    selects = bool(pluck(obj, "spec", "selector"))
    if kind == "ExternalName" or pluck(obj, "spec", "clusterIP") == "None" or not selects:
        ready, pending, settled = 1, 0, True
    else:
        ready, pending = _endpoints(metadata_text(obj, "name"), around)
        # The real provider rests even when there are ready endpoints; one that is ready needs no rest.
        settled = ready > 0 or around.unchanged_s >= SETTLE_S
    if addressed and settled and not pending:
        return READY
    reasons = [] if ready else [_NO_TARGET]
    if not addressed:
        reasons.append("Service was not allocated an IP address; does your cloud provider support this?")
    status = "Waiting for a load balancer address" if not addressed else "Finding Pods to direct traffic to"
    return waiting(status, *reasons)


def _ingress(obj: Object, around: Surroundings) -> Verdict:
    services = {metadata_text(service, "name"): service for service in around.of(Service)}
    with_endpoints = {pluck(piece, "metadata", "labels", "kubernetes.io/service-name") for piece in around.of(Slice)}
    missing = [
        f"No matching service found for ingress rule: {rule.get('host', '')}{path.get('path') or ''} -> {name}"
        for rule in pluck(obj, "spec", "rules") or []
        for path in pluck(rule, "http", "paths") or []
        if (name := pluck(path, "backend", "service", "name"))
        and name not in with_endpoints
        and pluck(services.get(name), "spec", "type") != "ExternalName"
    ]
    if _balanced(obj) and (not missing or around.unchanged_s >= SETTLE_S):
        return READY
    if not _balanced(obj):
        missing.append(
            "Ingress .status.loadBalancer field was not updated with a hostname/IP address; "
            "is an ingress controller running for its class?"
        )
    return waiting("Waiting for update of .status.loadBalancer with hostname/IP", *missing)


def _claim(obj: Object, around: Surroundings) -> Verdict:
    phase, wanted = pluck(obj, "status", "phase"), pluck(obj, "spec", "storageClassName")
    storage = next((item for item in around.of(StorageClass) if metadata_text(item, "name") == wanted), {})
    late = storage.get("volumeBindingMode") == "WaitForFirstConsumer"
    if phase == "Bound" or (late and phase == "Pending"):
        return READY
    return waiting("Waiting for the claim to be bound", f"The claim is {phase or 'not seen yet'}, class {wanted!r}")


def _volume(obj: Object, _: Surroundings) -> Verdict:
    phase = pluck(obj, "status", "phase")
    if phase in ("Available", "Bound"):
        return READY
    return waiting("Waiting for the volume to be available", f"The volume is {phase or 'not seen yet'}")


def _quota(obj: Object, _: Surroundings) -> Verdict:
    if pluck(obj, "spec", "hard") == pluck(obj, "status", "hard"):
        return READY
    return waiting("Waiting for the quota controller", "The quota is not in force yet")


def _secret(obj: Object, _: Surroundings) -> Verdict:
    if obj.get("type") != "kubernetes.io/service-account-token" or obj.get("data"):
        return READY
    return waiting("Waiting for the token", "The token controller has not filled the Secret")


def _definition(obj: Object, _: Surroundings) -> Verdict:
    accepted, established = condition(obj, "NamesAccepted"), condition(obj, "Established")
    if is_true(accepted) and is_true(established):
        return READY
    return waiting(
        "Waiting for the definition to be established",
        *(explained(accepted) or explained(established) or ("Its names have not been accepted yet",)),
    )


RULES: Final[dict[str, Rule]] = {
    "apiextensions.k8s.io/v1/CustomResourceDefinition": Rule(_definition, timeout_s=60.0),
    "apps/v1/Deployment": Rule(workloads.deployment, (ReplicaSet, Pod, Claim), on_read=True),
    "apps/v1/StatefulSet": Rule(workloads.stateful_set, (Pod,), on_read=True),
    "apps/v1/DaemonSet": Rule(workloads.daemon_set, (Pod,), on_read=True),
    "batch/v1/Job": Rule(workloads.job, (Pod,), on_read=True),
    "networking.k8s.io/v1/Ingress": Rule(_ingress, (Slice, Service), on_read=True),
    "v1/PersistentVolume": Rule(_volume, timeout_s=300.0),
    "v1/PersistentVolumeClaim": Rule(_claim, (StorageClass,), timeout_s=300.0),
    "v1/Pod": Rule(workloads.pod, on_read=True),
    "v1/ReplicationController": Rule(workloads.replication_controller),
    "v1/ResourceQuota": Rule(_quota, timeout_s=60.0),
    "v1/Secret": Rule(_secret, timeout_s=5.0),
    "v1/Service": Rule(_service, (Slice,), on_read=True),
}
