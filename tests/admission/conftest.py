"""All policies in force on the real API server, for namespaces of these tests alone: the cluster has other users."""

from __future__ import annotations

import json
import re
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from admission.parameters import API_VERSION, KIND, NAME, PLURAL
from admission.policies import PARAMETERS_PROBE, PROBE, compile_rules
from engine.providers.kubernetes.client import ApiError, Client
from engine.providers.kubernetes.kubeconfig import cluster_access, read_kubeconfig
from inventories import load_profile
from inventories.labels import CATEGORY_LABEL, DEPARTMENT_LABEL
from tests.policies.asking import ENFORCE, known_ca, law, with_rule
from tests.worlds import DEPARTMENT, FOREVER, TODAY, load_cases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from inventories.models import Register
    from policies.subject import Facts
    from sandbox import ClusterInfo

APPLY: Final = "application/apply-patch+yaml"
MARK: Final = "onshore.test/of"
_RULE: Final = re.compile(r"\b([A-Z]{3}-\d{3}) (?:critical|high|medium) · ")
_PLURALS: Final = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "NetworkPolicy": "networkpolicies",
    "Endpoints": "endpoints",
    "GatewayClass": "gatewayclasses",
    "Ingress": "ingresses",
    "IngressClass": "ingressclasses",
    "StorageClass": "storageclasses",
    KIND: PLURAL,
}
_GATEWAYS: Final = "gateway.networking.k8s.io"
_CLUSTER_WIDE: Final = {
    "Namespace",
    "PersistentVolume",
    "CustomResourceDefinition",
    "GatewayClass",
    "IngressClass",
    "StorageClass",
    KIND,
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


@dataclass(frozen=True)
class Answer:
    """What the API server said: `rules` are those of its refusal and warnings."""

    code: int
    message: str
    rules: frozenset[str]

    @property
    def is_refused_by_policy(self) -> bool:
        return "ValidatingAdmissionPolicy" in self.message


def path(obj: dict[str, Any], *, named: bool = False, subresource: str = "") -> str:
    """The address of an object, or of its kind."""
    version, kind, metadata = obj["apiVersion"], obj["kind"], obj["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    home = "" if kind in _CLUSTER_WIDE else f"/namespaces/{metadata['namespace']}"
    plural = _PLURALS.get(kind, kind.lower() + "s")
    return f"{root}{home}/{plural}" + (f"/{metadata['name']}" if named else "") + subresource


class Server:
    """Asks the API server over connections that it keeps."""

    def __init__(self, kubeconfig: str, mark: str) -> None:
        self.client = Client(cluster_access(*read_kubeconfig(kubeconfig)))
        self.mark = mark

    def ask(self, method: str, target: str, body: Any, content_type: str = "application/json") -> Answer:
        """The answer with its warnings; nothing is kept."""
        sent = None if body is None else json.dumps(body).encode()
        found = self.client._exchange(method, f"{target}?dryRun=All", sent, content_type, True)
        document = json.loads(found.data)
        message = document.get("message", "") if found.status >= 300 else ""
        warnings = " ".join(found.headers.getlist("Warning")).encode("latin-1", "replace").decode(errors="replace")
        return Answer(found.status, message, frozenset(_RULE.findall(message + warnings)))

    def create(self, obj: dict[str, Any]) -> Answer:
        """The answer to a creation."""
        return self.ask("POST", path(obj), obj)

    def until(self, obj: dict[str, Any], words: str) -> Answer:
        """The answer once it holds these words; none: once it is let in."""
        deadline = time.monotonic() + 60
        while not (words in (said := self.create(obj)).message and bool(words) == bool(said.message)):
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        return said

    def until_served(self, collection: str) -> None:
        """Wait for a kind that has just been defined."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self.client.request("GET", collection)
            except ApiError as error:
                assert error.code == 404, error.message  # noqa: PT017 - nothing else is expected
                assert time.monotonic() < deadline, collection
                time.sleep(0.1)
            else:
                return

    def apply(self, obj: dict[str, Any]) -> None:
        """Create or change an object for good."""
        how = {"fieldManager": "tests", "force": "true"}
        self.client.request("PATCH", path(obj, named=True), obj, query=how, content_type=APPLY)

    def delete(self, obj: dict[str, Any]) -> None:
        """Let an object go; one that is gone, or going, is no fault."""
        try:
            self.client.request("DELETE", path(obj, named=True))
        except ApiError as error:
            assert error.code in (404, 409), error.message  # noqa: PT017 - nothing else is expected

    def namespace(self, category: str | None, **labels: str) -> dict[str, Any]:
        """A namespace of these tests."""
        own = {MARK: self.mark, DEPARTMENT_LABEL: DEPARTMENT, ENFORCE: "restricted", **labels}
        if category is not None:
            own[CATEGORY_LABEL] = category
        name = f"{self.mark}-{category or 'none'}"
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": own}}


def yaml_document(cluster: ClusterInfo) -> Any:
    """The cluster's kubeconfig as data, and its folder."""
    return read_kubeconfig(cluster.kubeconfig.read_text())


def facts(*, on: date = TODAY, expires_on: date = FOREVER) -> Facts:
    """A world whose one cluster is lawful for all but secret data, and whose open data asks for the level baseline."""
    register: Register = known_ca(load_cases()[0].register)
    provider = register.providers[0]
    shared = tuple(each.model_copy(update={"dedicated_nodes": False}) for each in provider.clusters)
    changed = register.model_copy(
        update={"providers": (provider.model_copy(update={"clusters": shared}),), "expires_on": expires_on}
    )
    profile = with_rule(load_profile("pakistan-cloud-first-trial"), "open", pod_security="baseline")
    return law(changed, profile, on)


@pytest.fixture(scope="module")
def server(cluster: ClusterInfo) -> Iterator[Server]:
    """The API server with all policies in force, and a namespace for each category, and one for none."""
    known = facts()
    provider = known.register.providers[0]
    rules = compile_rules(known, provider, provider.clusters[0])
    mark = f"admission-{uuid.uuid4().hex[:8]}"
    asking = Server(cluster.kubeconfig.read_text(), mark)
    client = asking.client
    spaces = [asking.namespace(each) for each in (*(c.id for c in known.profile.categories), None)]
    named_badly = asking.namespace("restricted")
    named_badly["metadata"]["name"] = f"kube-{mark}"
    spaces.append(named_badly)
    for space in spaces:  # before anything is in force: unlawful ones are to be there
        del space["metadata"]["labels"][ENFORCE]  # Kubernetes' own check of it would speak first
        client.request("POST", "/api/v1/namespaces", space)
    for obj in rules.objects:
        _only(obj, mark)
        asking.apply(obj)
        if obj["kind"] == "CustomResourceDefinition":
            asking.until_served(f"/apis/{API_VERSION}/{PLURAL}")
        elif obj["kind"].endswith("Binding") and obj["metadata"]["name"] == PARAMETERS_PROBE:
            asking.until(_probe(PARAMETERS_PROBE), rules.parameters_known)
    asking.until(_probe(PROBE), rules.in_force)
    yield asking
    refusing = [obj for obj in rules.objects if obj["metadata"]["name"] != NAME]
    for obj in (*reversed(refusing), *spaces):
        if obj["kind"] != "CustomResourceDefinition":
            asking.delete(obj)
    asking.until(_probe(PROBE), "")  # else the next module would take the probe of this one for its own
    for obj in reversed(rules.objects[:2]):
        asking.delete(obj)
    client.close()


@pytest.fixture(scope="module")
def gateway_api(server: Server) -> Iterator[None]:
    """The kinds of the Gateway API, which is no part of Kubernetes, as bare definitions."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definitions = []
    for kind, plural, scope in (
        ("Gateway", "gateways", "Namespaced"),
        ("GatewayClass", "gatewayclasses", "Cluster"),
        ("GRPCRoute", "grpcroutes", "Namespaced"),
        ("HTTPRoute", "httproutes", "Namespaced"),
    ):
        spec = {
            "group": _GATEWAYS,
            "scope": scope,
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        }
        noted = {"api-approved.kubernetes.io": "unapproved, for tests only"}
        metadata = {"name": f"{plural}.{_GATEWAYS}", "annotations": noted}
        api = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
        definitions.append({**api, "metadata": metadata, "spec": spec})
    for each in definitions:
        server.apply(each)
    for each in definitions:
        server.until_served(f"/apis/{_GATEWAYS}/v1/{each['spec']['names']['plural']}")
    yield
    for each in definitions:
        server.delete(each)


def _probe(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}


def _only(obj: dict[str, Any], mark: str) -> None:
    """Bind a policy to what these tests make."""
    if not obj["kind"].endswith("Binding") or obj["metadata"]["name"].startswith("onshore-probe"):
        return
    selector = "objectSelector" if "volumes" in obj["metadata"]["name"] else "namespaceSelector"
    obj["spec"]["matchResources"] = {selector: {"matchLabels": {MARK: mark}}}
