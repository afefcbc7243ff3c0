"""What goes when the program is over, and in which order (pure; `deployment_executor.go`)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from engine.planning.messages import Finished, Instruction, Report, Run, RunTogether
from engine.planning.ordering import deletion_layers, needed_by, references_of
from engine.planning.registration import removal
from engine.steps import Step

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from engine.planning.targets import Targets
    from engine.state import ResourceState

END_TOKEN = 0  # steps after the program belong to no registration


class Deletion:
    """Removes resources layer by layer; what a failed removal still needs stays."""

    def __init__(self, resources: Sequence[ResourceState]) -> None:
        self._resources = resources
        self._layers: deque[list[Step]] = deque()
        self._outstanding = 0

    def begin(self, condemned: list[ResourceState], untouched: list[ResourceState]) -> list[Instruction]:
        """The first steps; `untouched` resources only show that they are left as they are."""
        going = frozenset(state.urn for state in condemned)
        self._layers = deque(
            [removal(state, "delete-replaced" if state.delete else "delete", going) for state in layer]
            for layer in deletion_layers(condemned)
        )
        if not untouched:
            return self._next(())
        self._outstanding = len(untouched)
        same = (Step("same", s.urn, s.type, s, s, call=False, skipped=True) for s in untouched)
        return [RunTogether(tuple(Run(END_TOKEN, step) for step in same))]

    def step_over(self, failed: Container[str], *, stopped: bool) -> list[Instruction]:
        """A step has ended or failed; what comes next."""
        self._outstanding -= 1
        if self._outstanding:
            return []
        return [Finished()] if stopped else self._next(failed)

    def _next(self, failed: Container[str]) -> list[Instruction]:
        blocked = needed_by(self._resources, [state.urn for state in self._resources if state.urn in failed])
        while self._layers:
            steps = [step for step in self._layers.popleft() if step.urn not in blocked]
            if steps:
                self._outstanding = len(steps)
                return [RunTogether(tuple(Run(END_TOKEN, step) for step in steps))]
        return [Finished()]


def without_protected(condemned: list[ResourceState]) -> list[ResourceState]:
    """What may go when protected resources, and all they need, stay."""
    protected = {state.urn for state in condemned if state.protect}
    staying = protected | needed_by(condemned, protected)
    return [state for state in condemned if state.urn not in staying]


def only_targets(targets: Targets, condemned: list[ResourceState]) -> list[ResourceState]:
    """Those of the condemned that the run may touch."""
    found = []
    for state in condemned:
        own = {urn for urn in references_of(state) if not targets.always(urn)}
        if targets.include(state.urn, own):
            found.append(state)
    return found


def unmet_reports(targets: Targets) -> list[Report]:
    """Targets that name nothing."""
    text = "Target '{}' could not be found in the stack. Did you forget to escape $ in your shell?"
    return [Report("error", text.format(urn)) for urn in targets.unmet()]


def uncovered_reports(targets: Targets, chosen: list[ResourceState], staying: list[ResourceState]) -> list[Report]:
    """Resources that would lose something they need."""
    text = (
        "Resource '{}' will be destroyed but was not specified in --target list.\n"
        "Either include resource in --target list or pass --target-dependents to proceed."
    )
    return [Report("error", text.format(urn), urn) for urn in targets.uncovered(chosen, staying)]
