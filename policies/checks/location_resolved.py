"""RES-004: the register says where the cluster stands, and a stack where what lies within another resource does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventories.models import Region
from policies.cloud_law import broken
from policies.derived import unplaced, unplaced_in
from policies.subject import Concern, Violation
from policies.values import Marker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policies.subject import Subject

CONCERN = Concern(placed=True, clouds=True)


def check(subject: Subject) -> Iterator[Violation]:
    """A cluster's region and site are its own provider's, and the site belongs to the region."""
    for target in subject.targets:
        cluster, provider = target.cluster, target.provider
        if isinstance(cluster, Region):
            if not set(target.sites) <= {site.id for site in provider.sites} & set(cluster.sites):
                yield Violation(target.path, cluster.id, f"a region at sites of {provider.id}", public=True)
            continue
        region = next((region for region in provider.regions if region.id == cluster.region), None)
        known = any(site.id == cluster.site for site in provider.sites)
        if region is None or not known or cluster.site not in region.sites:
            got = f"{cluster.id} in region {cluster.region}, site {cluster.site}"
            yield Violation(target.path, got, f"a region of {provider.id} and a site of that region", public=True)
    place = subject.place
    if place and not subject.is_provider and (place.value is None or isinstance(place.value, Marker)):
        yield Violation(place.path, place.value, "a region of the register, on the resource or its provider")
    if place and place.region:
        yield from broken(subject, "RES-004")
    yield from unplaced(subject)


def check_stack(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """What a derived resource was computed from is known when the program has ended."""
    stack = {subject.urn: subject for subject in subjects}
    for subject in subjects:
        for violation in unplaced_in(subject, stack):
            yield subject.urn, violation
