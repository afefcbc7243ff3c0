"""One law, two judges: the pack and the real API server agree on every object, rule by rule.

What the API server's own schema does not take is no object to judge; it is counted, and must stay the smaller part.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inventories.labels import CATEGORY_LABEL, DEPARTMENT_LABEL
from tests.admission.conftest import facts
from tests.policies.asking import DIGEST, DROP, Provider, Resource, World, changed
from tests.worlds import DEPARTMENT

if TYPE_CHECKING:
    from tests.admission.conftest import Answer, Server

pytestmark = pytest.mark.cluster
_EXAMPLES: Final = 1500
_RULES: Final = frozenset({"CAT-001", "CAT-003", "EXP-001", "IMG-001", "POD-001"})
_HOMES: Final = ("open", "restricted", "confidential")
_LABELS: Final = ("open", "public", "restricted", "confidential", "sensitive", "secret", "nonsense", None)
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


def _sysctl(name: str) -> list[dict[str, str]]:
    return [{"name": name, "value": "1"}]


# Each row: a place in the pod's spec and what may come to stand there, lawful or not.
_CHANGES: Final[tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...]] = (
    (("hostNetwork",), (True, False)),
    (("hostPID",), (True, False)),
    (("hostIPC",), (True, False)),
    (("containers", 0, "image"), ("registry.example/app:1", "app", DIGEST[:-1], f"{DIGEST}0")),
    (("containers", 0, "ports", 0, "hostPort"), (0, 8080)),
    (("initContainers",), ([_HELPER], [{**_HELPER, "image": DIGEST, "securityContext": {"privileged": True}}])),
    (("volumes", 0), ({"name": "tmp", "hostPath": {"path": "/"}}, {"name": "tmp", "secret": {"secretName": "a"}})),
    (("volumes", 0), (_NFS, {"name": "tmp", "configMap": {"name": "a"}})),
    (("volumes", 0), ({"name": "tmp", "image": {"reference": DIGEST}}, {"name": "tmp", "image": {"reference": "a:1"}})),
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
_TEMPLATED: Final = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
}
_tally: Counter[str] = Counter()


@st.composite
def _specs(draw: Any) -> dict[str, Any]:
    """A lawful pod with up to three places changed."""
    spec: dict[str, Any] = _POD
    for path, values in draw(st.lists(st.sampled_from(_CHANGES), max_size=3, unique_by=lambda row: row[0])):
        value = draw(st.sampled_from(values))
        try:
            spec = changed(spec, *path, to=value)
        except (KeyError, TypeError):  # an earlier change took the place away
            continue
    return spec


@st.composite
def _objects(draw: Any) -> tuple[str, dict[str, Any]]:
    """(the namespace's category, an object without its namespace)."""
    home = draw(st.sampled_from(_HOMES))
    lawful = [home, home, home, *_LABELS]
    own, inner = draw(st.sampled_from(lawful)), draw(st.sampled_from(lawful))
    kind = draw(st.sampled_from([*_TEMPLATED, *_TEMPLATED, "Pod", "Pod", "Service", "Service", "Ingress", "ConfigMap"]))
    metadata: dict[str, Any] = {"name": "it", "labels": _labels(own)}
    if kind in _TEMPLATED:
        spec = _wrapped(kind, {"metadata": {"labels": _labels(inner)}, "spec": draw(_specs())})
        return home, {"apiVersion": _TEMPLATED[kind], "kind": kind, "metadata": metadata, "spec": spec}
    if kind == "Pod":
        return home, {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": draw(_specs())}
    if kind == "Service":
        return home, {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": draw(_services())}
    if kind == "ConfigMap":
        return home, {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {"a": "b"}}
    legacy, name = (draw(st.sampled_from([None, "internal", "public"])) for _ in range(2))
    if legacy:
        metadata["annotations"] = {"kubernetes.io/ingress.class": legacy}
    backend = {"defaultBackend": {"service": {"name": "it", "port": {"number": 80}}}}
    spec = backend | ({"ingressClassName": name} if name else {})
    return home, {"apiVersion": "networking.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


@st.composite
def _services(draw: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"ports": [{"port": 80}], "selector": {"app": "it"}}
    if kind := draw(st.sampled_from([None, "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"])):
        spec["type"] = kind
    if name := draw(st.sampled_from([None, None, "a.b.svc.cluster.local", "a.example", "svc.cluster.local.example"])):
        spec["externalName"] = name
    if addresses := draw(st.sampled_from([None, None, ["192.0.2.1"]])):
        spec["externalIPs"] = addresses
    return spec


def _labels(category: str | None) -> dict[str, str]:
    return {"app": "it", DEPARTMENT_LABEL: DEPARTMENT} | ({CATEGORY_LABEL: category} if category else {})


def _wrapped(kind: str, template: dict[str, Any]) -> dict[str, Any]:
    """The spec of a kind around a pod template."""
    if kind in ("Job", "CronJob"):
        job = {"template": changed(template, "spec", "restartPolicy", to="Never")}
        return job if kind == "Job" else {"schedule": "0 1 * * *", "jobTemplate": {"spec": job}}
    return {"selector": {"matchLabels": {"app": "it"}}, "template": template}


def _pack(worlds: dict[str, World], home: str, body: dict[str, Any]) -> set[str]:
    group = body["apiVersion"] if "/" in body["apiVersion"] else f"core/{body['apiVersion']}"
    found = worlds[home].refused_by(Resource(f"kubernetes:{group}:{body['kind']}", body, Provider()))
    return found & _RULES


def test_the_pack_and_the_api_server_agree_on_every_object(server: Server) -> None:
    known = facts()
    worlds = {home: World(home, facts=known, register=known.register) for home in _HOMES}
    _tally.clear()

    @settings(
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(_objects())
    def agree(asked: tuple[str, dict[str, Any]]) -> None:
        home, body = asked
        body = changed(body, "metadata", "namespace", to=f"{server.mark}-{home}")
        said: Answer = server.create(body)
        if said.code >= 300 and not said.is_refused_by_policy:
            _tally["not an object"] += 1
            assert said.code in (400, 422), said
            return
        pack = _pack(worlds, home, body)
        _tally["refused" if pack else "let in"] += 1
        assert said.is_refused_by_policy == bool(pack), (pack, said)
        assert said.rules == pack, (pack, said)

    agree()
    judged = _tally["refused"] + _tally["let in"]
    assert judged > _tally["not an object"], _tally
    assert min(_tally["refused"], _tally["let in"]) > judged // 20, _tally
