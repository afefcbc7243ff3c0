"""RES-001: data that must stay in the country lands on a site in the country."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.subject import Concern, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject

CONCERN = Concern(placed=True)


def check(subject: Subject) -> Iterator[Violation]:
    """The site's country decides; a site nobody knows is RES-004's."""
    home = subject.facts.profile.country
    for target in subject.targets:
        site = next((site for site in target.provider.sites if site.id == target.cluster.site), None)
        if target.category.rule.in_country and site and site.country != home:
            got = f"{target.cluster.id} at {site.id} in {site.country}"
            yield Violation(target.path, got, f"a cluster in {home} for {target.category.id} data", public=True)
