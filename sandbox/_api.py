"""The sandbox's own few calls to its API server: is it ready, and put these objects there."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final

import httpx
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LABEL: Final = "onshore.example/sandbox"
ZONES: Final = 3
INGRESS_CLASSES: Final = ("internal", "public")
STORAGE_CLASS: Final = "sandbox"

_PATHS: Final = {
    "Node": "/api/v1/nodes",
    "IngressClass": "/apis/networking.k8s.io/v1/ingressclasses",
    "StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}
_LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def connect(server: str, pki: Path) -> httpx.Client:
    """A client that acts as the cluster's administrator; nothing of the user's proxy settings applies on loopback."""
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return httpx.Client(base_url=server, verify=context, trust_env=False, timeout=10)


def is_ready(client: httpx.Client) -> bool:
    """Whether the API server calls itself ready."""
    try:
        return client.get("/readyz").is_success
    except httpx.HTTPError:
        return False


def settled(client: httpx.Client, nodes: int) -> str:
    """What the controllers still owe before the cluster is of use; empty when nothing."""
    items = _json(client.get(_PATHS["Node"]))["items"]
    ready = sum(
        any(c["type"] == "Ready" and c["status"] == "True" for c in item.get("status", {}).get("conditions", []))
        and not item["spec"].get("taints")
        for item in items
    )
    if ready < nodes:
        return f"{ready} of {nodes} nodes are ready"
    held = len(_json(client.get(_LEASES))["items"])
    if held < nodes:
        return f"kwok plays {held} of {nodes} nodes"
    if not client.get("/api/v1/namespaces/default/serviceaccounts/default").is_success:
        return "namespace default has no service account yet"
    return ""


def apply(client: httpx.Client, objects: Iterable[dict[str, Any]]) -> None:
    """Put objects into the cluster by server-side apply: the same call creates, repairs and leaves alone."""
    parameters = {"fieldManager": "onshore-sandbox", "force": "true"}
    for body in objects:
        client.patch(
            f"{_PATHS[body['kind']]}/{body['metadata']['name']}",
            params=parameters,
            content=yaml.safe_dump(body),
            headers={"content-type": "application/apply-patch+yaml"},
        ).raise_for_status()


def release_nodes(client: httpx.Client) -> None:
    """Take the nodes from a kwok that has ended: its successor would wait for the old leases to run out."""
    client.delete(_LEASES).raise_for_status()


def delete_other_nodes(client: httpx.Client, wanted: Iterable[str]) -> None:
    """Remove sandbox nodes that are no longer asked for."""
    items = _json(client.get(_PATHS["Node"], params={"labelSelector": f"{LABEL}=node"}))["items"]
    for name in {item["metadata"]["name"] for item in items} - set(wanted):
        client.delete(f"{_PATHS['Node']}/{name}").raise_for_status()


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
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "onshore.example/no-storage",
        "reclaimPolicy": "Delete",
    }
    return [role, binding, *classes, storage, *(_node(number) for number in range(1, nodes + 1))]


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


def _json(response: httpx.Response) -> dict[str, Any]:
    response.raise_for_status()
    content: dict[str, Any] = response.json()
    return content
