"""Pods, lawful ones with some places changed, in every kind that wraps them."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from inventories.labels import DEDICATED_LABEL
from tests.policies.asking import DIGEST, DROP, changed
from tests.worlds import DEPARTMENT

_POD: Final = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "app",
            "image": DIGEST,
            "ports": [{"containerPort": 8080}],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
    "volumes": [{"name": "tmp", "emptyDir": {}}],
}
_APP: Final = ("containers", 0, "securityContext")
_HELPER: Final = {"name": "helper", "image": "registry.example/helper:1"}
_NFS: Final = {"name": "tmp", "nfs": {"server": "192.0.2.1", "path": "/"}}
_SHA: Final = DIGEST.partition("@")[2]
_IMAGES: Final = (
    "registry.example/app:1",
    "app",
    DIGEST[:-1],
    f"{DIGEST}0",
    DIGEST.upper(),
    f"app@{_SHA}",
    f"other.example/app@{_SHA}",
    f"registry.example:5000/app@{_SHA}",
    f"REGISTRY.example/app@{_SHA}",
    f"registry.example/team/app:1.2@{_SHA}",
    f"registry.example/App@{_SHA}",
    f"registry.example//app@{_SHA}",
    f"registry.example/app@{_SHA}@{_SHA}",
    f"registry.example/{'a' * 250}@{_SHA}",
    f"docker.io/library/app@{_SHA}",
    f"localhost/app@{_SHA}",
    f"team/app@{_SHA}",
    "a" * 64,
    f"registry.example/app:@{_SHA}",
)
CLASSES: Final = (None, "encrypted", "plain", "")


def _sysctl(name: str) -> list[dict[str, str]]:
    return [{"name": name, "value": "1"}]


def claim(name: str | None) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return spec if name is None else {**spec, "storageClassName": name}


def _ephemeral(name: str | None) -> dict[str, Any]:
    return {"name": "tmp", "ephemeral": {"volumeClaimTemplate": {"spec": claim(name)}}}


def _tolerates(**fields: str) -> list[dict[str, str]]:
    return [{"effect": "NoSchedule", **fields}]


# Each row: a place in the pod's spec and what may come to stand there, lawful or not.
_CHANGES: Final[tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...]] = (
    (("hostNetwork",), (True, False)),
    (("hostPID",), (True, False)),
    (("hostIPC",), (True, False)),
    (("containers", 0, "ports", 0, "hostPort"), (0, 8080)),
    (("initContainers",), ([_HELPER], [{**_HELPER, "image": DIGEST, "securityContext": {"privileged": True}}])),
    (("volumes", 0), ({"name": "tmp", "hostPath": {"path": "/"}}, {"name": "tmp", "secret": {"secretName": "a"}})),
    (("volumes", 0), (_NFS, {"name": "tmp", "configMap": {"name": "a"}})),
    (("volumes", 0), ({"name": "tmp", "image": {"reference": DIGEST}}, {"name": "tmp", "image": {"reference": "a:1"}})),
    (("volumes", 0), tuple(_ephemeral(name) for name in CLASSES)),
    ((*_APP, "allowPrivilegeEscalation"), (True, DROP)),
    ((*_APP, "capabilities"), ({}, {"drop": ["all"]}, {"drop": ["NET_RAW", "ALL"]})),
    ((*_APP, "capabilities", "add"), (["NET_BIND_SERVICE"], ["CHOWN"], ["SYS_ADMIN"], [])),
    ((*_APP, "runAsUser"), (0, 65532)),
    ((*_APP, "runAsNonRoot"), (True, False)),
    ((*_APP, "procMount"), ("Default", "Unmasked")),
    ((*_APP, "seccompProfile"), ({"type": "Unconfined"}, {"type": "RuntimeDefault"})),
    ((*_APP, "appArmorProfile"), ({"type": "Unconfined"}, {"type": "RuntimeDefault"})),
    (_APP, ({"privileged": True}, {}, DROP)),
    (("securityContext",), ({}, DROP)),
    (("securityContext", "runAsUser"), (0, 1)),
    (("securityContext", "runAsNonRoot"), (False,)),
    (("securityContext", "seccompProfile"), ({"type": "Unconfined"}, {"type": "Localhost", "localhostProfile": "a"})),
    (("securityContext", "seLinuxOptions"), ({"type": "spc_t"}, {"type": "container_t"}, {"user": "u"})),
    (("securityContext", "sysctls"), (_sysctl("kernel.msgmax"), _sysctl("net.ipv4.tcp_syncookies"))),
    (("securityContext", "windowsOptions"), ({"runAsUserName": "a"},)),
    (("containers", 0, "livenessProbe"), ({"httpGet": {"port": 80, "host": "192.0.2.1"}}, {"tcpSocket": {"port": 80}})),
    (("containers", 0, "lifecycle"), ({"preStop": {"httpGet": {"port": 80, "host": "a.example"}}},)),
)  # fmt: skip
_IMAGE: Final = (("containers", 0, "image"), _IMAGES)
_NODES: Final[tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...]] = (
    (("nodeSelector",), ({DEDICATED_LABEL: DEPARTMENT}, {DEDICATED_LABEL: "other"}, {"a": "b"})),
    (("nodeName",), ("", "a-node")),
    (
        ("tolerations",),
        (
            _tolerates(operator="Exists"),
            _tolerates(key="a", operator="Exists"),
            _tolerates(key=DEDICATED_LABEL, operator="Exists"),
            _tolerates(key=DEDICATED_LABEL, value=DEPARTMENT),
            _tolerates(key=DEDICATED_LABEL, operator="Equal", value="other"),
        ),
    ),
)
TEMPLATED: Final = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "ReplicationController": "v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "PodTemplate": "v1",
    "Pod": "v1",
}


def _pod(draw: Any, home: str) -> dict[str, Any]:
    """A lawful pod with up to two places changed."""
    spec: dict[str, Any] = _POD
    if home == "secret":
        spec = changed(spec, "nodeSelector", to={DEDICATED_LABEL: DEPARTMENT})
    # What has many ways to be right and wrong comes more often than it would among all places.
    rows = st.sampled_from([*_CHANGES, *[_IMAGE] * 8, *_NODES * (8 if home == "secret" else 2)])
    for path, values in draw(st.lists(rows, max_size=2, unique_by=lambda row: row[0])):
        value = draw(st.sampled_from(values))
        try:
            spec = changed(spec, *path, to=value)
        except (KeyError, TypeError):  # an earlier change took the place away
            continue
    return spec


def wrapped(draw: Any, kind: str, labels: dict[str, str], home: str) -> dict[str, Any]:
    """What of a kind stands beside its metadata, around a pod."""
    template = {"metadata": {"labels": labels}, "spec": _pod(draw, home)}
    if kind == "Pod":
        return {"spec": template["spec"]}
    if kind == "PodTemplate":
        return {"template": template}
    if kind in ("Job", "CronJob"):
        job = {"template": changed(template, "spec", "restartPolicy", to="Never")}
        return {"spec": job if kind == "Job" else {"schedule": "0 1 * * *", "jobTemplate": {"spec": job}}}
    if kind == "ReplicationController":
        return {"spec": {"selector": {"app": "it"}, "template": template}}
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": "it"}}, "template": template}
    if kind == "StatefulSet" and (classes := draw(st.lists(st.sampled_from(CLASSES), max_size=2))):
        claims = [{"metadata": {"name": f"data-{i}"}, "spec": claim(each)} for i, each in enumerate(classes)]
        spec["volumeClaimTemplates"] = claims
    return {"spec": spec}
