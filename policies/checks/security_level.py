"""CAT-003: the cluster's security level, and its nodes, are what the category asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.subject import Concern, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject

CONCERN = Concern(placed=True)


def check(subject: Subject) -> Iterator[Violation]:
    """A higher level than asked for will do."""
    for target in subject.targets:
        rule, cluster = target.category.rule, target.cluster
        if cluster.security_level.rank < rule.security_level.rank:
            allowed = f"{rule.security_level} or higher for {target.category.id} data"
            yield Violation(target.path, f"{cluster.id} of level {cluster.security_level}", allowed, public=True)
        # a host is one department's by the register's word
        if rule.dedicated_nodes and not cluster.dedicated_nodes and target.host is None:
            allowed = f"dedicated nodes for {target.category.id} data"
            yield Violation(f"{target.path} (nodes)", f"{cluster.id} with shared nodes", allowed, public=True)
