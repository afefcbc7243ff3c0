"""IMG-001: where the category asks for it, an image is named by its digest and comes from a registry in the country."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from inventories.image_name import parse_image
from policies.cloud_law import broken
from policies.objects import POD_KINDS
from policies.openstack_law import unseen_images
from policies.placed import category_of, own_category
from policies.subject import Concern, Violation
from policies.values import at, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inventories.models import CategoryRule
    from policies.objects import Pod
    from policies.subject import Facts, Subject

_PINNED: Final = "name@sha256:<64 hex digits>"

CONCERN = Concern(clouds=True, kinds=POD_KINDS)


def check(subject: Subject) -> Iterator[Violation]:
    """Images of all containers, those mounted as volumes, and those that machines start from."""
    category = own_category(subject)
    if category is None or category.rule.image_digest:
        yield from broken(subject, "IMG-001")
    for found in subject.objects:
        rule = category_of(subject, found).rule
        for pod in found.pods:
            for path, image in _images(pod):
                yield from _image(subject.facts, rule, path, image)


def check_stack(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """Images that machines and volumes name by an id: whose component they belong to is known at the end."""
    pinned = [one for one in subjects if (category := own_category(one)) is None or category.rule.image_digest]
    yield from unseen_images(pinned, subjects)


def _images(pod: Pod) -> Iterator[tuple[str, Any]]:
    for part in pod.containers:
        yield join(part.path, "image"), part.body.get("image")
    for volume in pod.volumes:
        if volume.body.get("image") is not None:
            yield f"{volume.path}.image.reference", at(volume.body, "image", "reference")


def _image(facts: Facts, rule: CategoryRule, path: str, image: Any) -> Iterator[Violation]:
    name = parse_image(image) if isinstance(image, str) else None
    if rule.image_digest and not (name and name.pinned):
        yield Violation(path, image, _PINNED)
    elif rule.image_registry_in_country and name is None:
        yield Violation(path, image, "the name of an image")
    if rule.image_registry_in_country and name is not None and not _in_country(facts, name.registry):
        yield Violation(f"{path} (registry)", image, _lawful(facts))


def _in_country(facts: Facts, host: str) -> bool:
    registry = facts.register.image_registry(host)
    site = facts.register.site(registry.site) if registry else None
    return site is not None and site.country == facts.profile.country


def hosts_in_country(facts: Facts) -> list[str]:
    """The registries that images may come from where they have to come from the country."""
    return [one.host for one in facts.register.image_registries if _in_country(facts, one.host)]


def _lawful(facts: Facts) -> str:
    hosts = ", ".join(sorted(hosts_in_country(facts)))
    return f"a registry of the register in {facts.profile.country}: {hosts or 'there is none'}"
