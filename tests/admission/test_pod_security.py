"""POD-001 on a real API server: it refuses what the pack refuses, and lets through what the pack lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inventories.labels import CATEGORY_LABEL
from tests.policies.asking import World, changed, made, pod_spec

if TYPE_CHECKING:
    from tests.admission.conftest import Answer, Server

pytestmark = pytest.mark.cluster
_APP = ("containers", 0, "securityContext")
CHANGES: dict[str, tuple[tuple[Any, ...], Any]] = {
    "nothing changed": (("restartPolicy",), "Always"),
    "host network": (("hostNetwork",), True),
    "host pid": (("hostPID",), True),
    "no host ipc": (("hostIPC",), False),
    "host path": (("volumes", 0), {"name": "tmp", "hostPath": {"path": "/"}}),
    "secret volume": (("volumes", 0), {"name": "tmp", "secret": {"secretName": "x"}}),
    "nfs volume": (("volumes", 0), {"name": "tmp", "nfs": {"server": "192.0.2.1", "path": "/"}}),
    "escalation": ((*_APP, "allowPrivilegeEscalation"), True),
    "escalation null": ((*_APP, "allowPrivilegeEscalation"), None),
    "nothing dropped": ((*_APP, "capabilities"), {}),
    "lawful capability": ((*_APP, "capabilities", "add"), ["NET_BIND_SERVICE"]),
    "baseline capability": ((*_APP, "capabilities", "add"), ["CHOWN"]),
    "unlawful capability": ((*_APP, "capabilities", "add"), ["SYS_ADMIN"]),
    "privileged": (_APP, {"privileged": True}),
    "root container": ((*_APP, "runAsUser"), 0),
    "own user": ((*_APP, "runAsUser"), 65532),
    "root pod": (("securityContext", "runAsUser"), 0),
    "may be root": (("securityContext", "runAsNonRoot"), False),
    "unconfined": (("securityContext", "seccompProfile"), {"type": "Unconfined"}),
    "own seccomp": ((*_APP, "seccompProfile"), {"type": "Localhost", "localhostProfile": "a"}),
    "host port": (("containers", 0, "ports", 0, "hostPort"), 8080),
    "unsafe sysctl": (("securityContext", "sysctls"), [{"name": "kernel.msgmax", "value": "1"}]),
    "safe sysctl": (("securityContext", "sysctls"), [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]),
    "selinux": (("securityContext", "seLinuxOptions"), {"type": "spc_t"}),
    "probe elsewhere": (("containers", 0, "livenessProbe"), {"httpGet": {"port": 80, "host": "192.0.2.1"}}),
    "probe of its own": (("containers", 0, "livenessProbe"), {"httpGet": {"port": 80}}),
}


def _ask(server: Server, spec: dict[str, Any], kind: str = "Deployment") -> Answer:
    labels = {"app": "it", CATEGORY_LABEL: "restricted"}
    template = {"metadata": {"labels": labels}, "spec": spec}
    whole: dict[str, Any] = {"selector": {"matchLabels": {"app": "it"}}, "template": template}
    api = "apps/v1"
    if kind in ("Job", "CronJob"):
        api, whole = "batch/v1", {"template": changed(template, "spec", "restartPolicy", to="Never")}
        whole = whole if kind == "Job" else {"schedule": "0 1 * * *", "jobTemplate": {"spec": whole}}
    elif kind == "Pod":
        api, whole = "v1", spec
    metadata = {"name": "it", "namespace": f"{server.mark}-restricted", "labels": labels}
    return server.create({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": whole})


def _spec() -> dict[str, Any]:
    spec = pod_spec()
    del spec["containers"][0]["env"]
    return spec


@pytest.mark.parametrize("name", CHANGES)
def test_the_api_server_and_the_pack_agree(name: str, server: Server) -> None:
    path, value = CHANGES[name]
    spec = changed(_spec(), *path, to=value)
    pack = World().refused_by(made("Deployment", "apps/v1", spec={"template": {"spec": spec}}))
    said = _ask(server, spec)
    assert ("POD-001" in said.rules) == ("POD-001" in pack), said
    assert said.is_refused_by_policy == bool(said.rules)
    assert not said.message or "Fix: " in said.message


@pytest.mark.parametrize("kind", ["Pod", "ReplicaSet", "DaemonSet", "StatefulSet", "Job", "CronJob"])
def test_a_pod_is_seen_in_whatever_kind_wraps_it(kind: str, server: Server) -> None:
    assert _ask(server, _spec(), kind).message == ""
    assert _ask(server, changed(_spec(), "hostPID", to=True), kind).rules == {"POD-001"}


def test_a_large_pod_is_judged_within_the_budget_of_the_api_server(server: Server) -> None:
    spec = _spec()
    spec["containers"] = [{**spec["containers"][0], "name": f"app-{i}", "ports": []} for i in range(40)]
    spec["volumes"] = [{"name": f"tmp-{i}", "emptyDir": {}} for i in range(40)]
    assert _ask(server, spec).message == ""
    assert _ask(server, changed(spec, "containers", 39, "securityContext", to={})).rules == {"POD-001"}
