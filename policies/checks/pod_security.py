"""POD-001: pods keep the Pod Security level of their category, and namespaces enforce it.

The fields and values are those of the Kubernetes Pod Security Standards, levels baseline and restricted
(kubernetes.io/docs/concepts/security/pod-security-standards).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.objects import POD_KINDS
from policies.placed import category_of
from policies.pod_standards import LEVELS, baseline, restricted
from policies.subject import Concern, Violation
from policies.values import at, join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.objects import KubeObject
    from policies.subject import Subject

_ENFORCE: Final = "pod-security.kubernetes.io/enforce"
_VERSION: Final = "pod-security.kubernetes.io/enforce-version"

CONCERN = Concern(kinds=POD_KINDS | {"Namespace", "PersistentVolume"})


def check(subject: Subject) -> Iterator[Violation]:
    """Every pod and pod template, every namespace's labels, and volumes by which a pod would reach its host."""
    for found in subject.objects:
        if found.expected.kind == "PersistentVolume":
            yield from _volume(found)
        is_namespace = found.expected.kind == "Namespace"
        if not (is_namespace or found.pods):
            continue
        level = category_of(subject, found).rule.pod_security
        if is_namespace:
            yield from _namespace(found, level)
        for pod in found.pods:
            yield from baseline(pod)
            if level == "restricted":
                yield from restricted(pod)


def _namespace(found: KubeObject, level: str) -> Iterator[Violation]:
    label: Any = at(found.body, "metadata", "labels", _ENFORCE)
    enough = LEVELS[LEVELS.index(level) :]
    if label not in enough:
        yield Violation(join(found.inside("metadata", "labels"), _ENFORCE), label, " or ".join(enough))
    version: Any = at(found.body, "metadata", "labels", _VERSION)
    if version not in (None, "latest"):
        # An older version of a level knows fewer of its rules.
        yield Violation(join(found.inside("metadata", "labels"), _VERSION), version, "latest or nothing")


def _volume(found: KubeObject) -> Iterator[Violation]:
    for key in ("hostPath", "local"):
        source = at(found.body, "spec", key)
        if source is not None:
            yield Violation(found.inside("spec", key), source, "a volume that is not the host's")
