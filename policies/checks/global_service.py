"""RES-003: no service without a region holds data that must stay in the country."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.cloud_law import broken
from policies.placed import in_country
from policies.subject import Concern, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject


CONCERN = Concern(placed=True)


def check(subject: Subject) -> Iterator[Violation]:
    """Global by its type, by the place it names, or by what it asks for."""
    place = subject.place
    if place and place.is_global and in_country(subject):
        got = f"{subject.type}, a service without a region"
        yield Violation(place.path, got, f"a service in {subject.facts.profile.country}", public=True)
    if place and in_country(subject):
        yield from broken(subject, "RES-003")
