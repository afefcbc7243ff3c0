"""Who may change what a namespace says of its data: the platform's people, and nobody else by any way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from admission.parameters import API_VERSION, DEFINITION, GROUP, NAME, PLURAL
from engine.providers.kubernetes.client import Client
from engine.providers.kubernetes.kubeconfig import cluster_access
from inventories.labels import CATEGORY_LABEL, DEPARTMENT_LABEL
from tests.admission.conftest import Server, yaml_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import ClusterInfo

pytestmark = pytest.mark.cluster
_RBAC = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


@pytest.fixture(scope="module")
def acting(server: Server, cluster: ClusterInfo) -> Iterator[Any]:
    """`acting(group)`: the API server as asked by somebody of a group, whom RBAC lets do everything."""
    groups = {
        "department": f"{server.mark}:department",
        "platform": "onshore:platform",
        "kubernetes": "system:serviceaccounts:kube-system",
    }
    bindings = [f"{server.mark}-{each}" for each in groups]
    for binding, group in zip(bindings, groups.values(), strict=True):
        subject = {"kind": "Group", "name": group, "apiGroup": "rbac.authorization.k8s.io"}
        role = {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"}
        server.client.request("POST", _RBAC, {"metadata": {"name": binding}, "subjects": [subject], "roleRef": role})
    opened = []

    def ask(group: str) -> Server:
        document, folder = yaml_document(cluster)
        document["users"][0]["user"] |= {"as": "somebody", "as-groups": [groups[group]]}
        somebody = Server.__new__(Server)
        somebody.client, somebody.mark = Client(cluster_access(document, folder)), server.mark
        opened.append(somebody.client)
        return somebody

    yield ask
    for client in opened:
        client.close()
    for binding in bindings:
        server.client.request("DELETE", f"{_RBAC}/{binding}")


@pytest.mark.parametrize("subresource", ["", "/status", "/finalize"])
@pytest.mark.parametrize(
    ("label", "value"),
    [
        (CATEGORY_LABEL, "open"),
        (CATEGORY_LABEL, "confidential"),
        (CATEGORY_LABEL, None),
        (DEPARTMENT_LABEL, "finance-example"),
        (DEPARTMENT_LABEL, None),
        ("pod-security.kubernetes.io/enforce", "baseline"),
    ],
)
def test_only_the_platform_changes_what_a_namespace_says(
    label: str, value: str | None, subresource: str, server: Server, acting: Any
) -> None:
    target = f"/api/v1/namespaces/{server.mark}-restricted"
    live = server.client.request("GET", target)
    labels = {key: each for key, each in (live["metadata"]["labels"] | {label: value}).items() if each is not None}
    changed = {**live, "metadata": {**live["metadata"], "labels": labels}}
    said = acting("department").ask("PUT", target + subresource, changed)
    assert "CAT-001" in said.rules, said
    assert said.is_refused_by_policy
    assert "changed by somebody" not in acting("platform").ask("PUT", target + subresource, changed).message


@pytest.mark.parametrize("subresource", ["", "/status", "/finalize"])
def test_other_labels_are_the_departments_own(subresource: str, server: Server, acting: Any) -> None:
    target = f"/api/v1/namespaces/{server.mark}-open"
    live = server.client.request("GET", target)
    labels = live["metadata"]["labels"] | {"team": "a", "pod-security.kubernetes.io/enforce": "restricted"}
    asked = {**live, "metadata": {**live["metadata"], "labels": labels}}
    assert acting("platform").ask("PUT", target + subresource, asked).code == 200
    only = {**live, "metadata": {**live["metadata"], "annotations": {"team": "a"}}}
    assert "changed by" not in acting("department").ask("PUT", target + subresource, only).message


def test_what_was_there_before_stays_under_its_controllers_care(server: Server) -> None:
    """An object that the rules would refuse today: its finalizers and annotations can change, its spec cannot."""
    target = f"/api/v1/namespaces/{server.mark}-none/configmaps/kube-root-ca.crt"
    noted = server.ask("PATCH", target, {"metadata": {"annotations": {"a": "b"}}}, "application/merge-patch+json")
    assert noted.code == 200, noted
    label = {"metadata": {"labels": {"a": "b"}}}
    assert "CAT-001" in server.ask("PATCH", target, label, "application/merge-patch+json").rules


def test_a_namespace_without_a_category_can_still_be_let_go(server: Server) -> None:
    target = f"/api/v1/namespaces/{server.mark}-none"
    live = server.client.request("GET", target)
    said = server.ask("PUT", f"{target}/finalize", {**live, "spec": {"finalizers": []}})
    assert said.code == 200, said


_CLASSES = [
    ("IngressClass", "networking.k8s.io/v1", {"spec": {"controller": "a.example/b"}}, "EXP-001"),
    ("GatewayClass", "gateway.networking.k8s.io/v1", {"spec": {"controllerName": "a.example/b"}}, "EXP-001"),
    ("StorageClass", "storage.k8s.io/v1", {"provisioner": "a.example/b"}, "CRY-001"),
]


@pytest.mark.usefixtures("gateway_api")
@pytest.mark.parametrize(("kind", "api", "fields", "rule"), _CLASSES)
def test_only_the_platform_makes_classes(
    kind: str, api: str, fields: Any, rule: str, server: Server, acting: Any
) -> None:
    """A class of the internal class's name could lead anywhere."""
    asked = {"apiVersion": api, "kind": kind, "metadata": {"name": server.mark}, **fields}
    assert acting("department").create(asked).rules == {rule}
    assert acting("platform").create(asked).code == 201


@pytest.mark.parametrize("kind", ["ConfigMap", "EndpointSlice"])
def test_what_kubernetes_itself_puts_into_a_namespace_is_let_in(kind: str, server: Server, acting: Any) -> None:
    name, api = ("kube-root-ca.crt", "v1") if kind == "ConfigMap" else ("it", "discovery.k8s.io/v1")
    metadata = {"name": name, "namespace": f"{server.mark}-restricted"}
    fields: Any = {} if kind == "ConfigMap" else {"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"]}]}
    asked = {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}
    assert "CAT-001" in acting("platform").create(asked).rules
    refused = acting("kubernetes").create(asked)
    assert refused.code == (409 if kind == "ConfigMap" else 201), refused


_PARAMETERS = f"/apis/{API_VERSION}/{PLURAL}"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
_MERGE = "application/merge-patch+json"
_LATER = {"spec": {"categories": {"secret": {"here": {"until": "2999-01-01T00:00:00Z", "refused": None}}}}}
_ELSEWHERE = {
    "metadata": {"name": f"v9.{GROUP}"},
    "spec": {"group": GROUP, "version": "v9", "groupPriorityMinimum": 1, "versionPriority": 1},
}


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("PATCH", f"{_PARAMETERS}/{NAME}", _LATER),
        ("DELETE", f"{_PARAMETERS}/{NAME}", None),
        ("DELETE", _PARAMETERS, None),
        ("PATCH", f"{_DEFINITIONS}/{DEFINITION}", {"metadata": {"annotations": {"a": "b"}}}),
        ("PATCH", f"{_DEFINITIONS}/{DEFINITION}/status", {"metadata": {"annotations": {"a": "b"}}}),
        ("DELETE", f"{_DEFINITIONS}/{DEFINITION}", None),
        ("DELETE", _DEFINITIONS, None),
        ("PATCH", f"{_SERVICES}/{API_VERSION.partition('/')[2]}.{GROUP}", {"metadata": {"annotations": {"a": "b"}}}),
        ("POST", _SERVICES, _ELSEWHERE),
    ],
    ids=lambda value: value.rpartition("/")[2] if isinstance(value, str) else "",
)
def test_only_the_platform_changes_what_the_rules_go_by(method: str, target: str, body: Any, acting: Any) -> None:
    media = _MERGE if method == "PATCH" else "application/json"
    said = acting("department").ask(method, target, body, media)
    assert said.is_refused_by_policy, said
    assert "changed by somebody, allowed by the platform only" in said.message
    assert acting("platform").ask(method, target, body, media).code in (200, 201)


def test_other_kinds_are_their_owners_own(acting: Any) -> None:
    schema = {"openAPIV3Schema": {"type": "object"}}
    other = {
        "metadata": {"name": "things.other.example"},
        "spec": {
            "group": "other.example",
            "scope": "Cluster",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    assert acting("department").ask("POST", _DEFINITIONS, other).code == 201


@pytest.mark.parametrize("change", [{"digest": None}, {"ingressClass": 1}, {"order": []}])
def test_parameters_of_another_form_cannot_be_written(change: Any, server: Server) -> None:
    said = server.ask("PATCH", f"{_PARAMETERS}/{NAME}", {"spec": change}, _MERGE)
    assert said.code == 422, said


def test_a_verdict_is_an_end_or_a_refusal_and_never_both(server: Server) -> None:
    both = {"spec": {"categories": {"open": {"here": {"until": "2999-01-01T00:00:00Z", "refused": "no"}}}}}
    assert server.ask("PATCH", f"{_PARAMETERS}/{NAME}", both, _MERGE).code == 422


def test_the_api_server_asks_no_policy_about_policies(acting: Any) -> None:
    """As the docs say: who may remove them is for the cluster's RBAC, and `onshore admission status` sees it."""
    assert acting("department").ask("DELETE", f"{_POLICIES}/onshore-pod-001", None).code == 200
