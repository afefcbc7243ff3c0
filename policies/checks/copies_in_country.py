"""RES-002: copies of data that must stay in the country stay there too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.cloud_law import broken
from policies.placed import in_country
from policies.subject import Concern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject, Violation


CONCERN = Concern(clouds=True)


def check(subject: Subject) -> Iterator[Violation]:
    """Replicas, backups and sync targets, by the laws of their types."""
    if in_country(subject):
        yield from broken(subject, "RES-002")
