"""What the planner knows of a run: what is recorded, what the program has said so far, how it stands (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.planning.deletion import Deletion
from engine.planning.messages import Answer, Instruction, Marked, Reject, Report
from engine.planning.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.planning.registration import Registration
    from engine.state import ResourceState
    from engine.steps import Step
    from engine.values import PropertyMap


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What kind of run it is. `destroy`: there is no program, everything (targeted) goes."""

    stack: str
    project: str
    preview: bool = False
    continue_on_error: bool = False
    targets: tuple[str, ...] = ()
    target_dependents: bool = False
    destroy: bool = False
    exclude_protected: bool = False


class Plan:
    """The state of the state machine; only what `Planner.handle` calls changes it."""

    def __init__(self, resources: Iterable[ResourceState], options: PlanOptions) -> None:
        self.options = options
        self.base = list(resources)
        self.olds = {state.urn: state for state in self.base if not state.delete}
        self.targets = Targets(options.targets, dependents=options.target_dependents)
        self.news: dict[str, ResourceState] = {}
        self.steps: dict[str, Step] = {}
        self.goals: dict[str, Registration] = {}
        self.open: dict[int, Registration] = {}
        self.kept: set[str] = set()  # recorded URNs that are still in use
        self.renamed: dict[str, str] = {}  # old URN -> new
        self.former: dict[str, str] = {}  # new URN -> old
        self.dependent_keys: dict[str, tuple[str, ...]] = {}  # deleted first, to be created again
        self.failed_urns: set[str] = set()
        self.not_created: set[str] = set()  # outside the targets
        self.complete: set[str] = set()
        self.stack_outputs: tuple[str, PropertyMap] | None = None
        self.deletion = Deletion(())
        self.step_failed = False  # "update failed"
        self.bailed = False  # failed for a reason already shown
        self.refused = False  # a mandatory policy is violated
        self.stopped = False
        self.program_failed = False

    @property
    def halted(self) -> bool:
        """Whether no new step may begin."""
        return self.stopped or self.bailed or (self.step_failed and not self.options.continue_on_error)

    @property
    def failed(self) -> bool:
        """Whether the run has failed for any reason."""
        return self.step_failed or self.bailed or self.refused or self.stopped or self.program_failed

    def resources(self) -> list[ResourceState]:
        """What the program registered (reads left out), in the order of completion."""
        return [state for urn, state in self.news.items() if not state.external and urn not in self.not_created]

    def known(self, urn: str) -> ResourceState | None:
        """A resource registered or read in this run."""
        return self.news.get(urn)

    def bail(self, token: int, urn: str, message: str) -> list[Instruction]:
        """The run has failed for this reason, and the registration with it."""
        self.bailed = True
        return [Report("error", message, urn), Reject(token)]

    def answer(self, registration: Registration, state: ResourceState, result: str) -> Answer:
        """The registration is over."""
        del self.open[registration.token]
        self.news.setdefault(registration.urn, state)
        return Answer(registration.token, state, result)  # type: ignore[arg-type]

    def mark(self, old: ResourceState, marked: ResourceState) -> Marked:
        """A record is replaced by one that says what is to become of it."""
        self.base = [marked if state is old else state for state in self.base]
        if marked.delete:
            self.olds.pop(old.urn, None)
        else:
            self.olds[old.urn] = marked
        return Marked(old, marked)

    def current(self, old: ResourceState) -> ResourceState:
        """What a record has become."""
        return self.olds.get(old.urn, old)
