"""CAT-004 in CEL: a namespace holds data of one category, and so do a workload and nodes that are set apart."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from admission.category import OBJECTS
from admission.cel import OWN_OBJECTS, POD_RESOURCES, Ruling, context, pod_context, text
from inventories.labels import CATEGORY_LABEL, DEDICATED_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inventories.models import RuleMeta


def rulings(rules: Mapping[str, RuleMeta]) -> Iterator[Ruling]:
    """Objects and pods against their namespace, pods against their workload and their nodes."""
    reserved: Any = rules["CAT-004"].params["reserved_namespaces"]
    alike = _alike("variables.own", "variables.home", "its namespace")
    shared = f"{_reserved('request.namespace', reserved)} + {alike}"
    yield Ruling("cat-004", "CAT-004", OBJECTS, f"{OWN_OBJECTS} ? [] : {shared}", context())
    inner = _alike("variables.inner", "variables.own", "the workload's own label")
    pods = f"{shared} + (object.kind == 'Pod' ? [] : {inner}) + {_selected()} + {_tolerated()}"
    apart = {
        "dedicated": "variables.rule.dedicatedNodes && variables.department != ''",
        "selected": f"variables.pod.?nodeSelector[?{text(DEDICATED_LABEL)}]",
    }
    yield Ruling("cat-004-pods", "CAT-004", POD_RESOURCES, pods, {**context(), **pod_context(), **apart})
    named = _reserved("object.metadata.name", reserved)
    yield Ruling("cat-004-namespaces", "CAT-004", {"": ("namespaces",)}, named, when="request.operation == 'CREATE'")


def _reserved(name: str, patterns: tuple[str, ...]) -> str:
    """Names that the cluster comes with."""
    ways = "|".join(fnmatch.translate(each).removesuffix(r"\Z").removesuffix(r"\z") for each in patterns)
    said = f"'metadata.namespace: got ' + {name} + ', allowed a namespace of its own'"
    return f"({name}.matches({text(f'^(?:{ways})$')}) ? [{said}] : [])"


def _alike(one: str, other: str, whose: str) -> str:
    """Two labels that name categories name the same, be it by an alias."""
    known = f"{one} in variables.categories && {other} in variables.categories"
    ids = [f"variables.categories[{each}].id" for each in (one, other)]
    said = f"'metadata.labels[{CATEGORY_LABEL}]: got ' + {one} + ', allowed ' + {other} + {text(f', as {whose}')}"
    return f"({known} && {' != '.join(ids)} ? [{said}] : [])"


def _selected() -> str:
    """A pod that needs its department's nodes asks for them, and no other pod does."""
    path = f"nodeSelector[{DEDICATED_LABEL}]: "
    return (
        "(variables.dedicated"
        f" ? (variables.selected.orValue('') == variables.department ? [] : [{text(path + 'allowed ')} + variables.department])"  # noqa: E501 - one CEL expression
        # A pod that is there already is on a node.
        " + (variables.pod.?nodeName.orValue('') != '' && (object.kind != 'Pod' || request.operation == 'CREATE')"
        " ? ['nodeName: allowed nothing: the node is the scheduler\\'s to choose'] : [])"
        f" : variables.selected.hasValue() ? [{text(path + 'allowed nothing')}] : [])"
    )


def _tolerated() -> str:
    """A toleration without a key tolerates every taint."""
    tolerations = "variables.pod.?tolerations.orValue([])"
    own = (
        "variables.dedicated && t.?operator.orValue('Equal') == 'Equal' && t.?value.orValue('') == variables.department"
    )
    return (
        f"{tolerations}.filter(t, t.?key.orValue('') == '')"
        ".map(t, 'tolerations.key: allowed a key by name, not every taint there is')"
        f" + {tolerations}.filter(t, t.?key.orValue('') == {text(DEDICATED_LABEL)} && !({own}))"
        f".map(t, {text(f'tolerations[{DEDICATED_LABEL}]: allowed Equal to the own department, where its nodes are needed')})"  # noqa: E501 - one CEL expression
    )
