"""Is this object ready, and if not, why? Pure: the object and what surrounds it in, a verdict out.

Rules follow pulumi-kubernetes (`provider/pkg/await`), per kind; kinds without a rule are ready once they exist.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine.providers.kubernetes.objects import Object, annotation, metadata_text, pluck, qualified_name
from engine.providers.kubernetes.pods import owned_by, pod_problems, pod_ready, problems_of_all

if TYPE_CHECKING:
    from collections.abc import Callable

SETTLE_S: Final = 10.0  # how long endpoints must rest before none of them counts as "there are none"
_REVISION: Final = "deployment.kubernetes.io/revision"
_NO_TARGET: Final = (
    "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels "
    "on any Pods"
)

ReplicaSet: Final = ("apps/v1", "ReplicaSet")
Pod: Final = ("v1", "Pod")
Claim: Final = ("v1", "PersistentVolumeClaim")
Slice: Final = ("discovery.k8s.io/v1", "EndpointSlice")
Service: Final = ("v1", "Service")
StorageClass: Final = ("storage.k8s.io/v1", "StorageClass")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`failed`: it will not become ready any more. `status`: one line on what is missing; `reasons`: why."""

    ready: bool
    failed: bool = False
    status: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Objects of the same namespace by (apiVersion, kind), and for how many seconds none of them changed."""

    objects: dict[tuple[str, str], tuple[Object, ...]] = field(default_factory=dict)
    unchanged_s: float = SETTLE_S

    def of(self, kind: tuple[str, str]) -> tuple[Object, ...]:
        """The objects of one kind."""
        return self.objects.get(kind, ())


@dataclass(frozen=True, slots=True)
class Rule:
    """How a kind is judged, what must be known for it, its time limit in seconds, and whether a read judges it too."""

    judge: Callable[[Object, Surroundings], Verdict]
    needs: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 600.0
    on_read: bool = False


_READY: Final = Verdict(ready=True)


def _waiting(status: str, *reasons: str) -> Verdict:
    return Verdict(ready=False, status=status, reasons=reasons)


def _condition(obj: Object, name: str) -> Object:
    conditions = pluck(obj, "status", "conditions") or []
    return next((c for c in conditions if isinstance(c, dict) and c.get("type") == name), {})


def _is_true(condition: Object) -> bool:
    return condition.get("status") == "True"


def _explained(condition: Object) -> tuple[str, ...]:
    if not condition or _is_true(condition) or not condition.get("message"):
        return ()
    return (f"[{condition.get('reason') or condition.get('type')}] {condition['message']}",)


def _refused(condition: Object) -> tuple[str, ...]:
    """The words of a condition that is bad when it is true."""
    if not _is_true(condition) or not condition.get("message"):
        return ()
    return (f"[{condition.get('reason') or condition.get('type')}] {condition['message']}",)


def _observed(obj: Object) -> bool:
    generation, seen = pluck(obj, "metadata", "generation"), pluck(obj, "status", "observedGeneration")
    return isinstance(seen, int) and seen >= int(generation or 0)


def _count(obj: Object, *path: str) -> int:
    value = pluck(obj, *path)
    return value if isinstance(value, int) else 0


def _pods_of(owner: Object, around: Surroundings) -> tuple[str, ...]:
    return problems_of_all(pod for pod in around.of(Pod) if owned_by(pod, owner))


def _deployment(obj: Object, around: Surroundings) -> Verdict:
    if not _observed(obj):
        return _waiting("Waiting for the Deployment controller", "The Deployment controller has not seen this change")
    available, progressing = _condition(obj, "Available"), _condition(obj, "Progressing")
    revision = annotation(obj, _REVISION)
    current = next(
        (rs for rs in around.of(ReplicaSet) if owned_by(rs, obj) and annotation(rs, _REVISION) == revision), None
    )
    wanted = pluck(current, "spec", "replicas")
    wanted = wanted if isinstance(wanted, int) else 1
    ready = _count(current or {}, "status", "readyReplicas")
    rolled = revision == "1" or (_is_true(progressing) and progressing.get("reason") == "NewReplicaSetAvailable")
    unbound = _unbound_claims(obj, around)
    if current is not None and ready >= wanted and _is_true(available) and rolled and not unbound:
        return Verdict(ready=True, status=f"Ready: {ready} of {wanted} Pods")
    reasons = [*_explained(progressing), *_explained(available)]
    if not _is_true(available):
        reasons.append("Minimum number of live Pods was not attained")
    elif not rolled:
        reasons.append("Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live")
    reasons += [*_refused(_condition(current or obj, "ReplicaFailure")), *unbound]
    reasons += _pods_of(current, around) if current else ()
    return _waiting(f"Waiting for app ReplicaSet to be available ({ready}/{wanted} Pods available)", *reasons)


def _unbound_claims(workload: Object, around: Surroundings) -> tuple[str, ...]:
    volumes = pluck(workload, "spec", "template", "spec", "volumes") or []
    names = {pluck(volume, "persistentVolumeClaim", "claimName") for volume in volumes}
    return tuple(
        f"PersistentVolumeClaim: [{metadata_text(claim, 'name')}] is not ready. "
        f"status.phase currently at: {pluck(claim, 'status', 'phase')}"
        for claim in around.of(Claim)
        if metadata_text(claim, "name") in names and pluck(claim, "status", "phase") != "Bound"
    )


def _stateful_set(obj: Object, around: Surroundings) -> Verdict:
    if not _observed(obj):
        return _waiting("Waiting for the StatefulSet controller", "The StatefulSet controller has not seen this change")
    wanted = pluck(obj, "spec", "replicas")
    wanted = wanted if isinstance(wanted, int) else 1
    counts = {key: _count(obj, "status", key) for key in ("replicas", "readyReplicas", "currentReplicas")}
    revisions = pluck(obj, "status", "currentRevision"), pluck(obj, "status", "updateRevision")
    if revisions[0] == revisions[1] and all(count == wanted for count in counts.values()):
        return _READY
    reasons = []
    if counts["readyReplicas"] != wanted:
        reasons.append(f"{counts['readyReplicas']} out of {wanted} replicas succeeded readiness checks")
    if revisions[0] != revisions[1]:
        reasons.append(f"StatefulSet controller failed to advance from revision {revisions[0]!r} to {revisions[1]!r}")
    status = f"Waiting for StatefulSet Pods to be ready ({counts['readyReplicas']}/{wanted})"
    return _waiting(status, *reasons, *_pods_of(obj, around))


def _daemon_set(obj: Object, around: Surroundings) -> Verdict:
    if not _observed(obj):
        return _waiting("Waiting for the DaemonSet controller", "The DaemonSet controller has not seen this change")
    wanted = _count(obj, "status", "desiredNumberScheduled")
    keys = ("currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady")
    least = min(_count(obj, "status", key) for key in keys)
    if least >= wanted:
        return _READY
    status = f"Waiting for DaemonSet Pods to be updated and available ({least}/{wanted})"
    return _waiting(status, status, *_pods_of(obj, around))


def _job(obj: Object, around: Surroundings) -> Verdict:
    failed = _condition(obj, "Failed")
    if _is_true(failed):
        reason = f"[{failed.get('reason') or 'Failed'}] {failed.get('message') or 'the Job failed'}"
        return Verdict(ready=False, failed=True, status=reason, reasons=(reason, *_pods_of(obj, around)))
    if not pluck(obj, "status", "startTime"):
        return _waiting(f"Waiting for Job {qualified_name(obj)!r} to start", "The Job has not started")
    if _is_true(_condition(obj, "Complete")):
        return _READY
    status = f"Waiting for Job {qualified_name(obj)!r} to succeed"
    active, bad = _count(obj, "status", "active"), _count(obj, "status", "failed")
    return _waiting(status, f"The Job is not complete: {active} active, {bad} failed Pods", *_pods_of(obj, around))


def _pod(obj: Object, _: Surroundings) -> Verdict:
    if pod_ready(obj):
        return _READY
    return _waiting(f"Waiting for Pod {qualified_name(obj)!r} to be ready", *pod_problems(obj))


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
        return _READY
    reasons = [] if ready else [_NO_TARGET]
    if not addressed:
        reasons.append("Service was not allocated an IP address; does your cloud provider support this?")
    status = "Waiting for a load balancer address" if not addressed else "Finding Pods to direct traffic to"
    return _waiting(status, *reasons)


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
        return _READY
    if not _balanced(obj):
        missing.append(
            "Ingress .status.loadBalancer field was not updated with a hostname/IP address; "
            "is an ingress controller running for its class?"
        )
    return _waiting("Waiting for update of .status.loadBalancer with hostname/IP", *missing)


def _claim(obj: Object, around: Surroundings) -> Verdict:
    phase, wanted = pluck(obj, "status", "phase"), pluck(obj, "spec", "storageClassName")
    storage = next((item for item in around.of(StorageClass) if metadata_text(item, "name") == wanted), {})
    late = storage.get("volumeBindingMode") == "WaitForFirstConsumer"
    if phase == "Bound" or (late and phase == "Pending"):
        return _READY
    return _waiting("Waiting for the claim to be bound", f"The claim is {phase or 'not seen yet'}, class {wanted!r}")


def _volume(obj: Object, _: Surroundings) -> Verdict:
    phase = pluck(obj, "status", "phase")
    if phase in ("Available", "Bound"):
        return _READY
    return _waiting("Waiting for the volume to be available", f"The volume is {phase or 'not seen yet'}")


def _replication_controller(obj: Object, _: Surroundings) -> Verdict:
    wanted, available = _count(obj, "spec", "replicas"), _count(obj, "status", "availableReplicas")
    if wanted == available:
        return _READY
    return _waiting("Waiting for Pods", f"{available} of {wanted} replicas are available")


def _quota(obj: Object, _: Surroundings) -> Verdict:
    if pluck(obj, "spec", "hard") == pluck(obj, "status", "hard"):
        return _READY
    return _waiting("Waiting for the quota controller", "The quota is not in force yet")


def _secret(obj: Object, _: Surroundings) -> Verdict:
    if obj.get("type") != "kubernetes.io/service-account-token" or obj.get("data"):
        return _READY
    return _waiting("Waiting for the token", "The token controller has not filled the Secret")


def _definition(obj: Object, _: Surroundings) -> Verdict:
    accepted, established = _condition(obj, "NamesAccepted"), _condition(obj, "Established")
    if _is_true(accepted) and _is_true(established):
        return _READY
    return _waiting(
        "Waiting for the definition to be established",
        *(_explained(accepted) or _explained(established) or ("Its names have not been accepted yet",)),
    )


RULES: Final[dict[str, Rule]] = {
    "apiextensions.k8s.io/v1/CustomResourceDefinition": Rule(_definition, timeout_s=60.0),
    "apps/v1/Deployment": Rule(_deployment, (ReplicaSet, Pod, Claim), on_read=True),
    "apps/v1/StatefulSet": Rule(_stateful_set, (Pod,), on_read=True),
    "apps/v1/DaemonSet": Rule(_daemon_set, (Pod,), on_read=True),
    "batch/v1/Job": Rule(_job, (Pod,), on_read=True),
    "networking.k8s.io/v1/Ingress": Rule(_ingress, (Slice, Service), on_read=True),
    "v1/PersistentVolume": Rule(_volume, timeout_s=300.0),
    "v1/PersistentVolumeClaim": Rule(_claim, (StorageClass,), timeout_s=300.0),
    "v1/Pod": Rule(_pod, on_read=True),
    "v1/ReplicationController": Rule(_replication_controller),
    "v1/ResourceQuota": Rule(_quota, timeout_s=60.0),
    "v1/Secret": Rule(_secret, timeout_s=5.0),
    "v1/Service": Rule(_service, (Slice,), on_read=True),
}
