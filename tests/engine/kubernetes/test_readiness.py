"""Is it ready, and if not, why: one table per kind, and the waitFor expressions."""

from __future__ import annotations

from typing import Any

import pytest

from engine.provider import ProviderError
from engine.providers.kubernetes.leaving import held_by
from engine.providers.kubernetes.readiness import RULES
from engine.providers.kubernetes.verdict import SETTLE_S, Claim, Pod, ReplicaSet, Slice, StorageClass, Surroundings
from engine.providers.kubernetes.verdict import Service as ServiceKind
from engine.providers.kubernetes.wait import rule_for, timeout_of
from engine.providers.kubernetes.waitfor import judge_expectations, parse_wait_for


def verdict(kind: str, obj: dict[str, Any], objects: Any = None, unchanged_s: float = SETTLE_S) -> Any:
    return RULES[kind].judge(obj, Surroundings(objects or {}, unchanged_s))


def conditions(**states: str | tuple[str, str, str]) -> list[dict[str, str]]:
    found = []
    for name, state in states.items():
        status, reason, message = state if isinstance(state, tuple) else (state, "", "")
        found.append({"type": name, "status": status, "reason": reason, "message": message})
    return found


def owned(uid: str, **fields: Any) -> dict[str, Any]:
    metadata = {"ownerReferences": [{"uid": uid}], **fields.pop("metadata", {})}
    return {"metadata": metadata, **fields}


POD_READY = conditions(PodScheduled="True", Initialized="True", Ready="True")
ROLLED = ("True", "NewReplicaSetAvailable", "")


def deployment(
    revision: str = "1", generation: int = 1, seen: int = 1, volumes: Any = (), **states: Any
) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "web", "uid": "d", "generation": generation,
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "spec": {"template": {"spec": {"volumes": list(volumes)}}},
        "status": {"observedGeneration": seen, "conditions": conditions(**states)},
    }  # fmt: skip


def replica_set(revision: str = "1", wanted: int = 2, ready: int = 2) -> dict[str, Any]:
    metadata = {"uid": "rs", "annotations": {"deployment.kubernetes.io/revision": revision}}
    return owned("d", metadata=metadata, spec={"replicas": wanted}, status={"readyReplicas": ready} if ready else {})


CLAIM_VOLUME = [{"persistentVolumeClaim": {"claimName": "c"}}]
DEPLOYMENTS: dict[str, tuple[dict[str, Any], dict[Any, Any], str]] = {
    "all there": (deployment(Available="True"), {ReplicaSet: (replica_set(),)}, ""),
    "controller behind": (deployment(generation=2, Available="True"), {ReplicaSet: (replica_set(),)}, "has not seen"),
    "no replica set yet": (deployment(Available="True"), {}, "Attempted|Waiting"),
    "scaled to nothing": (deployment(Available="True"), {ReplicaSet: (replica_set(wanted=0, ready=0),)}, ""),
    "not available": (
        deployment(Available=("False", "MinimumReplicasUnavailable", "too few")),
        {ReplicaSet: (replica_set(ready=1),)},
        "too few",
    ),
    "rolling out": (
        deployment(revision="2", Available="True", Progressing=("True", "ReplicaSetUpdated", "")),
        {ReplicaSet: (replica_set("2"),)},
        "Attempted to roll forward",
    ),
    "rolled out": (
        deployment(revision="2", Available="True", Progressing=ROLLED),
        {ReplicaSet: (replica_set("1", ready=0), replica_set("2"))},
        "",
    ),
    "claim not bound": (
        deployment(volumes=CLAIM_VOLUME, Available="True"),
        {ReplicaSet: (replica_set(),), Claim: ({"metadata": {"name": "c"}, "status": {"phase": "Pending"}},)},
        "PersistentVolumeClaim",
    ),
}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_is_ready_when_its_newest_replica_set_is(name: str) -> None:
    obj, around, why = DEPLOYMENTS[name]
    found = verdict("apps/v1/Deployment", obj, around)
    assert found.ready is not bool(why)
    if why and "|" not in why:
        assert any(why in reason for reason in found.reasons), found


def test_a_stuck_deployment_tells_what_its_pods_say() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    ended = {"exitCode": 3, "reason": "Error", "message": "boom\n"}
    pod = owned(
        "rs",
        metadata={"name": "p", "namespace": "n"},
        status={
            "containerStatuses": [
                {"name": "a", "state": {"waiting": waiting}},
                {
                    "name": "b",
                    "state": {"waiting": {"reason": "ContainerCreating"}},
                    "lastState": {"terminated": ended},
                },
            ]
        },
    )
    around = {ReplicaSet: (replica_set(ready=0),), Pod: (pod,)}
    reasons = verdict("apps/v1/Deployment", deployment(Available="False"), around).reasons
    assert "Minimum number of live Pods was not attained" in reasons
    assert "[Pod n/p]: container 'a': [ImagePullBackOff] no such image" in reasons
    assert "[Pod n/p]: container 'b' ended with exit code 3 (Error): boom" in reasons


def pod(name: str, **status: Any) -> dict[str, Any]:
    return owned("rs", metadata={"name": name, "namespace": "n"}, status=status)


def waiting(reason: str, message: str = "") -> list[dict[str, Any]]:
    return [{"name": "c", "state": {"waiting": {"reason": reason, "message": message}}}]


UNSCHEDULABLE = ("False", "Unschedulable", "0/3 nodes are available")
UNREADY = ("False", "ContainersNotReady", "containers with unready status: [c]")
QUOTA = ("True", "FailedCreate", 'pods "web-" is forbidden: exceeded quota: all')
STUCK: dict[str, tuple[tuple[dict[str, Any], ...], str]] = {
    "image": ((pod("a", containerStatuses=waiting("ImagePullBackOff", "no such image")),), ("[Pod n/a]: container 'c': "
              "[ImagePullBackOff] no such image")),
    "crash": (
        (pod("a", containerStatuses=[{**waiting("CrashLoopBackOff")[0],
                                      "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]),),
        "[Pod n/a]: container 'c' ended with exit code 137 (OOMKilled)",
    ),
    "first container": (
        (pod("a", initContainerStatuses=waiting("CreateContainerConfigError", "no secret"), containerStatuses=[]),),
        "[Pod n/a]: container 'c': [CreateContainerConfigError] no secret",
    ),
    "no node": ((pod("a", conditions=conditions(PodScheduled=UNSCHEDULABLE)),), ("[Pod n/a]: [Unschedulable] "
                "0/3 nodes are available")),
    "probes": (
        (pod("a", conditions=conditions(Ready=UNREADY, ContainersReady=UNREADY)),),
        "[Pod n/a]: [ContainersNotReady] containers with unready status: [c]",
    ),
    "evicted": ((pod("a", phase="Failed", message="The node was low on memory"),), ("[Pod n/a]: The node was low on "
                "memory")),
    "many alike": (
        tuple(pod(name, conditions=conditions(PodScheduled=UNSCHEDULABLE)) for name in "abc"),
        "[Pod n/a and 2 more]: [Unschedulable] 0/3 nodes are available",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STUCK)
def test_a_stuck_rollout_ends_its_reasons_with_the_innermost(name: str) -> None:
    pods, cause = STUCK[name]
    around = {ReplicaSet: (replica_set(ready=0),), Pod: (*pods, pod("fine", conditions=POD_READY))}
    reasons = verdict("apps/v1/Deployment", deployment(Available="False"), around).reasons
    assert reasons[-1] == cause
    assert not any("fine" in reason for reason in reasons)


def test_a_quota_that_is_used_up_is_told_where_no_pod_can_be() -> None:
    current = replica_set(ready=0)
    current["status"] = {"conditions": conditions(ReplicaFailure=QUOTA)}
    told = verdict("apps/v1/Deployment", deployment(Available="False"), {ReplicaSet: (current,)}).reasons
    assert told[-1] == f"[FailedCreate] {QUOTA[2]}"
    early = verdict("apps/v1/Deployment", deployment(Available="False", ReplicaFailure=QUOTA), {}).reasons
    assert early[-1] == f"[FailedCreate] {QUOTA[2]}"


CONFLICT = ("False", "KindConflict", '"Thing" is already in use')
DEFINITIONS: list[tuple[dict[str, Any], bool, str]] = [
    ({"NamesAccepted": "True", "Established": "True"}, True, ""),
    ({}, False, "not been accepted yet"),
    ({"NamesAccepted": "True", "Established": ("False", "Installing", "being installed")}, False, "being installed"),
    ({"NamesAccepted": CONFLICT, "Established": ("False", "NotAccepted", "not all names")}, False, "already in use"),
]


@pytest.mark.parametrize(("states", "ready", "why"), DEFINITIONS)
def test_a_definition_is_ready_when_its_names_are_accepted_and_it_is_served(states: Any, ready: bool, why: str) -> None:
    obj = {"metadata": {"name": "x"}, "status": {"conditions": conditions(**states)}}
    found = verdict("apiextensions.k8s.io/v1/CustomResourceDefinition", obj)
    assert found.ready is ready
    assert ready or why in found.reasons[0]


LEFT = ("True", "SomeResourcesRemain", "Some resources are remaining: configmaps. has 1 resource instances")
GOING: list[tuple[dict[str, Any] | None, tuple[str, ...]]] = [
    (None, ()),
    ({"metadata": {}}, ()),
    ({"metadata": {"finalizers": ["a.example/x", "b"]}}, ("its finalizers: a.example/x, b",)),
    (
        {"spec": {"finalizers": ["kubernetes"]}, "status": {"conditions": conditions(NamespaceContentRemaining=LEFT)}},
        (f"[SomeResourcesRemain] {LEFT[2]}",),
    ),
    ({"status": {"conditions": conditions(NamespaceContentRemaining=("False", "ContentRemoved", "all gone"))}}, ()),
]


@pytest.mark.parametrize(("obj", "lines"), GOING)
def test_what_holds_a_deletion_is_told(obj: dict[str, Any] | None, lines: tuple[str, ...]) -> None:
    assert held_by(obj) == lines


LOAD_BALANCER = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
SIMPLE: list[tuple[str, dict[str, Any], bool]] = [
    ("v1/Pod", {"status": {"conditions": POD_READY}}, True),
    ("v1/Pod", {"status": {"phase": "Succeeded"}}, True),
    ("v1/Pod", {"status": {"conditions": POD_READY[:2]}}, False),
    ("v1/Pod", {}, False),
    ("batch/v1/Job", {"status": {"startTime": "x", "conditions": conditions(Complete="True")}}, True),
    ("batch/v1/Job", {"status": {"startTime": "x"}}, False),
    ("batch/v1/Job", {"status": {"conditions": conditions(Complete="True")}}, False),
    ("v1/PersistentVolume", {"status": {"phase": "Available"}}, True),
    ("v1/PersistentVolume", {"status": {"phase": "Failed"}}, False),
    ("v1/PersistentVolumeClaim", {"status": {"phase": "Bound"}}, True),
    ("v1/PersistentVolumeClaim", {"status": {"phase": "Pending"}}, False),
    ("v1/ReplicationController", {"spec": {"replicas": 2}, "status": {"availableReplicas": 2}}, True),
    ("v1/ReplicationController", {"spec": {"replicas": 2}, "status": {}}, False),
    ("v1/ResourceQuota", {"spec": {"hard": {"pods": "1"}}, "status": {"hard": {"pods": "1"}}}, True),
    ("v1/ResourceQuota", {"spec": {"hard": {"pods": "1"}}, "status": {}}, False),
    ("v1/Secret", {"type": "Opaque"}, True),
    ("v1/Secret", {"type": "kubernetes.io/service-account-token"}, False),
    ("v1/Secret", {"type": "kubernetes.io/service-account-token", "data": {"token": "x"}}, True),
    ("v1/Service", {"spec": {"type": "ExternalName"}}, True),
    ("v1/Service", {"spec": {"clusterIP": "None", "selector": {"a": "b"}}}, True),
    ("v1/Service", {"spec": {"clusterIP": "10.0.0.1"}}, True),
    ("v1/Service", {"spec": {"type": "LoadBalancer"}}, False),
    ("v1/Service", {"spec": {"type": "LoadBalancer"}, "status": LOAD_BALANCER}, True),
    ("networking.k8s.io/v1/Ingress", {"status": LOAD_BALANCER}, True),
    ("networking.k8s.io/v1/Ingress", {"status": {"loadBalancer": {}}}, False),
]


@pytest.mark.parametrize(("kind", "obj", "ready"), SIMPLE)
def test_each_kind_says_when_it_is_ready_and_why_not(kind: str, obj: dict[str, Any], ready: bool) -> None:
    found = verdict(kind, {"metadata": {"name": "x", "uid": "u"}, **obj})
    assert found.ready is ready
    assert ready or found.status


def test_a_failed_job_fails_at_once_with_its_reason() -> None:
    failed = conditions(Failed=("True", "BackoffLimitExceeded", "Job has reached the specified backoff limit"))
    found = verdict("batch/v1/Job", {"metadata": {"name": "j", "uid": "j"}, "status": {"conditions": failed}})
    assert found.failed
    assert found.status == "[BackoffLimitExceeded] Job has reached the specified backoff limit"


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        (
            {"replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "currentRevision": "a", "updateRevision": "a"},
            True,
        ),
        (
            {"replicas": 2, "readyReplicas": 1, "currentReplicas": 2, "currentRevision": "a", "updateRevision": "a"},
            False,
        ),
        (
            {"replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "currentRevision": "a", "updateRevision": "b"},
            False,
        ),
    ],
)
def test_a_stateful_set_is_ready_when_all_replicas_are_of_one_revision(status: dict[str, Any], ready: bool) -> None:
    obj = {
        "metadata": {"generation": 1, "uid": "s"},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 1, **status},
    }
    found = verdict("apps/v1/StatefulSet", obj)
    assert found.ready is ready
    assert ready or found.reasons


@pytest.mark.parametrize(("available", "ready"), [(3, True), (2, False)])
def test_a_daemon_set_is_ready_on_every_node_it_wants(available: int, ready: bool) -> None:
    counts = dict.fromkeys(("currentNumberScheduled", "updatedNumberScheduled", "numberReady"), 3)
    status = {"observedGeneration": 1, "desiredNumberScheduled": 3, "numberAvailable": available, **counts}
    assert verdict("apps/v1/DaemonSet", {"metadata": {"generation": 1, "uid": "d"}, "status": status}).ready is ready


def endpoints(*ready: bool, terminating: bool = False) -> dict[Any, Any]:
    labels = {"kubernetes.io/service-name": "web"}
    states = [{"conditions": {"ready": state, "terminating": terminating and not state}} for state in ready]
    return {Slice: ({"metadata": {"labels": labels}, "endpoints": states},)}


@pytest.mark.parametrize(
    ("around", "unchanged_s", "ready"),
    [
        (endpoints(True), 0.0, True),
        (endpoints(True, False), SETTLE_S, False),
        (endpoints(True, False, terminating=True), 0.0, True),
        (endpoints(), 0.0, False),
        (endpoints(), SETTLE_S, True),
        ({}, SETTLE_S - 1, False),
    ],
)
def test_a_service_is_ready_when_its_endpoints_have_settled(around: Any, unchanged_s: float, ready: bool) -> None:
    obj = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}}}
    found = verdict("v1/Service", obj, around, unchanged_s)
    assert found.ready is ready


@pytest.mark.parametrize(
    ("around", "unchanged_s", "ready"),
    [
        (endpoints(True), 0.0, True),
        ({}, 0.0, False),
        ({}, SETTLE_S, True),
        ({ServiceKind: ({"metadata": {"name": "web"}, "spec": {"type": "ExternalName"}},)}, 0.0, True),
    ],
)
def test_an_ingress_waits_for_the_services_it_names(around: Any, unchanged_s: float, ready: bool) -> None:
    path = {"path": "/", "backend": {"service": {"name": "web"}}}
    obj = {
        "metadata": {},
        "spec": {"rules": [{"host": "a.example", "http": {"paths": [path]}}]},
        "status": LOAD_BALANCER,
    }
    found = verdict("networking.k8s.io/v1/Ingress", obj, around, unchanged_s)
    assert found.ready is ready
    assert ready or "a.example/ -> web" in found.reasons[0]


def test_a_claim_of_a_late_binding_class_need_not_be_bound() -> None:
    storage = {"metadata": {"name": "local"}, "volumeBindingMode": "WaitForFirstConsumer"}
    obj = {"spec": {"storageClassName": "local"}, "status": {"phase": "Pending"}}
    assert verdict("v1/PersistentVolumeClaim", obj, {StorageClass: (storage,)}).ready
    assert not verdict("v1/PersistentVolumeClaim", obj).ready


def annotated(**annotations: str) -> dict[str, Any]:
    keyed = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": keyed}}


def test_annotations_change_what_is_waited_for_and_how_long() -> None:
    assert rule_for(annotated()) is RULES["v1/Pod"]
    assert rule_for(annotated(skipAwait="true")) is None
    assert rule_for({"apiVersion": "v1", "kind": "ConfigMap"}) is None
    custom = rule_for(annotated(waitFor="condition=Ready"))
    assert custom is not None
    assert custom is not RULES["v1/Pod"]
    assert timeout_of(annotated(timeoutSeconds="7"), 0.0, 300.0) == 7.0
    assert timeout_of(annotated(timeoutSeconds="7"), 5.0, 300.0) == 5.0
    assert timeout_of(annotated(timeoutSeconds="soon"), 0.0, 300.0) == 300.0


LIVE = {
    "status": {
        "phase": "Running",
        "ok": True,
        "items": [{"a-b": 1}],
        "conditions": conditions(Ready="True", Bad="False"),
    }
}
WAIT_FOR = [
    ("jsonpath={.status.phase}=Running", True),
    ("jsonpath={.status.phase}=Done", False),
    ("jsonpath={.status.items[0].a-b}=1", True),
    ("jsonpath={.status['ok']}=true", True),
    ("jsonpath={.status.gone}", False),
    ("condition=ready", True),
    ("condition=Bad=False", True),
    ("condition=Other", False),
    ('["condition=Ready", "jsonpath={.status.phase}"]', True),
    ('["condition=Ready", "condition=Other"]', False),
]


@pytest.mark.parametrize(("text", "ready"), WAIT_FOR)
def test_a_wait_for_annotation_holds_or_says_what_does_not(text: str, ready: bool) -> None:
    found = judge_expectations(LIVE, parse_wait_for(text))
    assert found.ready is ready
    assert ready or "does not hold" in found.reasons[0]


@pytest.mark.parametrize("text", ["", "[]", "delete", "jsonpath=.status", "jsonpath={.a[?(@.b==1)]}", "condition="])
def test_a_wait_for_that_is_not_supported_is_refused_by_name(text: str) -> None:
    with pytest.raises(ProviderError, match="waitFor"):
        parse_wait_for(text)
