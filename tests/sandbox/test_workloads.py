"""What runs on a cluster: the sandbox behaves as a cluster with machines would."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HARDENED = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER = {
    "name": "main",
    "image": "registry.example/app@sha256:" + "0" * 64,
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}


@pytest.fixture
def namespace(kubectl: Callable[..., Any]) -> Iterator[str]:
    name = f"try-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kubectl("create", "-f", "-", stdin=_object("v1", "Namespace", name, labels=labels))
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def _object(version: str, kind: str, name: str, spec: Any = None, **metadata: Any) -> dict[str, Any]:
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}}
    return body if spec is None else body | {"spec": spec}


@pytest.mark.cluster
def test_a_hardened_deployment_becomes_available_across_the_zones(kubectl: Callable[..., Any], namespace: str) -> None:
    labels = {"app": "web"}
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": labels},
    }
    pod = {"securityContext": HARDENED, "containers": [CONTAINER], "topologySpreadConstraints": [spread]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
    kubectl("apply", "-f", "-", stdin=_object("apps/v1", "Deployment", "web", spec, namespace=namespace))
    kubectl("wait", "-n", namespace, "--for=condition=Available", "deployment/web", "--timeout=60s")
    pods = kubectl("get", "pods", "-n", namespace)["items"]
    zones = {
        node["metadata"]["name"]: node["metadata"]["labels"]["topology.kubernetes.io/zone"]
        for node in kubectl("get", "nodes")["items"]
    }
    assert len({zones[pod["spec"]["nodeName"]] for pod in pods}) == 3


@pytest.mark.cluster
def test_a_job_completes_and_can_be_deleted(kubectl: Callable[..., Any], namespace: str) -> None:
    pod = {"restartPolicy": "Never", "securityContext": HARDENED, "containers": [CONTAINER]}
    job = _object("batch/v1", "Job", "nightly", {"template": {"spec": pod}}, namespace=namespace)
    kubectl("create", "-f", "-", stdin=job)
    kubectl("wait", "-n", namespace, "--for=condition=Complete", "job/nightly", "--timeout=60s")
    kubectl("delete", "job", "nightly", "-n", namespace, "--cascade=foreground", "--timeout=60s")
    assert kubectl("get", "pods", "-n", namespace)["items"] == []


@pytest.mark.cluster
def test_a_running_pod_can_be_deleted(kubectl: Callable[..., Any], namespace: str) -> None:
    kubectl("wait", "-n", namespace, "--for=create", "serviceaccount/default", "--timeout=60s")
    pod = _object("v1", "Pod", "bare", {"securityContext": HARDENED, "containers": [CONTAINER]}, namespace=namespace)
    kubectl("create", "-f", "-", stdin=pod)
    kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/bare", "--timeout=60s")
    kubectl("delete", "pod", "bare", "-n", namespace, "--timeout=60s")
    assert kubectl("get", "pods", "-n", namespace)["items"] == []


@pytest.mark.cluster
def test_a_pod_that_is_not_hardened_is_refused(kubectl: Callable[..., Any], namespace: str) -> None:
    kubectl("wait", "-n", namespace, "--for=create", "serviceaccount/default", "--timeout=60s")
    pod = _object("v1", "Pod", "bare", {"containers": [{"name": "main", "image": "app"}]}, namespace=namespace)
    with pytest.raises(AssertionError, match='violates PodSecurity "restricted'):
        kubectl("create", "-f", "-", stdin=pod)


@pytest.mark.cluster
def test_what_a_landing_zone_and_a_service_need_is_accepted(kubectl: Callable[..., Any], namespace: str) -> None:
    labels = {"app": "web"}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "web.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    pod = {"restartPolicy": "Never", "securityContext": HARDENED, "containers": [CONTAINER]}
    objects = [
        ("autoscaling/v2", "HorizontalPodAutoscaler", {"maxReplicas": 3, "scaleTargetRef": target}),
        ("policy/v1", "PodDisruptionBudget", {"minAvailable": 1, "selector": {"matchLabels": labels}}),
        ("networking.k8s.io/v1", "NetworkPolicy", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        ("networking.k8s.io/v1", "Ingress", {"ingressClassName": "internal", "rules": [rule]}),
        ("v1", "ResourceQuota", {"hard": {"pods": "10"}}),
        ("v1", "LimitRange", {"limits": [{"type": "Container", "default": {"memory": "64Mi"}}]}),
        ("batch/v1", "CronJob", {"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}),
    ]
    items = [_object(version, kind, "web", spec, namespace=namespace) for version, kind, spec in objects]
    answer = kubectl("apply", "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": items})
    assert [item["kind"] for item in answer["items"]] == [kind for _, kind, _ in objects]
    classes = kubectl("get", "ingressclasses")["items"]
    assert {item["metadata"]["name"] for item in classes} == {"internal", "public"}


@pytest.mark.cluster
def test_a_namespace_with_a_running_pod_can_be_deleted(kubectl: Callable[..., Any]) -> None:
    kubectl("create", "-f", "-", stdin=_object("v1", "Namespace", "try-deleted"))
    kubectl("wait", "-n", "try-deleted", "--for=create", "serviceaccount/default", "--timeout=60s")
    pod = _object("v1", "Pod", "bare", {"containers": [CONTAINER]}, namespace="try-deleted")
    kubectl("create", "-f", "-", stdin=pod)
    kubectl("delete", "namespace", "try-deleted", "--timeout=90s")
    names = {item["metadata"]["name"] for item in kubectl("get", "namespaces")["items"]}
    assert "try-deleted" not in names


@pytest.mark.cluster
def test_a_service_account_may_do_nothing_it_was_not_given(kubectl: Callable[..., Any], namespace: str) -> None:
    account = f"--as=system:serviceaccount:{namespace}:default"
    with pytest.raises(AssertionError, match="cannot list resource"):
        kubectl("get", "secrets", "-n", namespace, account)


@pytest.mark.cluster
def test_a_claim_is_bound_and_its_volume_goes_with_it(kubectl: Callable[..., Any], namespace: str) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    kubectl("create", "-f", "-", stdin=_object("v1", "PersistentVolumeClaim", "data", spec, namespace=namespace))
    kubectl("wait", "-n", namespace, "--for=jsonpath={.status.phase}=Bound", "pvc/data", "--timeout=60s")
    volume = kubectl("get", "pvc", "data", "-n", namespace)["spec"]["volumeName"]
    kubectl("delete", "pvc", "data", "-n", namespace, "--timeout=60s")
    kubectl("wait", "--for=delete", f"pv/{volume}", "--timeout=60s")
    assert volume not in {item["metadata"]["name"] for item in kubectl("get", "pv")["items"]}


@pytest.mark.cluster
def test_an_ingress_and_a_load_balancer_get_documentation_addresses(
    kubectl: Callable[..., Any], namespace: str
) -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    ingress = {"ingressClassName": "internal", "defaultBackend": backend}
    service = {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]}
    kubectl("create", "-f", "-", stdin=_object("networking.k8s.io/v1", "Ingress", "web", ingress, namespace=namespace))
    kubectl("create", "-f", "-", stdin=_object("v1", "Service", "web", service, namespace=namespace))
    for kind in ("ingress", "service"):
        address = "jsonpath={.status.loadBalancer.ingress[0].ip}"
        kubectl("wait", "-n", namespace, f"--for={address}", f"{kind}/web", "--timeout=60s")
        status = kubectl("get", kind, "web", "-n", namespace)["status"]
        assert status["loadBalancer"]["ingress"][0]["ip"].startswith("192.0.2.")
