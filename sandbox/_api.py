"""The sandbox's own few calls to its API server: is it ready, and put these objects there."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import yaml
from urllib3 import connection_from_url
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from urllib3 import HTTPConnectionPool

LABEL: Final = "onshore.example/sandbox"
ZONES: Final = 3
INGRESS_CLASSES: Final = ("internal", "public")
STORAGE_CLASS: Final = "sandbox"
ENCRYPTED_CLASS: Final = "encrypted"  # so called by the example register; no disk stands behind it

_PATHS: Final = {
    "Node": "/api/v1/nodes",
    "IngressClass": "/apis/networking.k8s.io/v1/ingressclasses",
    "StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}
_LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def connect(server: str, pki: Path) -> HTTPConnectionPool:
    """Connections of the cluster's administrator; nothing of the user's proxy settings applies on loopback."""
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return connection_from_url(server, ssl_context=context, timeout=10, retries=False)


def is_ready(api: HTTPConnectionPool) -> bool:
    """Whether the API server calls itself ready."""
    try:
        return api.request("GET", "/readyz").status == 200
    except HTTPError:
        return False


def settled(api: HTTPConnectionPool, nodes: int) -> str:
    """What the controllers still owe before the cluster is of use; empty when nothing."""
    items = _ask(api, "GET", _PATHS["Node"])["items"]
    ready = sum(
        any(c["type"] == "Ready" and c["status"] == "True" for c in item.get("status", {}).get("conditions", []))
        and not item["spec"].get("taints")
        for item in items
    )
    if ready < nodes:
        return f"{ready} of {nodes} nodes are ready"
    held = len(_ask(api, "GET", _LEASES)["items"])
    if held < nodes:
        return f"kwok plays {held} of {nodes} nodes"
    if api.request("GET", "/api/v1/namespaces/default/serviceaccounts/default").status != 200:
        return "namespace default has no service account yet"
    return ""


def apply(api: HTTPConnectionPool, objects: Iterable[dict[str, Any]]) -> None:
    """Put objects into the cluster by server-side apply: the same call creates, repairs and leaves alone."""
    query = urlencode({"fieldManager": "onshore-sandbox", "force": "true"})
    for body in objects:
        path = f"{_PATHS[body['kind']]}/{body['metadata']['name']}?{query}"
        headers = {"Content-Type": "application/apply-patch+yaml"}
        _ask(api, "PATCH", path, body=yaml.safe_dump(body), headers=headers)


def release_nodes(api: HTTPConnectionPool) -> None:
    """Take the nodes from a kwok that has ended: its successor would wait for the old leases to run out."""
    _ask(api, "DELETE", _LEASES)


def delete_other_nodes(api: HTTPConnectionPool, wanted: Iterable[str]) -> None:
    """Remove sandbox nodes that are no longer asked for."""
    items = _ask(api, "GET", f"{_PATHS['Node']}?{urlencode({'labelSelector': f'{LABEL}=node'})}")["items"]
    for name in {item["metadata"]["name"] for item in items} - set(wanted):
        _ask(api, "DELETE", f"{_PATHS['Node']}/{name}")


def objects(nodes: int) -> list[dict[str, Any]]:
    """Everything a fresh cluster is given: kwok's rights, ingress and storage classes, nodes in three zones."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "onshore:kwok"},
        "rules": [
            _rule("", ["nodes"], ["get", "list", "watch"]),
            _rule("", ["pods"], ["get", "list", "watch", "patch", "update", "delete"]),
            _rule("", ["nodes/status", "pods/status", "services/status"], ["patch", "update"]),
            _rule("", ["services", "persistentvolumeclaims"], ["get", "list", "watch"]),
            _rule("", ["persistentvolumes"], ["get", "list", "watch", "create", "patch", "update", "delete"]),
            _rule("networking.k8s.io", ["ingresses"], ["get", "list", "watch"]),
            _rule("networking.k8s.io", ["ingresses/status"], ["patch", "update"]),
            _rule("", ["events"], ["create", "patch", "update"]),
            _rule("events.k8s.io", ["events"], ["create", "patch", "update"]),
            _rule("coordination.k8s.io", ["leases"], ["get", "list", "watch", "create", "patch", "update"]),
        ],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "onshore:kwok"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "onshore:kwok"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "onshore:kwok"}],
    }
    classes = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": name},
            # Nobody answers to this controller name: kwok gives an Ingress its address, and nothing is reachable there.
            "spec": {"controller": "onshore.example/no-controller"},
        }
        for name in INGRESS_CLASSES
    ]
    storage = [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": name,
                "annotations": {"storageclass.kubernetes.io/is-default-class": str(name == STORAGE_CLASS).lower()},
            },
            "provisioner": "onshore.example/no-storage",
            "reclaimPolicy": "Delete",
        }
        for name in (STORAGE_CLASS, ENCRYPTED_CLASS)
    ]
    return [role, binding, *classes, *storage, *(_node(number) for number in range(1, nodes + 1))]


def node_names(nodes: int) -> list[str]:
    """The names of the cluster's nodes."""
    return [f"node-{number}" for number in range(1, nodes + 1)]


def _node(number: int) -> dict[str, Any]:
    name = f"node-{number}"
    labels = {
        LABEL: "node",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/region": "sandbox",
        "topology.kubernetes.io/zone": f"sandbox-{(number - 1) % ZONES + 1}",
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def _rule(group: str, resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _ask(api: HTTPConnectionPool, method: str, path: str, **how: Any) -> dict[str, Any]:
    answer = api.request(method, path, **how)
    if answer.status >= 300:
        raise HTTPError(f"{method} {path} is answered with {answer.status}")
    content: dict[str, Any] = answer.json()
    return content
