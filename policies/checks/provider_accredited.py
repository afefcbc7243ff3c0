"""ACC-001: the provider has the standing with the Cloud Office that the category asks for, today."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventories.models import Status
from policies.subject import Concern, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject

CONCERN = Concern(placed=True)


def check(subject: Subject) -> Iterator[Violation]:
    """Anything but the asked standing on the day is refused: applied, suspended, expired, unknown …"""
    on = subject.facts.on
    for target in subject.targets:
        status = target.provider.accreditation.status(on=on)
        enough = [Status.ACCREDITED]
        if target.category.rule.standing == "registered":
            enough.append(Status.REGISTERED)
        if status not in enough:
            allowed = f"a provider that is {' or '.join(enough)} on {on}"
            yield Violation(target.path, f"{target.provider.id}, which is {status}", allowed, public=True)
    place = subject.place
    if place and isinstance(place.value, str) and place.region is None:
        yield Violation(place.path, place.value, "a region that the register lists for an accredited provider")
