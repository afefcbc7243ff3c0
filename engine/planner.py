"""The engine's decisions as a pure state machine: events in, instructions out.

`Planner.handle` is the only way in; it does no I/O, starts no thread and reads no clock, so a logged sequence of events
replays a run exactly. Each registration goes Registered -> Check -> Analyze -> Diff -> Run… -> Answer; deletions follow
when the program is over. Rules: `pkg/resource/deploy/step_generator.go`, `deployment_executor.go`.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import diffing
from engine.aliases import alias_urns
from engine.deletion import END_TOKEN, Deletion, only_targets, uncovered_reports, unmet_reports, without_protected
from engine.dependents import Dependents
from engine.messages import (
    Analyze,
    Analyzed,
    Answer,
    Check,
    Checked,
    CompareProviders,
    Complete,
    Diff,
    Diffed,
    Event,
    Failed,
    Finished,
    Finishing,
    Instruction,
    Marked,
    OutputsRegistered,
    ProgramEnded,
    ProviderCompared,
    Registered,
    Reject,
    Renamed,
    Report,
    Run,
    StepEnded,
    StepFailed,
    Stopped,
)
from engine.registration import Registration, default_provider_disabled, needs, removal, replaces
from engine.state import ResourceState
from engine.steps import Goal, Op, Step
from engine.targets import Targets
from engine.urn import STACK_TYPE, is_default_provider, is_provider_type, make_urn, package_of, split_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.diffing import Decision
    from engine.provider import DiffResult
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


class Planner:
    """Decides what happens to each resource of one run."""

    def __init__(self, resources: Iterable[ResourceState], options: PlanOptions) -> None:
        self.options = options
        self._base = list(resources)
        self._olds = {state.urn: state for state in self._base if not state.delete}
        self._targets = Targets(options.targets, dependents=options.target_dependents)
        self._news: dict[str, ResourceState] = {}
        self._steps: dict[str, Step] = {}
        self._goals: dict[str, Registration] = {}
        self._open: dict[int, Registration] = {}
        self._kept: set[str] = set()  # recorded URNs that are still in use
        self._renamed: dict[str, str] = {}  # old URN -> new
        self._former: dict[str, str] = {}  # new URN -> old
        self._dependent_keys: dict[str, tuple[str, ...]] = {}  # deleted first, to be created again
        self._failed_urns: set[str] = set()
        self._not_created: set[str] = set()  # outside the targets
        self._complete: set[str] = set()
        self._stack_outputs: tuple[str, PropertyMap] | None = None
        self._deletion = Deletion(())
        self.step_failed = False  # "update failed"
        self.bailed = False  # failed for a reason already shown
        self.refused = False  # a mandatory policy is violated
        self.stopped = False
        self.program_failed = False
        self._handlers: dict[type, Callable[..., list[Instruction]]] = {
            Registered: self._registered,
            Checked: self._checked,
            Analyzed: self._analyzed,
            Diffed: self._diffed,
            ProviderCompared: self._provider_compared,
            StepEnded: self._step_ended,
            StepFailed: self._step_failed,
            OutputsRegistered: self._outputs_registered,
            ProgramEnded: self._program_ended,
            Stopped: self._stop,
            Failed: self._fail,
            Finishing: self._finish,
        }

    def handle(self, event: Event) -> list[Instruction]:
        """The one way to change the plan."""
        return self._handlers[type(event)](event)

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
        return [state for urn, state in self._news.items() if not state.external and urn not in self._not_created]

    def known(self, urn: str) -> ResourceState | None:
        """A resource registered or read in this run."""
        return self._news.get(urn)

    # ------------------------------------------------------------ registration

    def _registered(self, event: Registered) -> list[Instruction]:
        goal, options = event.goal, self.options
        if self.halted:
            return [Reject(event.token)]
        urn = make_urn(options.stack, options.project, goal.parent, goal.type, goal.name)
        if refusal := self._refusal(goal, urn):
            return self._bail(event.token, urn, refusal)
        found = self._recorded(goal, urn)
        registration = Registration(event.token, goal, urn, self._olds.get(found) if found else None)
        self._goals[urn] = self._open[event.token] = registration
        renamed: list[Instruction] = []
        if found and found != urn:
            if found in self._renamed or found in self._goals:
                return self._bail(
                    event.token, urn, f"Duplicate resource URN '{found}' conflicting with alias on resource '{urn}'"
                )
            self._renamed[found], self._former[urn] = urn, found
            renamed.append(Renamed(found, urn))
        if needs(goal) & self._failed_urns:
            self._failed_urns.add(urn)
            if registration.old is not None:
                self._kept.add(registration.old.urn)
            return [*renamed, self._answer(registration, ResourceState(urn, goal.type, goal.custom), "skip")]
        return renamed + self._begin(registration)

    def _refusal(self, goal: Goal, urn: str) -> str:
        """Why a registration cannot even begin, "" when it can."""
        if urn in self._goals:
            return f"Duplicate resource URN '{urn}'; try giving it a unique name"
        if goal.parent and goal.parent not in self._goals:
            return f"could not find parent resource {goal.parent}"
        if goal.custom and not goal.provider and not is_provider_type(goal.type):
            return default_provider_disabled(package_of(goal.type), urn)
        return ""

    def _recorded(self, goal: Goal, urn: str) -> str:
        """The URN under which the resource is recorded, "" when it is new."""
        aliases = alias_urns(
            goal,
            urn,
            stack=self.options.stack,
            project=self.options.project,
            old_parent=self._former.get(goal.parent, ""),
        )
        return next((candidate for candidate in (urn, *aliases) if candidate in self._olds), "")

    def _begin(self, registration: Registration) -> list[Instruction]:
        goal, old, urn = registration.goal, registration.old, registration.urn
        if not self._targets.include(urn, needs(goal)) and not self._targets.always(urn):
            return self._untargeted(registration)
        if missing := sorted(needs(goal) & self._not_created):
            text = f"Resource '{urn}' depends on '{missing[0]}' which was not specified in --target list."
            if not self.options.preview:
                return self._bail(registration.token, urn, text)
            self.refused = True
            return [Report("error", text, urn), *self._untargeted(registration)]
        if goal.read_id is not None:
            return self._read(registration)
        if registration.imports():
            registration.stage, registration.inputs = "import", goal.inputs
            replacing = old is not None and not old.external
            op: Op = "import-replacement" if replacing else "import"
            return self._chain(registration, [registration.step(op, logical=not replacing)])
        registration.recreating = urn in self._dependent_keys or (old is not None and old.urn in self._dependent_keys)
        return self._check(registration)

    def _check(self, registration: Registration) -> list[Instruction]:
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

    def _checked(self, event: Checked) -> list[Instruction]:
        registration = self._open[event.token]
        if event.error:
            return self._bail(event.token, registration.urn, event.error)
        registration.inputs = event.inputs
        if event.failures:
            reports: list[Instruction] = [
                Report(
                    "error",
                    registration.failure_text(failure, event.inputs),
                    registration.urn,
                )
                for failure in event.failures
            ]
            self.bailed = True
            return [*reports, Reject(event.token)]
        if registration.stage == "recheck" and not registration.remediated:
            return self._replacement(registration)
        return [Analyze(event.token, registration.urn, registration.goal, event.inputs)]

    def _analyzed(self, event: Analyzed) -> list[Instruction]:
        registration = self._open[event.token]
        if event.error:
            return self._bail(event.token, registration.urn, event.error)
        registration.inputs = event.inputs
        registration.remediated = registration.remediated or event.remediated
        if event.refused:
            self.refused = True
            if not self.options.preview:
                self.bailed = True
                return [Reject(event.token)]
        if self.halted:
            return [Reject(event.token)]
        if registration.stage == "recheck":
            return self._replacement(registration)
        return self._choose(registration)

    # ------------------------------------------------------------ choosing steps

    def _choose(self, registration: Registration) -> list[Instruction]:
        goal, old = registration.goal, registration.old
        if old is None or old.external:
            return self._chain(registration, [registration.step("create")])
        self._kept.add(old.urn)
        if registration.recreating:
            keys = self._dependent_keys[old.urn]
            steps = [registration.step("replace"), registration.step("create-replacement", keys=keys)]
            return self._chain(registration, steps)
        if not goal.custom:
            return self._decided(registration, diffing.compare_component(old, registration.inputs))
        if old.provider != goal.provider and not is_provider_type(goal.type):
            return self._compare_providers(registration, old)
        return self._diff(registration, old)

    def _compare_providers(self, registration: Registration, old: ResourceState) -> list[Instruction]:
        goal = registration.goal
        if not old.provider or not goal.provider:
            return self._decided(registration, diffing.Decision("replace", ("provider",)))
        old_urn, old_id = split_reference(old.provider)
        new_urn, _ = split_reference(goal.provider)
        provider = next((state for state in self._base if state.urn == old_urn and state.id == old_id), None)
        if self._renamed.get(old_urn) == new_urn or provider is None:
            return self._diff(registration, old)
        return [CompareProviders(registration.token, provider, goal.provider)]

    def _provider_compared(self, event: ProviderCompared) -> list[Instruction]:
        registration = self._open[event.token]
        if event.error:
            return self._bail(event.token, registration.urn, event.error)
        if event.replace:
            return self._decided(registration, diffing.Decision("replace", ("provider",)))
        return self._diff(registration, registration.recorded())

    def _diff(self, registration: Registration, old: ResourceState) -> list[Instruction]:
        goal = registration.goal
        registration.stage = "diff"
        return [
            Diff(registration.token, old, registration.urn, goal.provider, registration.inputs, goal.ignore_changes)
        ]

    def _diffed(self, event: Diffed) -> list[Instruction]:
        registration = self._open[event.token]
        if event.error or event.diff is None:
            return self._bail(event.token, registration.urn, event.error)
        if registration.stage == "dependents" and registration.dependents is not None:
            return self._dependent_diffed(registration, registration.dependents, event.diff)
        old = registration.recorded()
        decision = diffing.decide(old, registration.inputs, event.diff, registration.goal.replace_on_changes)
        return self._decided(registration, decision)

    def _decided(self, registration: Registration, decision: Decision) -> list[Instruction]:
        registration.decision = decision
        if decision.kind == "same" and registration.imported:
            return [self._answer(registration, registration.recorded(), "success")]
        if decision.kind == "replace":
            return self._begin_replacement(registration)
        op: Op = decision.kind
        return self._chain(registration, [registration.step(op, decision=decision)])

    def _begin_replacement(self, registration: Registration) -> list[Instruction]:
        goal, old, urn = registration.goal, registration.recorded(), registration.urn
        refusals: list[Instruction] = []
        if goal.import_id:
            text = (
                "previously-imported resources that still specify an ID may not be replaced; "
                "please remove the `import` declaration from your program"
            )
            if not self.options.preview:
                return self._bail(registration.token, urn, text)
            refusals.append(Report("warning", text, urn))
        if old.protect and goal.protect:
            text = (
                f'unable to replace resource "{urn}"\nas it is currently marked for protection. To unprotect the '
                f"resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
            )
            if not self.options.preview:
                return self._bail(registration.token, urn, text)
            self.refused = True
            refusals.append(Report("error", text, urn))
        if not goal.custom:
            return refusals + self._replacement(registration)
        # automatic names are made anew: the old inputs are not shown to the provider
        registration.stage = "recheck"
        return [*refusals, Check(registration.token, urn, goal.type, goal.provider, None, goal.inputs)]

    def _replacement(self, registration: Registration) -> list[Instruction]:
        goal, old, decision = registration.goal, registration.recorded(), registration.decision
        defined = goal.delete_before_replace
        first = defined if defined is not None else decision is not None and decision.delete_first
        if old.pending_replacement:
            return self._chain(registration, registration.replacement_steps(delete_first=True))
        if not first:
            return self._chain(registration, registration.replacement_steps(delete_first=False))
        registration.stage = "dependents"
        candidates = [s for s in self._base if not s.delete and s.urn not in self._kept and s.urn not in self._goals]
        registration.dependents = Dependents(old, candidates, self._dependent_keys)
        return self._next_dependent(registration, registration.dependents)

    # ------------------------------------------------------------ dependents of what is deleted first

    def _next_dependent(self, registration: Registration, dependents: Dependents) -> list[Instruction]:
        question = dependents.question()
        if question is not None:
            state, news = question
            return [Diff(registration.token, state, state.urn, state.provider, news)]
        self._dependent_keys.update(dependents.keys)
        doomed = [*reversed(dependents.condemned), registration.recorded()]
        steps = [removal(state, "delete-replaced", replacing=True) for state in doomed]
        return self._chain(registration, steps + registration.replacement_steps(delete_first=True))

    def _dependent_diffed(
        self, registration: Registration, dependents: Dependents, diff: DiffResult
    ) -> list[Instruction]:
        protected = dependents.answer(diff)
        if protected is not None:
            text = (
                f'unable to replace resource "{protected.urn}" as part of replacing "{registration.urn}"'
                " as it is currently marked for protection."
            )
            return self._bail(registration.token, protected.urn, text)
        return self._next_dependent(registration, dependents)

    # ------------------------------------------------------------ steps

    def _untargeted(self, registration: Registration) -> list[Instruction]:
        old = registration.old
        if old is not None:
            self._kept.add(old.urn)
            return self._chain(registration, [Step("same", registration.urn, old.type, old, old, call=old.custom)])
        self._not_created.add(registration.urn)
        step = dataclasses.replace(registration.step("same"), skipped=True, call=False)
        return self._chain(registration, [step])

    def _read(self, registration: Registration) -> list[Instruction]:
        goal, old = registration.goal, registration.old
        registration.inputs = goal.inputs
        registration.stage = "read"
        if old is None or old.external:
            if old is not None:
                self._kept.add(old.urn)
            return self._chain(registration, [registration.step("read")])
        self._kept.add(old.urn)
        return self._chain(registration, [registration.step("read-replacement"), registration.step("replace")])

    def _chain(self, registration: Registration, steps: list[Step]) -> list[Instruction]:
        registration.chain = deque(steps)
        return self._advance(registration)

    def _advance(self, registration: Registration) -> list[Instruction]:
        if self.halted:
            return [Reject(registration.token)]
        if registration.chain:
            return [Run(registration.token, registration.chain.popleft())]
        if registration.stage == "import":
            return self._check(registration)
        return [self._answer(registration, self._news[registration.urn], "success")]

    def _answer(self, registration: Registration, state: ResourceState, result: str) -> Answer:
        del self._open[registration.token]
        self._news.setdefault(registration.urn, state)
        return Answer(registration.token, state, result)  # type: ignore[arg-type]

    def _step_ended(self, event: StepEnded) -> list[Instruction]:
        if event.token == END_TOKEN:
            return self._deletion.step_over(self._failed_urns, stopped=self.stopped)
        registration, step, state = self._open[event.token], event.step, event.state
        marked: list[Instruction] = []
        if step.op in ("delete-replaced", "discard-replaced") and step.old is not None:
            marked.append(self._mark(step.old, step.old.but(pending_replacement=True)))
            if step.old is registration.old:
                registration.old = self._olds[step.old.urn]
        elif state is not None:
            registration.chain = deque(dataclasses.replace(later, new=state) for later in registration.chain)
            if step.op != "replace":
                self._news[registration.urn] = state
                self._steps[registration.urn] = step
            if replaces(step) and step.old is not None and not self._current(step.old).pending_replacement:
                marked.append(self._mark(step.old, step.old.but(delete=True)))
            if registration.stage == "import":
                registration.old, registration.imported = state, True
        return marked + self._advance(registration)

    def _step_failed(self, event: StepFailed) -> list[Instruction]:
        self.step_failed = True
        urn = event.step.urn
        self._failed_urns.add(urn)
        if event.token == END_TOKEN:
            return self._deletion.step_over(self._failed_urns, stopped=self.stopped)
        registration = self._open[event.token]
        if event.state is not None:
            self._news[registration.urn] = event.state
            self._steps[registration.urn] = event.step
        if registration.old is not None:
            self._kept.add(registration.old.urn)
        if self.halted:
            return [Reject(event.token)]
        self._failed_urns.add(registration.urn)
        state = event.state or ResourceState(registration.urn, registration.goal.type, registration.goal.custom)
        return [self._answer(registration, state, "fail")]

    def _mark(self, old: ResourceState, marked: ResourceState) -> Marked:
        self._base = [marked if state is old else state for state in self._base]
        if marked.delete:
            self._olds.pop(old.urn, None)
        else:
            self._olds[old.urn] = marked
        return Marked(old, marked)

    def _current(self, old: ResourceState) -> ResourceState:
        return self._olds.get(old.urn, old)

    # ------------------------------------------------------------ components and the end

    def _outputs_registered(self, event: OutputsRegistered) -> list[Instruction]:
        state = self._news.get(event.urn)
        if state is None or event.urn in self._complete:
            return self._bail(
                event.token, event.urn, f"cannot complete a resource '{event.urn}' whose registration isn't pending"
            )
        if state.type == STACK_TYPE and not state.parent:
            self._stack_outputs = (event.urn, event.outputs)
            return []
        self._complete.add(event.urn)
        return [self._completed(state, event.outputs)]

    def _completed(self, state: ResourceState, outputs: PropertyMap) -> Complete:
        after = state.but(outputs=outputs)
        self._news[state.urn] = after
        step = dataclasses.replace(self._steps[state.urn], new=after)
        return Complete(state, after, step)

    def _finish(self, _event: Finishing) -> list[Instruction]:
        """The root stack gets its outputs: the new ones, or after a failure the new ones over the old."""
        if self._stack_outputs is None:
            return []
        urn, outputs = self._stack_outputs
        old = self._olds.get(urn)
        if self.failed and old is not None and not self.options.preview:
            outputs = {**old.outputs, **outputs}
        return [self._completed(self._news[urn], outputs)]

    def _program_ended(self, event: ProgramEnded) -> list[Instruction]:
        self.program_failed = event.failed
        if self.halted or self.program_failed:
            return [Finished()]
        condemned = [s for s in self._base if s.delete or s.urn not in self._kept | self._renamed.keys()]
        staying = condemned if not self.options.destroy else [s for s in self._base if not s.delete]
        untouched: list[ResourceState] = []
        if self.options.exclude_protected:
            condemned = without_protected(condemned)
        if not self._targets.everything:
            condemned = only_targets(self._targets, condemned)
            unmet, uncovered = unmet_reports(self._targets), uncovered_reports(self._targets, condemned, staying)
            self.bailed = bool(unmet)
            self.step_failed = self.step_failed or bool(uncovered)
            if unmet or uncovered:
                return [*unmet, *uncovered, Finished()]
            untouched = [s for s in staying if s not in condemned] if self.options.destroy else []
            self._news.update({state.urn: state for state in untouched})
        self._deletion = Deletion(self._base)
        return self._deletion.begin(condemned, untouched)

    def _fail(self, event: Failed) -> list[Instruction]:
        self.bailed = self.bailed or event.shown
        self.step_failed = self.step_failed or not event.shown
        return []

    def _stop(self, _event: Stopped) -> list[Instruction]:
        self.stopped = True
        return []

    # ------------------------------------------------------------ helpers

    def _bail(self, token: int, urn: str, message: str) -> list[Instruction]:
        self.bailed = True
        return [Report("error", message, urn), Reject(token)]


def is_internal(step: Step) -> bool:
    """Steps of providers the engine itself made are not counted or displayed."""
    return is_provider_type(step.type) and is_default_provider(step.urn)
