"""CAT-004: a namespace or store holds data of one category only, and so do an object and a node that is set apart.

Namespaces that the cluster comes with belong to nobody's data.
What two resources have in common is known only when the program has ended: that part is a stack check, judged in
every preview. Labels that name no category are CAT-001's.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from inventories.labels import CATEGORY_LABEL
from policies.cloud_law import broken
from policies.dedicated_nodes import kept_apart
from policies.objects import labels_of
from policies.placed import category_of, in_country, named, own_category
from policies.subject import Concern, Violation
from policies.values import MALFORMED, UNKNOWN, Marker, at, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policies.objects import KubeObject
    from policies.subject import Subject

_STORES: Final = frozenset({"object-store", "database", "volume"})

CONCERN = Concern(clouds=True, objects=True)
PARAMS = {"reserved_namespaces": tuple}


def check(subject: Subject) -> Iterator[Violation]:
    """A workload and its pods are of one category, in a namespace of its own, on nodes that are theirs.

    A network or image that a cloud shares with other projects is shared with whatever they hold.
    """
    if in_country(subject):
        yield from broken(subject, "CAT-004")
    for found in subject.objects:
        yield from _reserved(subject, found)
        rule = category_of(subject, found).rule
        for pod in found.pods:
            department, in_full = subject.stack.department, not found.expected.is_patch
            yield from kept_apart(pod, department, dedicated=rule.dedicated_nodes, in_full=in_full)
        own = _category(subject, found)
        for pod in found.pods if found.expected.kind != "Pod" else ():
            label = named(subject.facts, labels_of(pod.metadata.body).get(CATEGORY_LABEL))
            if own and label and label.id != own:
                path = join(join(pod.metadata.path, "labels"), CATEGORY_LABEL)
                yield Violation(path, label.id, f"{own}, as the workload's own label")


def check_stack(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """What goes into a namespace, or a store of a cloud, is of its category."""
    yield from _in_namespaces(subjects)
    yield from _in_stores(subjects)


def _in_stores(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """Buckets, databases and volumes: who says a category of its own keeps nothing in one of another category."""
    stores = {subject.urn: subject for subject in subjects if _is_store(subject)}
    for subject in subjects:
        own = own_category(subject)
        if own is None or not subject.labels:
            continue
        for key, urns in sorted(subject.sources.items()):
            for urn in sorted(urns & stores.keys() - {subject.urn}):
                held = own_category(stores[urn])
                if held is not None and held.id != own.id:
                    got = f"{own.id} data in {stores[urn].name}, which holds {held.id} data"
                    yield subject.urn, Violation(key, got, f"{held.id} data only", public=True)


def _is_store(subject: Subject) -> bool:
    facts = subject.facts.types.cloud.facts(subject.type)
    return facts is not None and facts.service in _STORES


def _in_namespaces(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """The category of a namespace is its own, where it is made here, else that of what came first."""
    first: dict[tuple[str, str], str] = {}
    members = [(subject, found, _namespace(found)) for subject in subjects for found in subject.objects]
    names = {s.urn: name for s, found, name in members if found.expected.kind == "Namespace" and isinstance(name, str)}
    members.sort(key=lambda member: member[1].expected.kind != "Namespace")
    for subject, found, named_so in members:
        category, namespace = _category(subject, found), named_so
        if namespace is UNKNOWN:
            namespace = next(
                (names[urn] for urn in sorted(subject.sources.get("metadata", frozenset()) & names.keys())), UNKNOWN
            )
            if namespace is UNKNOWN:
                yield subject.urn, Violation(found.inside("metadata", "namespace"), UNKNOWN, "a namespace by name")
        if not isinstance(namespace, str) or category is None:
            continue
        cluster = subject.destination.access.server if subject.destination else ""
        expected = first.setdefault((cluster, namespace), category)
        if category != expected:
            path = join(found.inside("metadata", "labels"), CATEGORY_LABEL)
            got = f"{category} data in namespace {namespace}, which holds {expected} data"
            yield subject.urn, Violation(path, got, f"{expected} data only", public=True)


def _reserved(subject: Subject, found: KubeObject) -> Iterator[Violation]:
    """A name that is not known yet is followed when the program has ended."""
    reserved: Any = subject.facts.rules["CAT-004"].params["reserved_namespaces"]
    name = _namespace(found)
    is_namespace = found.expected.kind == "Namespace"
    if isinstance(name, str) and any(fnmatchcase(name, pattern) for pattern in reserved):
        path = found.inside("metadata", "name" if is_namespace else "namespace")
        yield Violation(path, f"the namespace {name}", "a namespace of its own, by name", public=True)
    elif name is MALFORMED or not isinstance(name, str | Marker | None):
        yield Violation(found.inside("metadata", "namespace"), name, "a namespace by name")


def _category(subject: Subject, found: KubeObject) -> str | None:
    category = named(subject.facts, labels_of(found.body.get("metadata")).get(CATEGORY_LABEL))
    return category.id if category else None


def _namespace(found: KubeObject) -> Any:
    """The name of the namespace that an object is, or is in; None for what is in none."""
    if found.expected.kind == "Namespace":
        return at(found.body, "metadata", "name")
    if found.expected.namespaced:
        name = at(found.body, "metadata", "namespace")
        return "default" if name is None or name == "" else name
    return None
