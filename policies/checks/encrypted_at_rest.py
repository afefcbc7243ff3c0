"""CRY-001: storage is encrypted at rest where the category needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.cloud_law import broken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject, Violation


def check(subject: Subject) -> Iterator[Violation]:
    """By the laws of the storage's type; where no category is declared, it must be encrypted."""
    category = subject.stack.category
    if category is None or category.rule.encryption_at_rest:
        yield from broken(subject, "CRY-001")
