"""Components get their outputs, and the end of the program: what it no longer has goes (pure)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from engine.planning.deletion import Deletion, only_targets, uncovered_reports, unmet_reports, without_protected
from engine.planning.messages import Complete, Finished, Finishing, Instruction, OutputsRegistered, ProgramEnded
from engine.urn import STACK_TYPE

if TYPE_CHECKING:
    from engine.planning.plan import Plan
    from engine.state import ResourceState
    from engine.values import PropertyMap


def outputs_registered(plan: Plan, event: OutputsRegistered) -> list[Instruction]:
    """The program says what a component's outputs are, and that it is complete."""
    state = plan.news.get(event.urn)
    if state is None or event.urn in plan.complete:
        return plan.bail(
            event.token, event.urn, f"cannot complete a resource '{event.urn}' whose registration isn't pending"
        )
    if state.type == STACK_TYPE and not state.parent:
        plan.stack_outputs = (event.urn, event.outputs)
        return []
    plan.complete.add(event.urn)
    if event.urn in plan.not_created:
        return []
    return [_completed(plan, state, event.outputs)]


def _completed(plan: Plan, state: ResourceState, outputs: PropertyMap) -> Complete:
    after = state.but(outputs=outputs)
    plan.news[state.urn] = after
    step = dataclasses.replace(plan.steps[state.urn], new=after)
    return Complete(state, after, step)


def finish(plan: Plan, _event: Finishing) -> list[Instruction]:
    """The root stack gets its outputs: the new ones, or after a failure the new ones over the old."""
    if plan.stack_outputs is None:
        return []
    urn, outputs = plan.stack_outputs
    old = plan.olds.get(urn)
    if plan.failed and old is not None:
        outputs = {**old.outputs, **outputs}
    return [_completed(plan, plan.news[urn], outputs)]


def program_ended(plan: Plan, event: ProgramEnded) -> list[Instruction]:
    """The program is over: what it did not register is deleted, within the targets."""
    plan.program_failed = event.failed
    if plan.halted or plan.program_failed:
        return [Finished()]
    in_use = plan.kept | plan.renamed.keys()
    condemned = [s for s in plan.base if s.delete or s.urn not in in_use]
    staying = condemned if not plan.options.destroy else [s for s in plan.base if not s.delete]
    untouched: list[ResourceState] = []
    if plan.options.exclude_protected:
        condemned = without_protected(condemned)
    if not plan.targets.everything:
        condemned = only_targets(plan.targets, condemned)
        unmet, uncovered = unmet_reports(plan.targets), uncovered_reports(plan.targets, condemned, staying)
        plan.bailed = bool(unmet)
        plan.step_failed = plan.step_failed or bool(uncovered)
        if unmet or uncovered:
            return [*unmet, *uncovered, Finished()]
    if plan.options.destroy and (plan.options.exclude_protected or not plan.targets.everything):
        going = {id(state) for state in condemned}
        untouched = [state for state in staying if id(state) not in going]
        plan.news.update({state.urn: state for state in untouched})
    plan.deletion = Deletion(plan.base)
    return plan.deletion.begin(condemned, untouched)
