"""POD-001 on a real API server: it refuses what the pack refuses, and lets through what the pack lets through."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from admission.pod_security import NAME, render
from engine.providers.kubernetes.client import ApiError, Client
from engine.providers.kubernetes.kubeconfig import cluster_access, read_kubeconfig
from inventories import load_profile, load_rules
from tests.policies.asking import World, changed, made, pod_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import ClusterInfo

pytestmark = pytest.mark.cluster
_API = "/apis/admissionregistration.k8s.io/v1"
_APPLY = "application/apply-patch+yaml"
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
    "privileged": ((*_APP, "privileged"), True),
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


@pytest.fixture(scope="module")
def enforcing(cluster: ClusterInfo) -> Iterator[Any]:
    """Asks the API server, with the policy in force in a namespace of this test alone."""
    client = Client(cluster_access(*read_kubeconfig(str(cluster.kubeconfig))))
    space = f"admission-{uuid.uuid4().hex[:8]}"
    policy, binding = render(load_profile("pakistan-cloud-first-trial"), load_rules()["POD-001"])
    only = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space}}}
    binding["spec"]["matchResources"] = only  # other tests use the cluster at the same time
    paths = [f"{_API}/validatingadmissionpolicies/{NAME}", f"{_API}/validatingadmissionpolicybindings/{NAME}"]
    client.request("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
    for path, obj in zip(paths, (policy, binding), strict=True):
        client.request("PATCH", path, obj, query={"fieldManager": "tests", "force": "true"}, content_type=_APPLY)

    def ask(spec: dict[str, Any], kind: str = "deployments") -> str:
        labels = {"app": "it"}
        template = {"metadata": {"labels": labels}, "spec": spec}
        whole: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
        group = "/apis/apps/v1"
        if kind in ("jobs", "cronjobs"):
            group, whole = "/apis/batch/v1", {"template": changed(template, "spec", "restartPolicy", to="Never")}
            whole = whole if kind == "jobs" else {"schedule": "0 1 * * *", "jobTemplate": {"spec": whole}}
        elif kind == "pods":
            group, whole = "/api/v1", spec
        body = {"metadata": {"name": "it"}, "spec": whole}
        try:
            client.request("POST", f"{group}/namespaces/{space}/{kind}", body, query={"dryRun": "All"})
        except ApiError as error:
            return str(error)
        return ""

    deadline = time.monotonic() + 30
    while NAME not in ask(changed(_spec(), "hostPID", to=True)):
        assert time.monotonic() < deadline, "the API server does not enforce the policy"
        time.sleep(0.1)
    yield ask
    for path in (*reversed(paths), f"/api/v1/namespaces/{space}"):
        client.request("DELETE", path)
    client.close()


def _spec() -> dict[str, Any]:
    spec = pod_spec()
    del spec["containers"][0]["env"]
    return spec


@pytest.mark.parametrize("name", CHANGES)
def test_the_api_server_and_the_pack_agree(name: str, enforcing: Any) -> None:
    path, value = CHANGES[name]
    spec = changed(_spec(), *path, to=value)
    pack = World().refused_by(made("Deployment", "apps/v1", spec={"template": {"spec": spec}}))
    said = enforcing(spec)
    assert ("POD-001 high" in said) == ("POD-001" in pack), said
    assert not said or (NAME in said and "Fix: " in said)


@pytest.mark.parametrize("kind", ["pods", "replicasets", "daemonsets", "statefulsets", "jobs", "cronjobs"])
def test_a_pod_is_seen_in_whatever_kind_wraps_it(kind: str, enforcing: Any) -> None:
    assert enforcing(_spec(), kind) == ""
    assert "POD-001 high · hostPID" in enforcing(changed(_spec(), "hostPID", to=True), kind)
