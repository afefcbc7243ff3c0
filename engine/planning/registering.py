"""A registration comes in: whether it can begin, what it is recorded as, whether it is only read (pure)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from engine.planning.advancing import chain, check
from engine.planning.aliases import alias_urns
from engine.planning.messages import Instruction, Registered, Reject, Renamed, Report
from engine.planning.registration import Registration, default_provider_disabled, needs
from engine.state import ResourceState
from engine.steps import Op, Step
from engine.urn import is_provider_type, make_urn, package_of

if TYPE_CHECKING:
    from engine.planning.plan import Plan
    from engine.steps import Goal


def registered(plan: Plan, event: Registered) -> list[Instruction]:
    """The program registers a resource."""
    goal, options = event.goal, plan.options
    if plan.halted:
        return [Reject(event.token)]
    urn = make_urn(options.stack, options.project, goal.parent, goal.type, goal.name)
    if refusal := _refusal(plan, goal, urn):
        return plan.bail(event.token, urn, refusal)
    found = _recorded(plan, goal, urn)
    registration = Registration(event.token, goal, urn, plan.olds.get(found) if found else None)
    plan.goals[urn] = plan.open[event.token] = registration
    renamed: list[Instruction] = []
    if found and found != urn:
        if found in plan.renamed or found in plan.goals:
            return plan.bail(
                event.token, urn, f"Duplicate resource URN '{found}' conflicting with alias on resource '{urn}'"
            )
        plan.renamed[found], plan.former[urn] = urn, found
        renamed.append(Renamed(found, urn))
    if needs(goal) & plan.failed_urns:
        plan.failed_urns.add(urn)
        if registration.old is not None:
            plan.kept.add(registration.old.urn)
        return [*renamed, plan.answer(registration, ResourceState(urn, goal.type, goal.custom), "skip")]
    return renamed + _begin(plan, registration)


def _refusal(plan: Plan, goal: Goal, urn: str) -> str:
    """Why a registration cannot even begin, "" when it can."""
    if urn in plan.goals:
        return f"Duplicate resource URN '{urn}'; try giving it a unique name"
    if goal.parent and goal.parent not in plan.goals:
        return f"could not find parent resource {goal.parent}"
    if goal.custom and not goal.provider and not is_provider_type(goal.type):
        return default_provider_disabled(package_of(goal.type), urn)
    return ""


def _recorded(plan: Plan, goal: Goal, urn: str) -> str:
    """The URN under which the resource is recorded, "" when it is new."""
    aliases = alias_urns(
        goal,
        urn,
        stack=plan.options.stack,
        project=plan.options.project,
        old_parent=plan.former.get(goal.parent, ""),
    )
    return next((candidate for candidate in (urn, *aliases) if candidate in plan.olds), "")


def _begin(plan: Plan, registration: Registration) -> list[Instruction]:
    goal, old, urn = registration.goal, registration.old, registration.urn
    if not plan.targets.include(urn, needs(goal)) and not plan.targets.always(urn):
        return _untargeted(plan, registration)
    if missing := sorted(needs(goal) & plan.not_created):
        text = f"Resource '{urn}' depends on '{missing[0]}' which was not specified in --target list."
        if not plan.options.preview:
            return plan.bail(registration.token, urn, text)
        plan.refused = True
        return [Report("error", text, urn), *_untargeted(plan, registration)]
    if goal.read_id is not None:
        return _read(plan, registration)
    if registration.imports():
        registration.stage, registration.inputs = "import", goal.inputs
        replacing = old is not None and not old.external
        op: Op = "import-replacement" if replacing else "import"
        return chain(plan, registration, [registration.step(op, logical=not replacing)])
    registration.recreating = urn in plan.dependent_keys or (old is not None and old.urn in plan.dependent_keys)
    return check(registration)


def _untargeted(plan: Plan, registration: Registration) -> list[Instruction]:
    old = registration.old
    if old is not None:
        plan.kept.add(old.urn)
        return chain(plan, registration, [Step("same", registration.urn, old.type, old, old, call=old.custom)])
    plan.not_created.add(registration.urn)
    step = dataclasses.replace(registration.step("same"), skipped=True, call=False)
    return chain(plan, registration, [step])


def _read(plan: Plan, registration: Registration) -> list[Instruction]:
    goal, old = registration.goal, registration.old
    registration.inputs = goal.inputs
    registration.stage = "read"
    if old is None or old.external:
        if old is not None:
            plan.kept.add(old.urn)
        return chain(plan, registration, [registration.step("read")])
    plan.kept.add(old.urn)
    return chain(plan, registration, [registration.step("read-replacement"), registration.step("replace")])
