"""POD-001, two-way, at both levels of the Kubernetes Pod Security Standards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policies.asking import (
    DROP,
    ENFORCE,
    UNKNOWN,
    Provider,
    Resource,
    World,
    deployment,
    edited,
    made,
    namespace,
    pod_spec,
    table,
    with_rule,
)
from tests.worlds import load_cases

POD = ("securityContext",)
APP = ("containers", 0, "securityContext")
BASELINE = with_rule(load_cases()[0].profile, "restricted", pod_security="baseline")

VERSION = ("metadata", "labels", f"{ENFORCE}-version")


def persistent(**spec: Any) -> Resource:
    return made("PersistentVolume", "v1", category=None, spec=spec)


# What the level baseline forbids already.
FORBIDDEN: dict[str, tuple[Any, ...]] = {
    "the host's processes": ("hostPID", True),
    "the host's memory": ("hostIPC", True),
    "text for a yes": ("hostPID", "true"),
    "a one for a yes": ("hostIPC", 1),
    "a privileged container": (*APP, "privileged", True),
    "a privileged container in words": (*APP, "privileged", "yes"),
    "another view of /proc": (*APP, "procMount", "Unmasked"),
    "an added capability": (*APP, "capabilities", "add", ["SYS_ADMIN"]),
    "added capabilities that are text": (*APP, "capabilities", "add", "SYS_ADMIN"),
    "a folder of the host": ("volumes", [{"name": "v", "hostPath": {"path": "/"}}]),
    "an empty hostPath": ("volumes", [{"name": "v", "hostPath": {}}]),
    "no system call filter for the pod": (*POD, "seccompProfile", "type", "Unconfined"),
    "no system call filter": (*APP, "seccompProfile", "type", "Unconfined"),
    "no AppArmor": (*APP, "appArmorProfile", "type", "Unconfined"),
    "an SELinux type": (*POD, "seLinuxOptions", "type", "spc_t"),
    "an SELinux user": (*APP, "seLinuxOptions", "user", "system_u"),
    "a Windows host process": (*POD, "windowsOptions", "hostProcess", True),
    "an unsafe sysctl": (*POD, "sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
    "a probe of another host": ("containers", 0, "livenessProbe", "httpGet", "host", "192.0.2.1"),
    "a hook to another host": ("containers", 0, "lifecycle", "preStop", "httpGet", "host", "192.0.2.1"),
}

# What only the level restricted forbids or demands.
STRICTER: dict[str, tuple[Any, ...]] = {
    "escalation left open": (*APP, "allowPrivilegeEscalation", DROP),
    "escalation": (*APP, "allowPrivilegeEscalation", True),
    "a zero for a no": (*APP, "allowPrivilegeEscalation", 0),
    "capabilities kept": (*APP, "capabilities", DROP),
    "some capabilities dropped": (*APP, "capabilities", "drop", ["NET_RAW"]),
    "ALL as text": (*APP, "capabilities", "drop", "ALL"),
    "a capability of baseline": (*APP, "capabilities", "add", ["CHOWN"]),
    "a pod that may be root": (*POD, "runAsNonRoot", DROP),
    "a container that may be root": (*APP, "runAsNonRoot", False),
    "root": (*POD, "runAsUser", 0),
    "a container as root": (*APP, "runAsUser", 0),
    "a user in words": (*APP, "runAsUser", "1000"),
    "no filter named": (*POD, "seccompProfile", DROP),
    "a volume over the network": ("volumes", [{"name": "v", "nfs": {"server": "192.0.2.1", "path": "/"}}]),
}

ALLOWED: dict[str, tuple[Any, ...]] = {
    "a user": (*POD, "runAsUser", 1000),
    "the one capability": (*APP, "capabilities", "add", ["NET_BIND_SERVICE"]),
    "its own file as filter": (*APP, "seccompProfile", {"type": "Localhost", "localhostProfile": "x"}),
    "a container type of SELinux": (*POD, "seLinuxOptions", "type", "container_t"),
    "a safe sysctl": (*POD, "sysctls", [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]),
    "volumes": ("volumes", [{"name": "a", "secret": {}}, {"name": "b", "persistentVolumeClaim": {"claimName": "c"}}]),
    "a probe of itself": ("containers", 0, "livenessProbe", "httpGet", "path", "/"),
}


@pytest.mark.parametrize("row", ALLOWED.values(), ids=ALLOWED)
def test_what_the_strict_level_allows_passes(row: tuple[Any, ...]) -> None:
    assert World().refused_by(deployment(*row[:-1], to=row[-1])) == set()


@pytest.mark.parametrize("row", FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_baseline_forbids_is_refused_at_both_levels(row: tuple[Any, ...]) -> None:
    asked = deployment(*row[:-1], to=row[-1])
    assert World().refused_by(asked) == World(profile=BASELINE).refused_by(asked) == {"POD-001"}


@pytest.mark.parametrize("row", STRICTER.values(), ids=STRICTER)
def test_what_restricted_asks_for_is_refused_there_and_passes_at_baseline(row: tuple[Any, ...]) -> None:
    asked = deployment(*row[:-1], to=row[-1])
    assert World().refused_by(asked) == {"POD-001"}
    assert World(profile=BASELINE).refused_by(asked) == set()


@pytest.mark.parametrize("row", [*FORBIDDEN.values(), *STRICTER.values()], ids=[*FORBIDDEN, *STRICTER])
def test_an_unknown_value_in_the_same_place_is_refused(row: tuple[Any, ...]) -> None:
    assert "UNK-001" in World().refused_by(deployment(*row[:-1], to=UNKNOWN))


@table(
    {
        "a namespace at its level": (namespace(),),
        "a namespace below its level": (namespace(level="baseline"), "POD-001"),
        "a level nobody knows": (namespace(level="Restricted"), "POD-001"),
        "a namespace without a level": (edited(namespace(), "metadata", "labels", ENFORCE, to=DROP), "POD-001"),
        "a namespace of an unknown level": (namespace(level=UNKNOWN), "UNK-001"),
        "the latest version of a level": (edited(namespace(), *VERSION, to="latest"),),
        "an old version of a level": (edited(namespace(), *VERSION, to="v1.0"), "POD-001"),
        "an unknown version of a level": (edited(namespace(), *VERSION, to=UNKNOWN), "UNK-001"),
        "a volume of the storage": (persistent(csi={"driver": "x"}), "CRY-001"),
        "a volume of the host": (persistent(hostPath={"path": "/"}), "POD-001", "CRY-001"),
        "a disk of the host": (persistent(local={"path": "/"}), "POD-001", "CRY-001"),
        "an unknown source of a volume": (persistent(hostPath=UNKNOWN), "UNK-001", "CRY-001"),
        "a pod context that is text": (deployment("securityContext", to="x"), "POD-001"),
        "a container context that is a list": (deployment(*APP, to=[]), "POD-001"),
    }
)
def test_namespaces_and_malformed_contexts(asked: Resource, refusing: set[str]) -> None:
    assert World().refused_by(asked) == refusing


def test_a_stricter_namespace_passes_at_baseline() -> None:
    assert (
        World(profile=BASELINE).refused_by(namespace())
        == World(profile=BASELINE).refused_by(namespace(level="baseline"))
        == set()
    )


def wrapped() -> dict[str, tuple[str, str, tuple[str, ...]]]:
    plain = ("spec", "template")
    return {
        "Pod": ("Pod", "v1", ()),
        "PodTemplate": ("PodTemplate", "v1", ("template",)),
        **{kind: (kind, "apps/v1", plain) for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")},
        "ReplicationController": ("ReplicationController", "v1", plain),
        "Job": ("Job", "batch/v1", plain),
        "CronJob": ("CronJob", "batch/v1", ("spec", "jobTemplate", "spec", "template")),
    }


@pytest.mark.parametrize(("kind", "version", "way"), wrapped().values(), ids=wrapped())
@pytest.mark.parametrize("form", ["", "List", "Patch"])
def test_pods_are_seen_through_every_kind_that_wraps_them(
    kind: str, version: str, way: tuple[str, ...], form: str
) -> None:
    whole = made(kind, version)
    labels = whole.props["metadata"]["labels"]
    for spec, refusing in ((pod_spec(), set()), ({**pod_spec(), "hostPID": True}, {"POD-001"})):
        asked = edited(whole, *way, "spec", to=spec)
        if way:
            asked = edited(asked, *way, "metadata", to={"labels": labels})
        if form == "List":
            props = {"apiVersion": version, "kind": f"{kind}List", "items": [asked.props]}
            asked = Resource(f"{asked.type}List", props, Provider())
        if form == "Patch":
            asked = Resource(f"{asked.type}Patch", asked.props, Provider())
        assert World().refused_by(asked) == refusing


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("spec",), DROP),
        (("spec", "template"), "x"),
        (("spec", "template", "spec"), DROP),
        (("spec", "template", "spec", "containers"), {}),
        (("spec", "template", "spec", "containers"), DROP),
    ],
)
def test_a_workload_whose_pods_cannot_be_found_is_refused(path: tuple[str, ...], to: Any) -> None:
    assert "UNK-001" in World().refused_by(edited(deployment(), *path, to=to))


def test_a_patch_may_leave_the_pods_alone() -> None:
    props = {**made("Deployment", "apps/v1").props, "spec": {"replicas": 3}}
    assert World().refused_by(Resource("kubernetes:apps/v1:DeploymentPatch", props, Provider())) == set()
