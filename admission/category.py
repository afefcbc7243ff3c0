"""CAT-001 in CEL: every object names its category, and nobody but the platform changes what a namespace says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admission.cel import (
    OWN_OBJECTS,
    PLATFORM,
    POD_RESOURCES,
    RELABELLED,
    SYSTEM_NAMESPACES,
    Ruling,
    array,
    context,
    pod_context,
    text,
)
from inventories.labels import CATEGORY_LABEL, CLUSTER_LABEL, DEPARTMENT_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "": (
        "configmaps",
        "endpoints",
        "limitranges",
        "persistentvolumeclaims",
        "resourcequotas",
        "secrets",
        "serviceaccounts",
        "services",
    ),
    "autoscaling": ("horizontalpodautoscalers",),
    "discovery.k8s.io": ("endpointslices",),
    "gateway.networking.k8s.io": ("gateways", "grpcroutes", "httproutes"),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
    "policy": ("poddisruptionbudgets",),
    "rbac.authorization.k8s.io": ("rolebindings", "roles"),
}
_NAMESPACES: Final = {"": ("namespaces", "namespaces/status", "namespaces/finalize")}


def rulings() -> Iterator[Ruling]:
    """Objects and pods by their label, namespaces by theirs, and the changes of a namespace's labels."""
    own, inner = (_label(f"variables.{name}", where) for name, where in (("own", ""), ("inner", "template: ")))
    home = "(variables.home in variables.categories ? [] : ['the namespace has no category that the profile knows'])"
    yield Ruling("cat-001", "CAT-001", OBJECTS, f"{OWN_OBJECTS} ? [] : {home} + {own}", context())
    pods = f"{home} + {own} + (object.kind == 'Pod' ? [] : {inner})"
    yield Ruling("cat-001-pods", "CAT-001", POD_RESOURCES, pods, {**context(), **pod_context()})
    spaces = context(of_namespace=True)
    outside = (*SYSTEM_NAMESPACES, "default")
    yield Ruling("cat-001-namespaces", "CAT-001", _NAMESPACES, own, spaces, exempt=outside, when=RELABELLED)
    yield Ruling("cat-001-labels", "CAT-001", _NAMESPACES, _changes(), exempt=(), when="request.operation == 'UPDATE'")


def _label(value: str, where: str) -> str:
    path = f"{where}metadata.labels[{CATEGORY_LABEL}]"
    ranks = f"variables.categories[{value}].rank < variables.categories[variables.home].rank"
    return (
        f"(!({value} in variables.categories) ? [{text(path + ': allowed one of ')} + params.spec.order.join(', ')] :"
        f" variables.home in variables.categories && {ranks} ?"
        f" [{text(path + ': got ')} + {value} + ', allowed ' + variables.home + ' or stricter, as its namespace']"
        " : [])"
    )


def _changes() -> str:
    """Whatever the way (the object, its status, its finalizers), only the platform's people change these labels."""
    enforce = "pod-security.kubernetes.io/enforce"
    names = (CATEGORY_LABEL, DEPARTMENT_LABEL, CLUSTER_LABEL, enforce, f"{enforce}-version")
    changed = "object.metadata.?labels[?k] != oldObject.metadata.?labels[?k]"
    said = "'metadata.labels[' + k + ']: changed by ' + request.userInfo.username + ', allowed by the platform only'"
    return f"{PLATFORM} ? [] : {array(names)}.filter(k, {changed}).map(k, {said})"
