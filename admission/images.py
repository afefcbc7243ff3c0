"""IMG-001 in CEL: where the category asks for it, an image is named by its digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from admission.cel import POD_RESOURCES, Ruling, context, pod_context

if TYPE_CHECKING:
    from collections.abc import Iterator

_PINNED: Final = r"matches('^[^@\\s]+@sha256:[0-9a-f]{64}$')"


def rulings() -> Iterator[Ruling]:
    """Images of all containers, and those mounted as volumes; the registry's country is not asked here."""
    allowed = "allowed name@sha256:<64 hex digits>'"
    found = (
        f"variables.containers.filter(c, !c.?image.orValue('').{_PINNED})"
        f".map(c, 'containers[' + c.name + '].image: got ' + c.?image.orValue('nothing') + ', {allowed})"
        f" + variables.volumes.filter(v, has(v.image) && !v.image.?reference.orValue('').{_PINNED})"
        f".map(v, 'volumes[' + v.name + '].image.reference: {allowed})"
    )
    variables = {**context(), **pod_context(), "pinned": "variables.rule.imageDigest"}
    yield Ruling("img-001", "IMG-001", POD_RESOURCES, f"variables.pinned ? {found} : []", variables)
