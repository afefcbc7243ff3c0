"""IMG-001: where the category asks for it, an image is named by its digest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from policies.objects import POD_KINDS
from policies.placed import category_of
from policies.subject import Concern, Violation
from policies.values import at, join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.objects import Pod
    from policies.subject import Subject

_PINNED: Final = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}\Z")
_ALLOWED: Final = "name@sha256:<64 hex digits>"

CONCERN = Concern(kinds=POD_KINDS)


def check(subject: Subject) -> Iterator[Violation]:
    """Images of all containers, and those mounted as volumes."""
    for found in subject.objects:
        if found.pods and category_of(subject, found).rule.image_digest:
            for pod in found.pods:
                yield from _pod(pod)


def _pod(pod: Pod) -> Iterator[Violation]:
    images = [(join(part.path, "image"), part.body.get("image")) for part in pod.containers]
    images += [
        (f"{volume.path}.image.reference", at(volume.body, "image", "reference"))
        for volume in pod.volumes
        if volume.body.get("image") is not None
    ]
    for path, image in images:
        if not (isinstance(image, str) and _PINNED.match(image)):
            yield Violation(path, image, _ALLOWED)
