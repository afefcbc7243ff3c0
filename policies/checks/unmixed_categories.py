"""CAT-004: a namespace holds data of one category only, and so does an object.

What two resources have in common is known only when the program has ended: that part is a stack check, judged in
every preview. Labels that name no category are CAT-001's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inventories.labels import CATEGORY_LABEL
from policies.objects import labels_of
from policies.placed import named
from policies.subject import Violation
from policies.values import UNKNOWN, at, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policies.objects import KubeObject
    from policies.subject import Subject


def check(subject: Subject) -> Iterator[Violation]:
    """A workload and its pods are of one category."""
    for found in subject.objects:
        own = _category(subject, found)
        for pod in found.pods if found.expected.kind != "Pod" else ():
            label = named(subject.facts, labels_of(pod.metadata.body).get(CATEGORY_LABEL))
            if own and label and label.id != own:
                path = join(join(pod.metadata.path, "labels"), CATEGORY_LABEL)
                yield Violation(path, label.id, f"{own}, as the workload's own label")


def check_stack(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """What goes into a namespace is of its category: its own, where it is made here, else that of what came first."""
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
