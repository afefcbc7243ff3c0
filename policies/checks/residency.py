"""RES-001: data that must stay in the country lands on a site in the country."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventories.models import Region
from policies.cloud_law import broken
from policies.placed import in_country
from policies.subject import Concern, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject

CONCERN = Concern(placed=True)


def check(subject: Subject) -> Iterator[Violation]:
    """The site's country decides; a site nobody knows is RES-004's."""
    home = subject.facts.profile.country
    for target in subject.targets:
        noun = "region" if isinstance(target.cluster, Region) else "cluster"
        for site in target.provider.sites:
            if target.category.rule.in_country and site.id in target.sites and site.country != home:
                got = f"{target.cluster.id} at {site.id} in {site.country}"
                yield Violation(target.path, got, f"a {noun} in {home} for {target.category.id} data", public=True)
    place = subject.place
    if place and isinstance(place.value, str) and place.region is None and not place.is_global and in_country(subject):
        yield Violation(place.path, place.value, f"a region of the register in {home}")
    if place and place.region and in_country(subject):
        yield from broken(subject, "RES-001")
