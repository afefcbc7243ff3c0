"""Pieces of CEL, and what every policy knows of an object: the category whose rules it has to keep."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from inventories.labels import CATEGORY_LABEL, DEPARTMENT_LABEL
from policies.checks.encrypted_entry import REDIRECTS
from policies.checks.exposure import INGRESS_ANNOTATION
from policies.objects import POD_TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PLATFORM_GROUPS: Final = ("onshore:platform", "system:masters")
PLATFORM: Final = f"request.userInfo.groups.exists(g, g in {json.dumps(PLATFORM_GROUPS)})"
# What Kubernetes itself puts into namespaces: its certificate authority, an account, and where services lead.
OWN_OBJECTS: Final = (
    "'system:serviceaccounts:kube-system' in request.userInfo.groups && ("
    "request.kind.kind == 'ConfigMap' && request.name == 'kube-root-ca.crt'"
    " || request.kind.kind == 'ServiceAccount' && request.name == 'default'"
    " || request.kind.kind in ['Endpoints', 'EndpointSlice'])"
)
SYSTEM_NAMESPACES: Final = ("kube-node-lease", "kube-public", "kube-system")
POD_RESOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("pods", "pods/ephemeralcontainers", "podtemplates", "replicationcontrollers"),
    "apps": ("daemonsets", "deployments", "replicasets", "statefulsets"),
    "batch": ("cronjobs", "jobs"),
}
# Nothing a rule reads has changed: what was let in before, or is on its way out, stays under its controllers' care.
CHANGED: Final = " || ".join(
    [
        "request.operation != 'UPDATE'",
        *(f"dyn(object).?{key} != dyn(oldObject).?{key}" for key in ("spec", "template", "endpoints", "subsets")),
        "object.metadata.?labels != oldObject.metadata.?labels",
        f"{json.dumps([INGRESS_ANNOTATION, *REDIRECTS])}.exists(k, object.metadata.?annotations[?k] != oldObject.metadata.?annotations[?k])",  # noqa: E501 - one CEL expression
    ]
)

# Namespaces are judged by their labels alone: what Kubernetes does to let one go changes its spec.
RELABELLED: Final = "request.operation != 'UPDATE' || object.metadata.?labels != oldObject.metadata.?labels"


@dataclass(frozen=True, slots=True)
class Ruling:
    """One policy to be: `found` is a CEL list of all that is wrong, in words.

    `resources`: by API group. `whole`: the words are finished messages, which name their rules themselves.
    `exempt`: namespaces it leaves alone. `when`: the condition under which it is asked at all. `names`: the objects it
    is asked about; none: all. `always`: it binds whatever the day from which the rule does.
    """

    name: str
    rule: str
    resources: Mapping[str, tuple[str, ...]]
    found: str
    variables: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False
    exempt: tuple[str, ...] = SYSTEM_NAMESPACES
    when: str = CHANGED
    operations: tuple[str, ...] = ("CREATE", "UPDATE")
    names: tuple[str, ...] = ()
    always: bool = False

    @property
    def reads_parameters(self) -> bool:
        return any("params." in each for each in (self.found, self.when, *self.variables.values()))


def context(*, of_namespace: bool = False) -> dict[str, str]:
    """The variables that all policies share; a namespace stands under its own label, all else under its namespace's.

    `category`: the home's, or the object's own where that is stricter; the strictest where the home has none we know.
    `rule`: what that category asks for.
    """
    label = f".metadata.?labels[?{text(CATEGORY_LABEL)}].orValue('')"
    department = f".metadata.?labels[?{text(DEPARTMENT_LABEL)}].orValue('')"
    home = "object" if of_namespace else "namespaceObject"
    ranks = (f"variables.categories[variables.{name}].rank" for name in ("own", "home"))
    own_is_stricter = f"variables.own in variables.categories && {' > '.join(ranks)}"
    return {
        "categories": "params.spec.categories",
        "home": home + label,
        "own": "object" + label,
        "department": home + department,
        "category": f"!(variables.home in variables.categories) ? params.spec.order[size(params.spec.order) - 1] : {own_is_stricter} ? variables.own : variables.home",  # noqa: E501 - as above
        "rule": "variables.categories[variables.category]",
    }


def pod_context() -> dict[str, str]:
    """The pod or pod template of an object, wherever its kind keeps it."""
    template = "dyn(object)"
    for kind, way in POD_TEMPLATES.items():
        if way:
            template = f"object.kind == {text(kind)} ? dyn(object).{'.'.join(way)} : {template}"
    lists = ("containers", "initContainers", "ephemeralContainers")
    return {
        "template": template,
        "pod": "dyn(variables.template.?spec.orValue({}))",
        "containers": " + ".join(f"variables.pod.?{key}.orValue([])" for key in lists),
        "volumes": "variables.pod.?volumes.orValue([])",
        "inner": f"dyn(variables.template).?metadata.?labels[?{text(CATEGORY_LABEL)}].orValue('')",
    }


def way(root: str, keys: Iterable[str]) -> str:
    """An optional: the value under nested keys, or none."""
    return root + "".join(f".?{key}" for key in keys)


def array(values: Iterable[Any]) -> str:
    """A list."""
    return json.dumps(list(values))


def text(value: str) -> str:
    """A string."""
    return json.dumps(value, ensure_ascii=False)
