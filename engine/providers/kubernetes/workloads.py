"""Is this workload ready: Deployment, StatefulSet, DaemonSet, Job, Pod, ReplicationController. Pure (`verdict.py`)."""

from __future__ import annotations

from typing import Final

from engine.providers.kubernetes.objects import Object, annotation, metadata_text, pluck, qualified_name
from engine.providers.kubernetes.pods import owned_by, pod_problems, pod_ready, problems_of_all
from engine.providers.kubernetes.verdict import (
    READY,
    Claim,
    Pod,
    ReplicaSet,
    Surroundings,
    Verdict,
    condition,
    count,
    explained,
    is_true,
    observed,
    refused,
    waiting,
)

_REVISION: Final = "deployment.kubernetes.io/revision"


def _pods_of(owner: Object, around: Surroundings) -> tuple[str, ...]:
    return problems_of_all(pod for pod in around.of(Pod) if owned_by(pod, owner))


def deployment(obj: Object, around: Surroundings) -> Verdict:
    if not observed(obj):
        return waiting("Waiting for the Deployment controller", "The Deployment controller has not seen this change")
    available, progressing = condition(obj, "Available"), condition(obj, "Progressing")
    revision = annotation(obj, _REVISION)
    current = next(
        (rs for rs in around.of(ReplicaSet) if owned_by(rs, obj) and annotation(rs, _REVISION) == revision), None
    )
    wanted = pluck(current, "spec", "replicas")
    wanted = wanted if isinstance(wanted, int) else 1
    ready = count(current or {}, "status", "readyReplicas")
    rolled = revision == "1" or (is_true(progressing) and progressing.get("reason") == "NewReplicaSetAvailable")
    unbound = _unbound_claims(obj, around)
    if current is not None and ready >= wanted and is_true(available) and rolled and not unbound:
        return Verdict(ready=True, status=f"Ready: {ready} of {wanted} Pods")
    reasons = [*explained(progressing), *explained(available)]
    if not is_true(available):
        reasons.append("Minimum number of live Pods was not attained")
    elif not rolled:
        reasons.append("Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live")
    reasons += [*refused(condition(current or obj, "ReplicaFailure")), *unbound]
    reasons += _pods_of(current, around) if current else ()
    return waiting(f"Waiting for app ReplicaSet to be available ({ready}/{wanted} Pods available)", *reasons)


def _unbound_claims(workload: Object, around: Surroundings) -> tuple[str, ...]:
    volumes = pluck(workload, "spec", "template", "spec", "volumes") or []
    names = {pluck(volume, "persistentVolumeClaim", "claimName") for volume in volumes}
    return tuple(
        f"PersistentVolumeClaim: [{metadata_text(claim, 'name')}] is not ready. "
        f"status.phase currently at: {pluck(claim, 'status', 'phase')}"
        for claim in around.of(Claim)
        if metadata_text(claim, "name") in names and pluck(claim, "status", "phase") != "Bound"
    )


def stateful_set(obj: Object, around: Surroundings) -> Verdict:
    if not observed(obj):
        return waiting("Waiting for the StatefulSet controller", "The StatefulSet controller has not seen this change")
    wanted = pluck(obj, "spec", "replicas")
    wanted = wanted if isinstance(wanted, int) else 1
    counts = {key: count(obj, "status", key) for key in ("replicas", "readyReplicas", "currentReplicas")}
    revisions = pluck(obj, "status", "currentRevision"), pluck(obj, "status", "updateRevision")
    if revisions[0] == revisions[1] and all(count == wanted for count in counts.values()):
        return READY
    reasons = []
    if counts["readyReplicas"] != wanted:
        reasons.append(f"{counts['readyReplicas']} out of {wanted} replicas succeeded readiness checks")
    if revisions[0] != revisions[1]:
        reasons.append(f"StatefulSet controller failed to advance from revision {revisions[0]!r} to {revisions[1]!r}")
    status = f"Waiting for StatefulSet Pods to be ready ({counts['readyReplicas']}/{wanted})"
    return waiting(status, *reasons, *_pods_of(obj, around))


def daemon_set(obj: Object, around: Surroundings) -> Verdict:
    if not observed(obj):
        return waiting("Waiting for the DaemonSet controller", "The DaemonSet controller has not seen this change")
    wanted = count(obj, "status", "desiredNumberScheduled")
    keys = ("currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady")
    least = min(count(obj, "status", key) for key in keys)
    if least >= wanted:
        return READY
    status = f"Waiting for DaemonSet Pods to be updated and available ({least}/{wanted})"
    return waiting(status, status, *_pods_of(obj, around))


def job(obj: Object, around: Surroundings) -> Verdict:
    failed = condition(obj, "Failed")
    if is_true(failed):
        reason = f"[{failed.get('reason') or 'Failed'}] {failed.get('message') or 'the Job failed'}"
        return Verdict(ready=False, failed=True, status=reason, reasons=(reason, *_pods_of(obj, around)))
    if not pluck(obj, "status", "startTime"):
        return waiting(f"Waiting for Job {qualified_name(obj)!r} to start", "The Job has not started")
    if is_true(condition(obj, "Complete")):
        return READY
    status = f"Waiting for Job {qualified_name(obj)!r} to succeed"
    active, bad = count(obj, "status", "active"), count(obj, "status", "failed")
    return waiting(status, f"The Job is not complete: {active} active, {bad} failed Pods", *_pods_of(obj, around))


def pod(obj: Object, _: Surroundings) -> Verdict:
    if pod_ready(obj):
        return READY
    return waiting(f"Waiting for Pod {qualified_name(obj)!r} to be ready", *pod_problems(obj))


def replication_controller(obj: Object, _: Surroundings) -> Verdict:
    wanted, available = count(obj, "spec", "replicas"), count(obj, "status", "availableReplicas")
    if wanted == available:
        return READY
    return waiting("Waiting for Pods", f"{available} of {wanted} replicas are available")
