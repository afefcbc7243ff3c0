"""CRY-001 in CEL: where the category asks for it, storage is of a class whose volumes the cluster encrypts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admission.cel import PLATFORM, POD_RESOURCES, Ruling, context, pod_context

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAID: Final = "': allowed an encrypted StorageClass of the cluster: ' + params.spec.encryptedStorageClasses.join(', ')"


def rulings() -> Iterator[Ruling]:
    """Claims, wherever they stand, and the classes themselves.

    A class is judged once the API server has put in its default. Volumes are not asked about: provisioners make them.
    """
    claim = f"({_is_plain('object.spec')} ? ['spec.storageClassName' + {_SAID}] : [])"
    yield Ruling("cry-001-claims", "CRY-001", {"": ("persistentvolumeclaims",)}, _asks(claim), context())
    templates = "(object.kind == 'StatefulSet' ? dyn(object).spec.?volumeClaimTemplates.orValue([]) : [])"
    ephemeral = "v.ephemeral.?volumeClaimTemplate.?spec.orValue({})"
    pods = (
        f"({templates}.filter(t, {_is_plain('t.spec')}).map(t, 'spec.volumeClaimTemplates.spec.storageClassName' + {_SAID})"  # noqa: E501 - one CEL expression
        f" + variables.volumes.filter(v, has(v.ephemeral) && {_is_plain(ephemeral)})"
        f".map(v, 'volumes[' + v.name + '].ephemeral.volumeClaimTemplate.spec.storageClassName' + {_SAID}))"
    )
    yield Ruling("cry-001-pods", "CRY-001", POD_RESOURCES, _asks(pods), {**context(), **pod_context()})
    # Whoever could make a class anew could make an encrypted one plain.
    classes = (
        f"{PLATFORM} ? [] : ['kind: got a class of its own, allowed storage of the classes that the platform makes']"
    )
    yield Ruling("cry-001-classes", "CRY-001", {"storage.k8s.io": ("storageclasses",)}, classes)


def _asks(found: str) -> str:
    return f"variables.rule.encryptionAtRest ? {found} : []"


def _is_plain(spec: str) -> str:
    return f"!({spec}.?storageClassName.orValue('') in params.spec.encryptedStorageClasses)"
