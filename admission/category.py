"""CAT-001 in CEL: every object names its category, and nobody but the platform changes what a namespace says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admission.cel import POD_RESOURCES, RELABELLED, SYSTEM_NAMESPACES, Ruling, array, context, pod_context, text
from inventories.labels import CATEGORY_LABEL, CLUSTER_LABEL, DEPARTMENT_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inventories.models import Profile

PLATFORM_GROUPS: Final = ("onshore:platform", "system:masters")
OBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("configmaps", "persistentvolumeclaims", "secrets", "services"),
    "gateway.networking.k8s.io": ("gateways",),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
}
_NAMESPACES: Final = {"": ("namespaces", "namespaces/status", "namespaces/finalize")}
# Kubernetes puts its certificate authority into every namespace.
_OWN_OBJECTS: Final = "request.kind.kind == 'ConfigMap' && request.name == 'kube-root-ca.crt' && 'system:serviceaccounts:kube-system' in request.userInfo.groups"  # noqa: E501 - one CEL expression


def rulings(profile: Profile) -> Iterator[Ruling]:
    """Objects and pods by their label, namespaces by theirs, and the changes of a namespace's labels."""
    known = [each.id for each in profile.categories]
    own, inner = (_label(f"variables.{name}", where, known) for name, where in (("own", ""), ("inner", "template: ")))
    home = "(variables.home in variables.ranks ? [] : ['the namespace has no category that the profile knows'])"
    exempt = f"{_OWN_OBJECTS} ? []"
    yield Ruling("cat-001", "CAT-001", OBJECTS, f"{exempt} : {home} + {own}", context(profile))
    pods = f"{home} + {own} + (object.kind == 'Pod' ? [] : {inner})"
    yield Ruling("cat-001-pods", "CAT-001", POD_RESOURCES, pods, {**context(profile), **pod_context()})
    spaces = context(profile, of_namespace=True)
    outside = (*SYSTEM_NAMESPACES, "default")
    yield Ruling("cat-001-namespaces", "CAT-001", _NAMESPACES, own, spaces, exempt=outside, when=RELABELLED)
    yield Ruling("cat-001-labels", "CAT-001", _NAMESPACES, _changes(), exempt=(), when="request.operation == 'UPDATE'")


def _label(value: str, where: str, known: list[str]) -> str:
    path = f"{where}metadata.labels[{CATEGORY_LABEL}]"
    return (
        f"(!({value} in variables.ranks) ? [{text(path + ': allowed one of ' + ', '.join(known))}] :"
        f" variables.home in variables.ranks && variables.ranks[{value}] < variables.ranks[variables.home] ?"
        f" [{text(path + ': got ')} + {value} + ', allowed ' + variables.home + ' or stricter, as its namespace']"
        " : [])"
    )


def _changes() -> str:
    """Whatever the way (the object, its status, its finalizers), only the platform's people change these labels."""
    enforce = "pod-security.kubernetes.io/enforce"
    names = (CATEGORY_LABEL, DEPARTMENT_LABEL, CLUSTER_LABEL, enforce, f"{enforce}-version")
    changed = "object.metadata.?labels[?k] != oldObject.metadata.?labels[?k]"
    said = "'metadata.labels[' + k + ']: changed by ' + request.userInfo.username + ', allowed by the platform only'"
    return (
        f"request.userInfo.groups.exists(g, g in {array(PLATFORM_GROUPS)}) ? [] :"
        f" {array(names)}.filter(k, {changed}).map(k, {said})"
    )
