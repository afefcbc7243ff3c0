"""The engine's decisions as a pure state machine: events in, instructions out.

`Planner.handle` is the only way in; it does no I/O, starts no thread and reads no clock, so a logged sequence of events
replays a run exactly. Each registration goes Registered -> Check -> Analyze -> Diff -> Run… -> Answer; deletions follow
when the program is over. Rules: `pkg/resource/deploy/step_generator.go`, `deployment_executor.go`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.planning import messages as m
from engine.planning.advancing import step_ended, step_failed
from engine.planning.choosing import analyzed, checked, diffed, provider_compared
from engine.planning.completing import finish, outputs_registered, program_ended
from engine.planning.plan import Plan, PlanOptions
from engine.planning.registering import registered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.state import ResourceState


def _fail(plan: Plan, event: m.Failed) -> list[m.Instruction]:
    plan.bailed = plan.bailed or event.shown
    plan.step_failed = plan.step_failed or not event.shown
    return []


def _stop(plan: Plan, _event: m.Stopped) -> list[m.Instruction]:
    plan.stopped = True
    return []


_HANDLERS: Final[dict[type, Callable[[Plan, Any], list[m.Instruction]]]] = {
    m.Registered: registered,
    m.Checked: checked,
    m.Analyzed: analyzed,
    m.Diffed: diffed,
    m.ProviderCompared: provider_compared,
    m.StepEnded: step_ended,
    m.StepFailed: step_failed,
    m.OutputsRegistered: outputs_registered,
    m.ProgramEnded: program_ended,
    m.Finishing: finish,
    m.Failed: _fail,
    m.Stopped: _stop,
}


class Planner:
    """Decides what happens to each resource of one run. `plan`: how things stand, for anybody to read."""

    def __init__(self, resources: Iterable[ResourceState], options: PlanOptions) -> None:
        self.plan = Plan(resources, options)

    def handle(self, event: m.Event) -> list[m.Instruction]:
        """The one way to change it."""
        return _HANDLERS[type(event)](self.plan, event)
