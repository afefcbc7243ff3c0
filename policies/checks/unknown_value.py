"""UNK-001: what carries the law is there to be read.

The dispatcher files every unknown value that any check meets under this rule; here are the parts that no check can
enter, because they are unknown or not of the form that Kubernetes gives them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject, Violation


def check(subject: Subject) -> Iterator[Violation]:
    """Unknown or malformed parts of Kubernetes objects."""
    yield from subject.malformed
