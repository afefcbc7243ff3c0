"""Every policy on a real API server, two-way: it refuses what it must, and lets through what is lawful."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from admission.parameters import NAME
from admission.policies import compile_rules
from inventories.labels import CATEGORY_LABEL
from policies.checks.encrypted_entry import REDIRECTS
from policies.checks.exposure import INGRESS_ANNOTATION
from sandbox._api import ENCRYPTED_CLASS, STORAGE_CLASS
from tests.admission.conftest import MARK, facts
from tests.admission.conftest import path as path_of
from tests.policies.asking import DIGEST, DROP, changed, pod_spec

if TYPE_CHECKING:
    from tests.admission.conftest import Answer, Server

pytestmark = pytest.mark.cluster
_SPEC: dict[str, Any] = {"selector": {"app": "it"}, "ports": [{"port": 443}]}
_BACKEND = {"service": {"name": "it", "port": {"number": 80}}}
INTERNAL = "internal"
_POD = changed(pod_spec(), "containers", 0, "env", to=[])


def _object(server: Server, kind: str, api: str, home: str | None = "restricted", **fields: Any) -> dict[str, Any]:
    metadata = {
        "name": "it",
        "namespace": f"{server.mark}-{home or 'none'}",
        "labels": {CATEGORY_LABEL: home or "restricted"},
    }
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def _ingress(server: Server, name: str | None, home: str = "restricted") -> dict[str, Any]:
    http = {"paths": [{"path": "/", "pathType": "Prefix", "backend": _BACKEND}]}
    spec: dict[str, Any] = {"rules": [{"host": "a.example", "http": http}], "tls": [{"hosts": ["a.example"]}]}
    spec |= {"ingressClassName": name} if name else {}
    return _object(server, "Ingress", "networking.k8s.io/v1", home, spec=spec)


@pytest.mark.parametrize(
    ("path", "value", "refusing"),
    [
        (("spec", "type"), "ClusterIP", ""),
        (("spec", "type"), "NodePort", "EXP-001"),
        (("spec", "type"), "LoadBalancer", "EXP-001"),
        (("spec", "externalIPs"), ["192.0.2.1"], "EXP-001"),
        (("spec",), {"type": "ExternalName", "externalName": "it.app.svc.cluster.local"}, ""),
        (("spec",), {"type": "ExternalName", "externalName": "it.example"}, "EXP-001"),
        (("metadata", "labels"), {}, "CAT-001"),
        (("metadata", "labels", CATEGORY_LABEL), "nonsense", "CAT-001"),
        (("metadata", "labels", CATEGORY_LABEL), "open", "CAT-001 CAT-004"),
        (("metadata", "labels", CATEGORY_LABEL), "sensitive", "CAT-004"),
        (("metadata", "labels", CATEGORY_LABEL), "secret", "CAT-003 CAT-004"),
    ],
)
def test_a_service(path: Any, value: Any, refusing: str, server: Server) -> None:
    said = server.create(changed(_object(server, "Service", "v1", spec=_SPEC), *path, to=value))
    assert said.rules == set(refusing.split()), said.message
    assert said.is_refused_by_policy == bool(refusing)


def test_data_that_may_be_public_may_be_exposed(server: Server) -> None:
    assert server.create(_object(server, "Service", "v1", "open", spec={**_SPEC, "type": "LoadBalancer"})).code == 201
    assert server.create(_ingress(server, "anything", "open")).code == 201


def test_an_ingress_is_of_the_internal_class_by_field_and_by_annotation(server: Server) -> None:
    assert server.create(_ingress(server, INTERNAL)).code == 201
    assert server.create(_ingress(server, "public")).rules == {"EXP-001"}
    assert server.create(_ingress(server, None)).rules == {"EXP-001"}
    for spec, legacy, refused in ((None, INTERNAL, False), (None, "public", True)):
        noted = changed(_ingress(server, spec), "metadata", "annotations", to={"kubernetes.io/ingress.class": legacy})
        assert (server.create(noted).rules == {"EXP-001"}) == refused


def test_an_ingress_speaks_tls_for_every_category(server: Server) -> None:
    assert server.create(changed(_ingress(server, "a", "open"), "spec", "tls", to=[])).rules == {"CRY-002"}


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret", "ServiceAccount", "ResourceQuota"])
def test_a_namespace_that_declares_no_category_takes_nothing_in(kind: str, server: Server) -> None:
    assert "CAT-001" in server.create(_object(server, kind, "v1", None)).rules
    assert server.create(_object(server, kind, "v1")).code == 201


@pytest.mark.usefixtures("gateway_api")
def test_a_gateway_of_internal_data_is_of_the_internal_class(server: Server) -> None:
    tls = [{"name": "a", "port": 443, "protocol": "TLS", "tls": {"mode": "Passthrough"}}]

    def gateway(home: str | None, name: str | None) -> Answer:
        spec = {"listeners": tls} | ({"gatewayClassName": name} if name else {})
        return server.create(_object(server, "Gateway", "gateway.networking.k8s.io/v1", home, spec=spec))

    assert gateway("restricted", "internal").code == 201
    assert gateway("restricted", "public").rules == {"EXP-001"}
    assert gateway("restricted", None).rules == {"EXP-001"}
    assert gateway("open", "public").code == 201
    assert "CAT-001" in gateway(None, "internal").rules


def test_the_register_lets_no_secret_data_onto_shared_nodes(server: Server) -> None:
    said = server.create(_object(server, "ConfigMap", "v1", "secret"))
    assert said.rules == {"CAT-003"}
    assert "dedicated nodes" in said.message


@pytest.mark.parametrize(
    ("path", "value", "refusing"),
    [
        ((), None, set()),
        ((CATEGORY_LABEL,), DROP, {"CAT-001"}),
        ((CATEGORY_LABEL,), "nonsense", {"CAT-001"}),
        ((CATEGORY_LABEL,), "secret", {"CAT-003"}),
        (("pod-security.kubernetes.io/enforce",), DROP, {"POD-001"}),
        (("pod-security.kubernetes.io/enforce",), "baseline", {"POD-001"}),
        (("pod-security.kubernetes.io/enforce",), "privileged", {"POD-001"}),
        (("pod-security.kubernetes.io/enforce-version",), "v1.25", {"POD-001"}),
        (("pod-security.kubernetes.io/enforce-version",), "latest", set()),
    ],
)
def test_a_namespace(path: Any, value: Any, refusing: set[str], server: Server) -> None:
    space = changed(server.namespace("restricted"), "metadata", "name", to=f"{server.mark}-new")
    if path:
        space = changed(space, "metadata", "labels", *path, to=value)
    said = server.create(space)
    assert said.rules == refusing, said


@pytest.mark.parametrize("source", ["hostPath", "local", "nfs"])
def test_a_volume_of_the_host(source: str, server: Server) -> None:
    sources = {
        "hostPath": {"path": "/x"},
        "local": {"path": "/x"},
        "nfs": {"server": "192.0.2.1", "path": "/x"},
    }
    spec: dict[str, Any] = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        source: sources[source],
    }
    if source == "local":
        terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}]}]
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": server.mark, "labels": {"onshore.test/of": server.mark}},
        "spec": spec,
    }
    assert server.create(volume).rules == (set() if source == "nfs" else {"POD-001"})


_UPDATES: Any = [
    ("Service", "v1", {"spec": _SPEC}, ("spec", "type"), "NodePort", "EXP-001"),
    ("Ingress", "networking.k8s.io/v1", {}, ("metadata", "annotations"), {REDIRECTS[0]: "false"}, "CRY-002"),
    ("Ingress", "networking.k8s.io/v1", {}, ("metadata", "annotations"), {INGRESS_ANNOTATION: "a"}, "EXP-001"),
    ("NetworkPolicy", "networking.k8s.io/v1", {"spec": {"podSelector": {}}}, ("spec", "ingress"), [{}], "NET-001"),
    (
        "EndpointSlice",
        "discovery.k8s.io/v1",
        {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}]},
        ("endpoints", 0, "addresses"),
        ["192.0.2.1"],
        "EXP-001",
    ),
    ("Endpoints", "v1", {}, ("subsets",), [{"addresses": [{"ip": "192.0.2.1"}]}], "EXP-001"),
    ("PodTemplate", "v1", {"template": {"spec": {"containers": []}}}, ("template", "spec", "hostPID"), True, "POD-001"),
]


@pytest.mark.parametrize(("kind", "api", "fields", "way", "value", "rule"), _UPDATES)
def test_what_is_lawful_cannot_be_made_unlawful(
    kind: str, api: str, fields: Any, way: Any, value: Any, rule: str, server: Server
) -> None:
    """Whatever a rule reads, a change of it is judged; what no rule reads may change."""
    asked = _object(server, kind, api, **fields)
    if kind == "Ingress":
        asked = _ingress(server, INTERNAL)
    if kind == "PodTemplate":
        asked["template"] = {"metadata": {"labels": asked["metadata"]["labels"]}, "spec": _POD}
    server.apply(asked)
    try:
        live = server.client.request("GET", path_of(asked, named=True))
        del live["metadata"]["resourceVersion"]  # whatever controllers do to it meanwhile
        said = server.ask("PUT", path_of(asked, named=True), changed(live, *way, to=value))
        assert rule in said.rules, said
        assert said.is_refused_by_policy
        noted = changed(live, "metadata", "annotations", "team", to="a")
        assert server.ask("PUT", path_of(asked, named=True), noted).code == 200
    finally:
        server.delete(asked)


def test_a_claim_without_a_class_is_judged_by_the_clusters_own(server: Server) -> None:
    """The API server puts its default class in before it asks: of the sandbox, one that is not encrypted."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    asked = _object(server, "PersistentVolumeClaim", "v1", spec=claim)
    classes = "/apis/storage.k8s.io/v1/storageclasses/"

    def standard(name: str, value: str) -> None:
        noted = {"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": value}}}
        server.client.request("PATCH", classes + name, noted, content_type="application/merge-patch+json")

    assert server.create(asked).rules == {"CRY-001"}
    standard(STORAGE_CLASS, "false")
    standard(ENCRYPTED_CLASS, "true")
    try:
        assert server.until(asked, "").code == 201
    finally:
        standard(ENCRYPTED_CLASS, "false")
        standard(STORAGE_CLASS, "true")
    assert server.until(asked, "CRY-001").rules == {"CRY-001"}


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        (DIGEST, True),
        ("registry.example/app:1", False),
        ("registry.example/app@sha256:abc", False),
        (f"{DIGEST}x", False),
    ],
)
def test_an_image_has_a_digest_where_the_category_asks(image: str, *, pinned: bool, server: Server) -> None:
    container = {
        "name": "app",
        "image": image,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    secure = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    for home, refused in (("restricted", not pinned), ("open", False)):
        labels = {CATEGORY_LABEL: home, "app": "it"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "securityContext": secure}}
        spec = {"selector": {"matchLabels": {"app": "it"}}, "template": template}
        said = server.create(_object(server, "Deployment", "apps/v1", home, spec=spec))
        assert said.rules == ({"IMG-001"} if refused else set()), said


def test_what_the_register_lets_in_ends_by_itself(server: Server) -> None:
    """A cluster that nobody visits again lets nothing in once the register it was told of has run out."""
    today = datetime.now(UTC).date()
    known = facts(expires_on=today - timedelta(days=2), on=today - timedelta(days=9))
    provider = known.register.providers[0]
    rules = compile_rules(known, provider, provider.clusters[0])
    named = [obj for obj in rules.objects if obj["metadata"]["name"] in (NAME, "onshore-register")]
    given, policy, binding = changed(named, 0, "metadata", "name", to=f"{server.mark}-old")
    policy["metadata"]["name"] = binding["metadata"]["name"] = f"{server.mark}-old"
    binding["spec"] |= {
        "policyName": f"{server.mark}-old",
        "paramRef": {"name": f"{server.mark}-old", "parameterNotFoundAction": "Deny"},
        "matchResources": {"namespaceSelector": {"matchLabels": {MARK: server.mark}}},
    }
    asked = _object(server, "ConfigMap", "v1")
    for obj in (given, policy, binding):
        server.apply(obj)
    try:
        said = server.until(asked, "the register let this data in until")
        assert said.rules == {"ACC-004"}
        server.delete(given)
        assert "no params found" in server.until(asked, "no params found").message
    finally:
        server.delete(binding)
        server.delete(policy)
    assert server.until(asked, "").code == 201
