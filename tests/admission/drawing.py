"""Objects of every kind that the cluster's rules look at, lawful ones with some places changed."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from inventories.labels import CATEGORY_LABEL, DEPARTMENT_LABEL
from tests.admission.drawing_pods import CLASSES, TEMPLATED, claim, wrapped
from tests.policies.asking import ENFORCE
from tests.worlds import DEPARTMENT

HOMES: Final = ("open", "restricted", "confidential", "secret")
RESERVED: Final = "reserved"
"""A home with restricted data under a name that is reserved."""
_LABELS: Final = ("open", "public", "restricted", "confidential", "sensitive", "secret", "nonsense", None)


@st.composite
def objects(draw: Any) -> tuple[str, dict[str, Any]]:
    """(the namespace's category, an object without its namespace); a namespace or volume is in none."""
    home = draw(st.sampled_from([*HOMES[:3] * 4, "secret", "secret", RESERVED]))
    lawful = ["restricted" if home == RESERVED else home] * 16 + list(_LABELS)
    metadata: dict[str, Any] = {"name": "it", "labels": _labels(draw(st.sampled_from(lawful)))}
    if draw(st.integers(0, 9)) < 4:
        kind = draw(st.sampled_from(sorted(TEMPLATED)))
        api, fields = TEMPLATED[kind], wrapped(draw, kind, _labels(draw(st.sampled_from(lawful))), home)
    else:
        kind = draw(st.sampled_from([*_OTHERS, *_RICH * 4]))
        api, make = _OTHERS[kind]
        fields = make(draw, metadata)
    return home, {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def _labels(category: str | None) -> dict[str, str]:
    return {"app": "it", DEPARTMENT_LABEL: DEPARTMENT} | ({CATEGORY_LABEL: category} if category else {})


def _given(**fields: Any) -> dict[str, Any]:
    """The fields that are there."""
    return {key: value for key, value in fields.items() if value is not None}


def _one(draw: Any, *values: Any) -> Any:
    return draw(st.sampled_from(values))


def _service(draw: Any, _metadata: dict[str, Any]) -> dict[str, Any]:
    port = _given(port=_one(draw, 80, 443), appProtocol=_one(draw, None, "https", "http", "kubernetes.io/wss"))
    spec = _given(
        type=_one(draw, None, "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
        externalName=_one(draw, None, None, "a.b.svc.cluster.local", "a.example", "svc.cluster.local.example"),
        externalIPs=_one(draw, None, None, ["192.0.2.1"]),
    )
    return {"spec": {"ports": [port], "selector": {"app": "it"}, **spec}}


def _ingress(draw: Any, metadata: dict[str, Any]) -> dict[str, Any]:
    annotations = _given(
        **{
            "kubernetes.io/ingress.class": _one(draw, None, None, None, "internal", "public"),
            "nginx.ingress.kubernetes.io/ssl-redirect": _one(draw, None, None, None, "true", "false"),
        }
    )
    if annotations:
        metadata["annotations"] = annotations
    backend = {"service": {"name": "it", "port": {"number": 80}}}
    http = {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}
    rules = [
        _given(host=host, http=http)
        for host in _one(draw, ["a.example"], ["a.example"], ["a.example", "b.example"], [None])
    ]
    spec = _given(
        ingressClassName=_one(draw, "internal", "internal", "internal", "public", None),
        rules=_one(draw, rules, rules, rules, None),
        tls=_one(draw, *[[{"hosts": ["a.example"]}], [{"hosts": ["a.example", "b.example"]}]] * 2, [{}], None),
        defaultBackend=_one(draw, *[None] * 5, backend),
    )
    return {"spec": spec}


def _network_policy(draw: Any, _metadata: dict[str, Any]) -> dict[str, Any]:
    peers, ports = [{"podSelector": {}}], [{"port": 80}]

    def rules(way: str) -> Any:
        return _one(draw, None, [], [{}], [{way: []}], [{way: peers}], [{"ports": ports}], [{way: peers}, {}])

    return {"spec": {"podSelector": {}, **_given(ingress=rules("from"), egress=rules("to"))}}


_V4: Final = ("10.1.2.3", "172.31.0.1", "172.32.0.1", "192.168.0.1", "192.0.2.1")
_V6: Final = ("fd00::1", "2001:db8::1", "fc00::1:2")


def _slice(draw: Any, _metadata: dict[str, Any]) -> dict[str, Any]:
    family, addresses = _one(draw, ("IPv4", _V4), ("IPv4", _V4), ("IPv6", _V6), ("FQDN", ("a.example",)))
    endpoints = [{"addresses": [each]} for each in draw(st.lists(st.sampled_from(addresses), max_size=2))]
    return {"addressType": family, "endpoints": endpoints}


def _endpoints(draw: Any, _metadata: dict[str, Any]) -> dict[str, Any]:
    def listed() -> Any:
        return [{"ip": each} for each in draw(st.lists(st.sampled_from(_V4 + _V6), max_size=2))] or None

    subset = _given(addresses=listed(), notReadyAddresses=listed())
    return {"subsets": [{**subset, "ports": [{"port": 80}]}]} if subset else {}


def _gateway(draw: Any, _metadata: dict[str, Any]) -> dict[str, Any]:
    listeners = [
        {"name": "a", "port": 443, **_given(protocol=_one(draw, "HTTPS", "HTTPS", "TLS", "HTTP"), tls=tls)}
        for tls in _one(draw, *[[{"mode": "Passthrough"}]] * 3, [None], [{}], [{"mode": "Passthrough"}, None])
    ]
    return {
        "spec": {**_given(gatewayClassName=_one(draw, "internal", "internal", "public", None)), "listeners": listeners}
    }


def _route(draw: Any, _metadata: dict[str, Any]) -> dict[str, Any]:
    parents = [
        {"name": "a", **_given(kind=_one(draw, None, "Gateway", "Service", "Other"), namespace=namespace)}
        for namespace in _one(draw, [None], ["elsewhere"], [None, "elsewhere"], [])
    ]
    return {"spec": _given(parentRefs=_one(draw, parents, None))}


def _namespace(draw: Any, metadata: dict[str, Any]) -> dict[str, Any]:
    metadata["name"] = _one(draw, "new", "new", "new", "kube-new")
    metadata["labels"] |= _given(
        **{
            ENFORCE: _one(draw, "restricted", "restricted", "baseline", "privileged", None),
            f"{ENFORCE}-version": _one(draw, None, None, "latest", "v1.25"),
        }
    )
    return {}


def _volume(draw: Any, _metadata: dict[str, Any]) -> dict[str, Any]:
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}]}]
    near = {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}
    source = _one(
        draw, {"hostPath": {"path": "/x"}}, {"local": {"path": "/x"}, **near}, {"nfs": {"server": "a", "path": "/x"}}
    )
    return {"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], **source}}


def _fixed(**fields: Any) -> Any:
    return lambda _draw, _metadata: fields


def _pvc(draw: Any, _metadata: dict[str, Any]) -> dict[str, Any]:
    return {"spec": claim(_one(draw, *CLASSES))}


_TARGET: Final = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "it"}
_ROLE: Final = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
_OTHERS: Final[dict[str, tuple[str, Any]]] = {
    "ConfigMap": ("v1", _fixed(data={"a": "b"})),
    "Endpoints": ("v1", _endpoints),
    "EndpointSlice": ("discovery.k8s.io/v1", _slice),
    "GRPCRoute": ("gateway.networking.k8s.io/v1", _route),
    "Gateway": ("gateway.networking.k8s.io/v1", _gateway),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", _route),
    "HorizontalPodAutoscaler": ("autoscaling/v2", _fixed(spec={"maxReplicas": 2, "scaleTargetRef": _TARGET})),
    "Ingress": ("networking.k8s.io/v1", _ingress),
    "LimitRange": ("v1", _fixed(spec={"limits": []})),
    "Namespace": ("v1", _namespace),
    "NetworkPolicy": ("networking.k8s.io/v1", _network_policy),
    "PersistentVolume": ("v1", _volume),
    "PersistentVolumeClaim": ("v1", _pvc),
    "PodDisruptionBudget": ("policy/v1", _fixed(spec={"minAvailable": 1})),
    "ResourceQuota": ("v1", _fixed(spec={"hard": {"pods": "1"}})),
    "Role": ("rbac.authorization.k8s.io/v1", _fixed(rules=[])),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", _fixed(roleRef=_ROLE, subjects=[])),
    "Secret": ("v1", _fixed(stringData={"a": "b"})),
    "Service": ("v1", _service),
    "ServiceAccount": ("v1", _fixed()),
}
# More of those that can be right and wrong in many ways.
_RICH: Final = (
    "EndpointSlice",
    "GRPCRoute",
    "Gateway",
    "HTTPRoute",
    "Ingress",
    "Namespace",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "Service",
)
