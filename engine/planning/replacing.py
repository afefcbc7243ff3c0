"""A resource that is replaced: its inputs are made anew; deleted first, it takes along what needs it (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.planning.advancing import chain
from engine.planning.dependents import Dependents
from engine.planning.messages import Check, Diff, Instruction, Report
from engine.planning.registration import removal

if TYPE_CHECKING:
    from engine.planning.plan import Plan
    from engine.planning.registration import Registration
    from engine.provider import DiffResult


def begin_replacement(plan: Plan, registration: Registration) -> list[Instruction]:
    """A resource is to be replaced: whether it may be, and its inputs checked as new ones."""
    goal, old, urn = registration.goal, registration.recorded(), registration.urn
    refusals: list[Instruction] = []
    if goal.import_id:
        text = (
            "previously-imported resources that still specify an ID may not be replaced; "
            "please remove the `import` declaration from your program"
        )
        if not plan.options.preview:
            return plan.bail(registration.token, urn, text)
        refusals.append(Report("warning", text, urn))
    if old.protect and goal.protect:
        text = (
            f'unable to replace resource "{urn}"\nas it is currently marked for protection. To unprotect the '
            f"resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
        )
        if not plan.options.preview:
            return plan.bail(registration.token, urn, text)
        plan.refused = True
        refusals.append(Report("error", text, urn))
    if not goal.custom:
        return refusals + replacement(plan, registration)
    # automatic names are made anew: the old inputs are not shown to the provider
    registration.stage = "recheck"
    return [*refusals, Check(registration.token, urn, goal.type, goal.provider, None, goal.inputs)]


def replacement(plan: Plan, registration: Registration) -> list[Instruction]:
    """The steps of a replacement, once it is known what has to go before."""
    goal, old, decision = registration.goal, registration.recorded(), registration.decision
    defined = goal.delete_before_replace
    first = defined if defined is not None else decision is not None and decision.delete_first
    if old.pending_replacement:
        return chain(plan, registration, registration.replacement_steps(delete_first=True))
    if not first:
        return chain(plan, registration, registration.replacement_steps(delete_first=False))
    registration.stage = "dependents"
    candidates = [s for s in plan.base if not s.delete and s.urn not in plan.kept and s.urn not in plan.goals]
    registration.dependents = Dependents(old, candidates, plan.dependent_keys)
    return _next_dependent(plan, registration, registration.dependents)


def _next_dependent(plan: Plan, registration: Registration, dependents: Dependents) -> list[Instruction]:
    question = dependents.question()
    if question is not None:
        state, news = question
        return [Diff(registration.token, state, state.urn, state.provider, news)]
    plan.dependent_keys.update(dependents.keys)
    doomed = [*reversed(dependents.condemned), registration.recorded()]
    steps = [removal(state, "delete-replaced", replacing=True) for state in doomed]
    return chain(plan, registration, steps + registration.replacement_steps(delete_first=True))


def dependent_diffed(
    plan: Plan, registration: Registration, dependents: Dependents, diff: DiffResult
) -> list[Instruction]:
    """The provider has said whether a dependent would be replaced."""
    protected = dependents.answer(diff)
    if protected is not None:
        text = (
            f'unable to replace resource "{protected.urn}" as part of replacing "{registration.urn}"'
            " as it is currently marked for protection."
        )
        return plan.bail(registration.token, protected.urn, text)
    return _next_dependent(plan, registration, dependents)
