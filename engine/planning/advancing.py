"""How a registration goes on: its first question, its next step, and what an ended step means for it (pure)."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import TYPE_CHECKING

from engine.planning import diffing
from engine.planning.deletion import END_TOKEN
from engine.planning.messages import Analyze, Check, Instruction, Reject, Run, StepEnded, StepFailed
from engine.planning.registration import replaces
from engine.state import ResourceState

if TYPE_CHECKING:
    from engine.planning.plan import Plan
    from engine.planning.registration import Registration
    from engine.steps import Step


def check(registration: Registration) -> list[Instruction]:
    """Asks the provider to check the inputs; a component goes to the policies at once."""
    goal, old = registration.goal, registration.old
    fresh = old is None or registration.recreating or old.external
    inputs = goal.inputs
    if old is not None and goal.ignore_changes:
        inputs = diffing.with_ignored(inputs, old.inputs, goal.ignore_changes)
    registration.inputs = inputs
    registration.stage = "check"
    if not goal.custom:
        return [Analyze(registration.token, registration.urn, goal, inputs)]
    olds, news = (None, goal.inputs) if fresh or old is None else (old.inputs, inputs)
    return [Check(registration.token, registration.urn, goal.type, goal.provider, olds, news)]


def chain(plan: Plan, registration: Registration, steps: list[Step]) -> list[Instruction]:
    """Gives the registration its steps and takes the first."""
    registration.chain = deque(steps)
    return advance(plan, registration)


def advance(plan: Plan, registration: Registration) -> list[Instruction]:
    """The next step; without one, what follows an import, or the answer."""
    if plan.halted:
        return [Reject(registration.token)]
    if registration.chain:
        return [Run(registration.token, registration.chain.popleft())]
    if registration.stage == "import":
        return check(registration)
    return [plan.answer(registration, plan.news[registration.urn], "success")]


def step_ended(plan: Plan, event: StepEnded) -> list[Instruction]:
    """A step is done: what it made is so now."""
    if event.token == END_TOKEN:
        return plan.deletion.step_over(plan.failed_urns, stopped=plan.stopped)
    registration, step, state = plan.open[event.token], event.step, event.state
    marked: list[Instruction] = []
    if step.op in ("delete-replaced", "discard-replaced") and step.old is not None:
        marked.append(plan.mark(step.old, step.old.but(pending_replacement=True)))
        if step.old is registration.old:
            registration.old = plan.olds[step.old.urn]
    elif state is not None:
        old = step.old
        if replaces(step) and old is not None and not plan.current(old).pending_replacement:
            going = old.but(delete=True)
            marked.append(plan.mark(old, going))
            old = going
        registration.chain = deque(dataclasses.replace(later, old=old, new=state) for later in registration.chain)
        if step.op != "replace":
            plan.news[registration.urn] = state
            plan.steps[registration.urn] = step
        if registration.stage == "import":
            registration.old, registration.imported = state, True
    return marked + advance(plan, registration)


def step_failed(plan: Plan, event: StepFailed) -> list[Instruction]:
    """A step has failed: the run has, and the registration is over."""
    plan.step_failed = True
    urn = event.step.urn
    plan.failed_urns.add(urn)
    if event.token == END_TOKEN:
        return plan.deletion.step_over(plan.failed_urns, stopped=plan.stopped)
    registration = plan.open[event.token]
    if event.state is not None:
        plan.news[registration.urn] = event.state
        plan.steps[registration.urn] = event.step
    if registration.old is not None:
        plan.kept.add(registration.old.urn)
    if plan.halted:
        return [Reject(event.token)]
    plan.failed_urns.add(registration.urn)
    state = event.state or ResourceState(registration.urn, registration.goal.type, registration.goal.custom)
    return [plan.answer(registration, state, "fail")]
