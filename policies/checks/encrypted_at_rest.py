"""CRY-001: storage is encrypted at rest where the category needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.cloud_law import broken
from policies.objects import POD_KINDS
from policies.openstack_law import root_disk
from policies.placed import category_of, own_category
from policies.subject import Concern, Violation
from policies.values import at, join, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.objects import KubeObject
    from policies.subject import Subject

_CLAIM: Final = "PersistentVolumeClaim"
_OF_THE_CLUSTER: Final = frozenset({"StorageClass", "PersistentVolume"})
CONCERN = Concern(clouds=True, kinds=frozenset({_CLAIM, *_OF_THE_CLUSTER, *POD_KINDS}))


def check(subject: Subject) -> Iterator[Violation]:
    """By the laws of the storage's type; where no category is declared, it must be encrypted."""
    category = own_category(subject)
    if category is None or category.rule.encryption_at_rest:
        yield from broken(subject, "CRY-001")
        yield from root_disk(subject)
    for found in subject.objects:
        if category_of(subject, found).rule.encryption_at_rest:
            yield from _object(subject, found)


def _object(subject: Subject, found: KubeObject) -> Iterator[Violation]:
    """Claims by their class; classes and volumes are the cluster's own, for nobody can see what is behind them."""
    if found.expected.kind in _OF_THE_CLUSTER:
        yield Violation(found.inside("kind"), f"a {found.expected.kind}", "storage of the cluster's own", public=True)
    if found.expected.kind == _CLAIM:
        yield from _claim(subject, found.inside("spec"), found.body.get("spec"))
    templates = at(found.body, "spec", "volumeClaimTemplates") if found.expected.kind == "StatefulSet" else None
    for i, template in enumerate(sequence(templates)):
        yield from _claim(subject, f"{found.inside('spec', 'volumeClaimTemplates')}[{i}].spec", at(template, "spec"))
    if templates is not None and not isinstance(templates, list):
        yield Violation(found.inside("spec", "volumeClaimTemplates"), templates, "a list of claims")
    for volume in (volume for pod in found.pods for volume in pod.volumes):
        if volume.body.get("ephemeral") is not None:
            way = ("ephemeral", "volumeClaimTemplate", "spec")
            yield from _claim(subject, ".".join((volume.path, *way)), at(volume.body, *way))


def _claim(subject: Subject, path: str, spec: Any) -> Iterator[Violation]:
    cluster = subject.destination.cluster if subject.destination else None
    name = at(spec, "storageClassName")
    encrypted = cluster.encrypted_storage_classes if cluster else frozenset()
    if not (isinstance(name, str) and name in encrypted):
        listed = ", ".join(sorted(encrypted)) or "none"
        yield Violation(join(path, "storageClassName"), name, f"an encrypted StorageClass of the cluster: {listed}")
