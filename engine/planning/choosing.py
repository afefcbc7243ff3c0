"""Which step a registration comes to: from what its provider and the policies answer (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.planning import diffing
from engine.planning.advancing import chain
from engine.planning.messages import (
    Analyze,
    Analyzed,
    Checked,
    CompareProviders,
    Diff,
    Diffed,
    Instruction,
    ProviderCompared,
    Reject,
    Report,
)
from engine.planning.registration import replaces
from engine.planning.replacing import begin_replacement, dependent_diffed, replacement
from engine.urn import is_provider_type, split_reference

if TYPE_CHECKING:
    from engine.planning.diffing import Decision
    from engine.planning.plan import Plan
    from engine.planning.registration import Registration
    from engine.state import ResourceState
    from engine.steps import Op


def checked(plan: Plan, event: Checked) -> list[Instruction]:
    """The provider has said what it makes of the inputs."""
    registration = plan.open[event.token]
    if event.error:
        return plan.bail(event.token, registration.urn, event.error)
    registration.inputs = event.inputs
    if event.failures:
        reports: list[Instruction] = [
            Report("error", registration.failure_text(failure, event.inputs), registration.urn)
            for failure in event.failures
        ]
        plan.bailed = True
        return [*reports, Reject(event.token)]
    if registration.stage == "recheck" and not registration.remediated:
        return replacement(plan, registration)
    return [Analyze(event.token, registration.urn, registration.goal, event.inputs)]


def analyzed(plan: Plan, event: Analyzed) -> list[Instruction]:
    """The policies have spoken."""
    registration = plan.open[event.token]
    if event.error:
        return plan.bail(event.token, registration.urn, event.error)
    registration.inputs = event.inputs
    registration.remediated = registration.remediated or event.remediated
    if event.refused:
        plan.refused = True
        if not plan.options.preview:
            plan.bailed = True
            return [Reject(event.token)]
    if plan.halted:
        return [Reject(event.token)]
    if registration.stage == "recheck":
        return replacement(plan, registration)
    return _choose(plan, registration)


def _choose(plan: Plan, registration: Registration) -> list[Instruction]:
    goal, old = registration.goal, registration.old
    if old is None or old.external:
        return chain(plan, registration, [registration.step("create")])
    plan.kept.add(old.urn)
    if registration.recreating:
        keys = plan.dependent_keys[old.urn]
        steps = [registration.step("replace"), registration.step("create-replacement", keys=keys)]
        return chain(plan, registration, steps)
    partner = plan.steps.get(goal.deleted_with)
    if partner is not None and replaces(partner):  # what goes without being asked goes with it, and comes back
        return _decided(plan, registration, diffing.Decision("replace", ("deletedWith",)))
    if not goal.custom:
        return _decided(plan, registration, diffing.compare_component(old, registration.inputs))
    if old.provider != goal.provider and not is_provider_type(goal.type):
        return _compare_providers(plan, registration, old)
    return _diff(registration, old)


def _compare_providers(plan: Plan, registration: Registration, old: ResourceState) -> list[Instruction]:
    goal = registration.goal
    if not old.provider or not goal.provider:
        return _decided(plan, registration, diffing.Decision("replace", ("provider",)))
    old_urn, old_id = split_reference(old.provider)
    new_urn, _ = split_reference(goal.provider)
    provider = next((state for state in plan.base if state.urn == old_urn and state.id == old_id), None)
    if plan.renamed.get(old_urn) == new_urn or provider is None:
        return _diff(registration, old)
    return [CompareProviders(registration.token, provider, goal.provider)]


def provider_compared(plan: Plan, event: ProviderCompared) -> list[Instruction]:
    """It is known whether another provider means another resource."""
    registration = plan.open[event.token]
    if event.error:
        return plan.bail(event.token, registration.urn, event.error)
    if event.replace:
        return _decided(plan, registration, diffing.Decision("replace", ("provider",)))
    return _diff(registration, registration.recorded())


def _diff(registration: Registration, old: ResourceState) -> list[Instruction]:
    goal = registration.goal
    registration.stage = "diff"
    return [Diff(registration.token, old, registration.urn, goal.provider, registration.inputs, goal.ignore_changes)]


def diffed(plan: Plan, event: Diffed) -> list[Instruction]:
    """The provider has said what is different."""
    registration = plan.open[event.token]
    if event.error or event.diff is None:
        return plan.bail(event.token, registration.urn, event.error)
    if registration.stage == "dependents" and registration.dependents is not None:
        return dependent_diffed(plan, registration, registration.dependents, event.diff)
    old = registration.recorded()
    decision = diffing.decide(old, registration.inputs, event.diff, registration.goal.replace_on_changes)
    return _decided(plan, registration, decision)


def _decided(plan: Plan, registration: Registration, decision: Decision) -> list[Instruction]:
    registration.decision = decision
    if decision.kind == "same" and registration.imported:
        return [plan.answer(registration, registration.recorded(), "success")]
    if decision.kind == "replace":
        return begin_replacement(plan, registration)
    op: Op = decision.kind
    return chain(plan, registration, [registration.step(op, decision=decision)])
