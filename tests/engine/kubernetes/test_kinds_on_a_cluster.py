"""What was just created does not differ: each kind a workload is made of, written the way people write it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.provider import CallOptions, ResourceId

pytestmark = pytest.mark.cluster

SELECTOR = {"matchLabels": {"app": "web"}}
CONTAINER = {
    "name": "c",
    "image": "registry.example/web:1",
    "ports": [{"containerPort": 8080.0}],
    "env": [{"name": "A", "value": "1"}, {"name": "EMPTY", "value": ""}],
    "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 0.5, "memory": "0.5Gi"}},
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    "livenessProbe": {"httpGet": {"path": "/", "port": 8080}, "initialDelaySeconds": 0},
    "volumeMounts": [{"name": "t", "mountPath": "/scratch", "readOnly": False}],
}
POD = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "automountServiceAccountToken": False,
    "hostNetwork": False,
    "containers": [CONTAINER],
    "volumes": [{"name": "t", "emptyDir": {"sizeLimit": "1024Mi"}}],
}
TEMPLATE = {"metadata": {"labels": {"app": "web"}, "annotations": {}}, "spec": POD}
ONCE = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.example/job:1"}]}}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
RULE = {"host": "web.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
SCALED = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
DNS = {"to": [{"namespaceSelector": {}}], "ports": [{"port": 53, "protocol": "UDP"}]}
RBAC = "rbac.authorization.k8s.io"
KINDS: dict[str, dict[str, Any]] = {
    "apps/v1:Deployment": {"spec": {"replicas": 1, "paused": False, "selector": SELECTOR, "template": TEMPLATE}},
    "apps/v1:StatefulSet": {"spec": {"serviceName": "web", "selector": SELECTOR, "template": TEMPLATE}},
    "apps/v1:DaemonSet": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "autoscaling/v2:HorizontalPodAutoscaler": {
        "spec": {"minReplicas": 1, "maxReplicas": 3, "scaleTargetRef": SCALED, "metrics": [CPU]}
    },
    "batch/v1:CronJob": {
        "spec": {"schedule": "0 1 * * *", "suspend": False, "jobTemplate": {"spec": {"template": ONCE}}}
    },
    "batch/v1:Job": {"spec": {"template": ONCE}},
    "core/v1:LimitRange": {"spec": {"limits": [{"type": "Container", "default": {"cpu": "500m", "memory": "512Mi"}}]}},
    "core/v1:PersistentVolumeClaim": {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}
    },
    "core/v1:ResourceQuota": {"spec": {"hard": {"requests.cpu": "4000m", "pods": "50", "limits.memory": "8192Mi"}}},
    "core/v1:Secret": {"stringData": {"a": "b"}, "data": {"c": "ZA=="}},
    "core/v1:ServiceAccount": {"automountServiceAccountToken": False},
    "networking.k8s.io/v1:Ingress": {"spec": {"rules": [RULE]}},
    "networking.k8s.io/v1:NetworkPolicy": {
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": [DNS]}
    },
    "policy/v1:PodDisruptionBudget": {"spec": {"minAvailable": "50%", "selector": SELECTOR}},
    f"{RBAC}/v1:Role": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    f"{RBAC}/v1:RoleBinding": {
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "r"},
        "subjects": [{"kind": "Group", "name": "g", "apiGroup": RBAC}],
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_created_object_does_not_differ_and_updates_in_place(stack: Any, kind: str) -> None:
    token, skip = f"kubernetes:{kind}", {"pulumi.com/skipAwait": "true"}  # readiness has its own tests
    name = f"kind-{kind.rpartition(':')[2].lower()}"
    resource, inputs, outputs = stack.up(token, name, KINDS[kind], annotations=skip)
    again = stack.provider.check(resource, inputs, inputs, b"").inputs
    assert again == inputs
    assert stack.provider.diff(resource, inputs, outputs, again, ()).detailed == {}
    read = stack.provider.read(ResourceId(resource.urn, name, token, resource.id), inputs, outputs)
    assert read.inputs == inputs
    news = {**inputs, "metadata": {**inputs["metadata"], "labels": {"new": "label"}}}
    assert stack.provider.diff(resource, inputs, outputs, news, ()).replaces == ()
    updated = stack.provider.update(resource, inputs, outputs, news, CallOptions())
    assert updated["metadata"]["labels"]["new"] == "label"
    assert stack.provider.diff(resource, news, updated, news, ()).detailed == {}
