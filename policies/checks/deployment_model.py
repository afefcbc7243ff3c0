"""CAT-002: the cluster's deployment model is allowed for the category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.subject import Concern, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.placed import Target
    from policies.subject import Subject

CONCERN = Concern(placed=True)


def check(subject: Subject) -> Iterator[Violation]:
    """By the category's rule, or by a written approval where the rule knows that way."""
    for target in subject.targets:
        if _by_rule(target) or _by_approval(subject, target):
            continue
        rule, cluster = target.category.rule, target.cluster
        part = (
            f" with the official part {cluster.official_part or 'unnamed'}"
            if cluster.deployment_model == "hybrid"
            else ""
        )
        ways = sorted(rule.deployment_models) + [f"{model} by approval" for model in sorted(rule.models_by_approval)]
        if rule.hybrid_official_part and "hybrid" in rule.deployment_models:
            ways.append(f"the official part of a hybrid being {rule.hybrid_official_part}")
        allowed = f"for {target.category.id} data: {', '.join(ways)}"
        yield Violation(target.path, f"{cluster.id}, a {cluster.deployment_model} cloud{part}", allowed, public=True)


def _by_rule(target: Target) -> bool:
    rule, cluster = target.category.rule, target.cluster
    if cluster.deployment_model not in rule.deployment_models:
        return False
    wanted = rule.hybrid_official_part
    return cluster.deployment_model != "hybrid" or wanted is None or cluster.official_part == wanted


def _by_approval(subject: Subject, target: Target) -> bool:
    model, register = target.cluster.deployment_model, subject.facts.register
    if model not in target.category.rule.models_by_approval:
        return False
    return register.approved(subject.stack.department, target.category.id, model, on=subject.facts.on)
