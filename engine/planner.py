"""The engine's decisions as a pure state machine: events in, instructions out.

`Planner.handle` is the only way in; it does no I/O, starts no thread and reads no clock, so a logged sequence of events
replays a run exactly. Each registration goes Registered -> Check -> Analyze -> Diff -> Run… -> Answer; deletions follow
when the program is over. Rules: `pkg/resource/deploy/step_generator.go`, `deployment_executor.go`.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine import diffing
from engine.aliases import alias_urns
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
    Finished,
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
    RunTogether,
    StepEnded,
    StepFailed,
    Stopped,
)
from engine.ordering import deletion_layers, dependents_of, needed_by, references_of
from engine.state import ResourceState
from engine.steps import CREATIONS, Goal, Op, Step
from engine.targets import Targets
from engine.urn import STACK_TYPE, is_default_provider, is_provider_type, make_urn, split_reference
from engine.values import UNKNOWN, PropertyMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.diffing import Decision
    from engine.provider import DiffResult

END_TOKEN: Final = 0  # steps after the program belong to no registration


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


@dataclass(slots=True)
class _Registration:
    """How far one registration has come."""

    token: int
    goal: Goal
    urn: str
    old: ResourceState | None
    inputs: PropertyMap = field(default_factory=dict)
    recreating: bool = False
    remediated: bool = False
    imported: bool = False
    decision: Decision | None = None
    chain: deque[Step] = field(default_factory=deque)
    condemned: list[ResourceState] = field(default_factory=list)  # dependents that go first, in dependency order
    candidates: deque[ResourceState] = field(default_factory=deque)  # dependents still to be asked about
    stage: str = "new"


class Planner:
    """Decides what happens to each resource of one run."""

    def __init__(self, resources: Iterable[ResourceState], options: PlanOptions) -> None:
        self.options = options
        self._base = list(resources)
        self._olds = {state.urn: state for state in self._base if not state.delete}
        self._targets = Targets(options.targets, dependents=options.target_dependents)
        self._news: dict[str, ResourceState] = {}
        self._steps: dict[str, Step] = {}
        self._goals: dict[str, _Registration] = {}
        self._open: dict[int, _Registration] = {}
        self._kept: set[str] = set()  # recorded URNs that are still in use
        self._renamed: dict[str, str] = {}  # old URN -> new
        self._former: dict[str, str] = {}  # new URN -> old
        self._dependent_keys: dict[str, tuple[str, ...]] = {}  # deleted first, to be created again
        self._failed_urns: set[str] = set()
        self._not_created: set[str] = set()  # outside the targets
        self._complete: set[str] = set()
        self._stack_outputs: tuple[str, PropertyMap] | None = None
        self._layers: deque[list[Step]] = deque()
        self._outstanding = 0
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
        if urn in self._goals:
            return self._bail(event.token, urn, f"Duplicate resource URN '{urn}'; try giving it a unique name")
        if goal.parent and goal.parent not in self._goals:
            return self._bail(event.token, urn, f"could not find parent resource {goal.parent}")
        found = self._recorded(goal, urn)
        registration = _Registration(event.token, goal, urn, self._olds.get(found) if found else None)
        self._goals[urn] = self._open[event.token] = registration
        renamed: list[Instruction] = []
        if found and found != urn:
            if found in self._renamed or found in self._goals:
                return self._bail(
                    event.token, urn, f"Duplicate resource URN '{found}' conflicting with alias on resource '{urn}'"
                )
            self._renamed[found], self._former[urn] = urn, found
            renamed.append(Renamed(found, urn))
        if self._needs(goal) & self._failed_urns:
            self._failed_urns.add(urn)
            if registration.old is not None:
                self._kept.add(registration.old.urn)
            return [*renamed, self._answer(registration, ResourceState(urn, goal.type, goal.custom), "skip")]
        return renamed + self._begin(registration)

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

    def _begin(self, registration: _Registration) -> list[Instruction]:
        goal, old, urn = registration.goal, registration.old, registration.urn
        if not self._targets.include(urn, self._needs(goal)) and not self._targets.always(urn):
            return self._untargeted(registration)
        if missing := sorted(self._needs(goal) & self._not_created):
            text = f"Resource '{urn}' depends on '{missing[0]}' which was not specified in --target list."
            if not self.options.preview:
                return self._bail(registration.token, urn, text)
            self.refused = True
            return [Report("error", text, urn), *self._untargeted(registration)]
        if goal.read_id is not None:
            return self._read(registration)
        if self._imports(goal, old):
            registration.stage, registration.inputs = "import", goal.inputs
            replacing = old is not None and not old.external
            op: Op = "import-replacement" if replacing else "import"
            return self._chain(registration, [self._step(registration, op, logical=not replacing)])
        registration.recreating = urn in self._dependent_keys or (old is not None and old.urn in self._dependent_keys)
        return self._check(registration)

    def _check(self, registration: _Registration) -> list[Instruction]:
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
                    self._failure_text(registration, failure.property, failure.reason, event.inputs),
                    registration.urn,
                )
                for failure in event.failures
            ]
            self.bailed = True
            return [*reports, Reject(event.token)]
        if registration.stage == "recheck" and not registration.remediated:
            return self._replacement(registration)
        return [Analyze(event.token, registration.urn, registration.goal, event.inputs)]

    @staticmethod
    def _failure_text(registration: _Registration, name: str, reason: str, inputs: PropertyMap) -> str:
        who = f"{registration.goal.type} resource '{registration.goal.name}'"
        if not name:
            return f"{who} has a problem: {reason}"
        shown = inputs.get(name)
        value = f" value {{{shown}}}" if isinstance(shown, (str, int, float)) else ""
        return f"{who}: property {name}{value} has a problem: {reason}"

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

    def _choose(self, registration: _Registration) -> list[Instruction]:
        goal, old = registration.goal, registration.old
        if old is None or old.external:
            return self._chain(registration, [self._step(registration, "create")])
        self._kept.add(old.urn)
        if registration.recreating:
            keys = self._dependent_keys[old.urn]
            steps = [self._step(registration, "replace"), self._step(registration, "create-replacement", keys=keys)]
            return self._chain(registration, steps)
        if not goal.custom:
            return self._decided(registration, diffing.compare_component(old, registration.inputs))
        if old.provider != goal.provider and not is_provider_type(goal.type):
            return self._compare_providers(registration, old)
        return self._diff(registration, old)

    def _compare_providers(self, registration: _Registration, old: ResourceState) -> list[Instruction]:
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
        return self._diff(registration, self._old(registration))

    def _diff(self, registration: _Registration, old: ResourceState) -> list[Instruction]:
        goal = registration.goal
        registration.stage = "diff"
        return [
            Diff(registration.token, old, registration.urn, goal.provider, registration.inputs, goal.ignore_changes)
        ]

    def _diffed(self, event: Diffed) -> list[Instruction]:
        registration = self._open[event.token]
        if event.error or event.diff is None:
            return self._bail(event.token, registration.urn, event.error)
        if registration.stage == "dependents":
            return self._dependent_diffed(registration, event.diff)
        old = self._old(registration)
        decision = diffing.decide(old, registration.inputs, event.diff, registration.goal.replace_on_changes)
        return self._decided(registration, decision)

    def _decided(self, registration: _Registration, decision: Decision) -> list[Instruction]:
        registration.decision = decision
        if decision.kind == "same" and registration.imported:
            return [self._answer(registration, self._old(registration), "success")]
        if decision.kind == "replace":
            return self._begin_replacement(registration)
        op: Op = decision.kind
        return self._chain(registration, [self._step(registration, op, decision=decision)])

    def _begin_replacement(self, registration: _Registration) -> list[Instruction]:
        goal, old, urn = registration.goal, self._old(registration), registration.urn
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
                f'unable to replace resource "{urn}"\nas it is currently marked for protection. To unprotect the resource, '
                f"remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
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

    def _replacement(self, registration: _Registration) -> list[Instruction]:
        goal, old, decision = registration.goal, self._old(registration), registration.decision
        defined = goal.delete_before_replace
        first = defined if defined is not None else decision is not None and decision.delete_first
        if old.pending_replacement:
            return self._chain(registration, self._replace_steps(registration, first=True))
        if not first:
            return self._chain(registration, self._replace_steps(registration, first=False))
        registration.stage = "dependents"
        registration.condemned = []
        candidates = [s for s in self._base if not s.delete and s.urn not in self._kept and s.urn not in self._goals]
        registration.candidates = deque(dependents_of(old, [old, *candidates]))
        return self._next_dependent(registration)

    def _replace_steps(self, registration: _Registration, *, first: bool) -> list[Step]:
        decision = registration.decision
        create = self._step(registration, "create-replacement", decision=decision, logical=False)
        marker = self._step(registration, "replace", decision=decision)
        return [marker, create] if first else [create, marker]

    # ------------------------------------------------------------ dependents of what is deleted first

    def _next_dependent(self, registration: _Registration) -> list[Instruction]:
        going = {self._old(registration).urn, *(state.urn for state in registration.condemned)}
        while registration.candidates:
            state = registration.candidates[0]
            if not state.custom or state.external or state.urn in self._dependent_keys:
                registration.candidates.popleft()
            elif split_reference(state.provider)[0] in going:
                self._condemn(registration, registration.candidates.popleft(), ())
                going.add(state.urn)
            elif (
                touched := {key for key, urns in state.property_dependencies.items() if going & set(urns)}
                & state.inputs.keys()
            ):
                news = {key: UNKNOWN if key in touched else value for key, value in state.inputs.items()}
                return [Diff(registration.token, state, state.urn, state.provider, news)]
            else:
                registration.candidates.popleft()
        return self._delete_first(registration)

    def _dependent_diffed(self, registration: _Registration, diff: DiffResult) -> list[Instruction]:
        state = registration.candidates.popleft()
        details = diff.detailed or {}
        if diff.replaces or any(change.kind.endswith("-replace") for change in details.values()):
            if state.protect:
                text = f'unable to replace resource "{state.urn}" as part of replacing "{registration.urn}" as it is currently marked for protection.'
                return self._bail(registration.token, state.urn, text)
            self._condemn(registration, state, diff.replaces)
        return self._next_dependent(registration)

    def _condemn(self, registration: _Registration, state: ResourceState, keys: tuple[str, ...]) -> None:
        registration.condemned.append(state)
        self._dependent_keys[state.urn] = keys

    def _delete_first(self, registration: _Registration) -> list[Instruction]:
        doomed = [*reversed(registration.condemned), self._old(registration)]
        steps = [self._removal(state, "delete-replaced", frozenset(), replacing=True) for state in doomed]
        return self._chain(registration, steps + self._replace_steps(registration, first=True))

    # ------------------------------------------------------------ steps

    def _step(
        self,
        registration: _Registration,
        op: Op,
        *,
        decision: Decision | None = None,
        keys: tuple[str, ...] = (),
        logical: bool = True,
    ) -> Step:
        old = registration.old
        return Step(
            op,
            registration.urn,
            registration.goal.type,
            old,
            self._new_state(registration),
            keys=decision.keys if decision else keys,
            diffs=decision.diffs if decision else (),
            detailed=decision.detailed if decision else None,
            logical=logical and op not in ("create-replacement", "import-replacement", "read-replacement"),
            call=registration.goal.custom,
        )

    def _new_state(self, registration: _Registration) -> ResourceState:
        goal, old = registration.goal, registration.old
        return ResourceState(
            urn=registration.urn,
            type=goal.type,
            custom=goal.custom,
            id=goal.read_id if goal.read_id is not None else "",
            inputs=registration.inputs,
            parent=goal.parent,
            protect=bool(goal.protect),
            external=goal.read_id is not None,
            dependencies=goal.dependencies,
            provider=goal.provider,
            property_dependencies=goal.property_dependencies,
            additional_secret_outputs=goal.additional_secret_outputs,
            custom_timeouts=goal.custom_timeouts,
            import_id=goal.import_id,
            retain_on_delete=bool(goal.retain_on_delete),
            deleted_with=goal.deleted_with,
            created=old.created if old else "",
            modified=old.modified if old else "",
            source_position=goal.source_position,
            stack_trace=goal.stack_trace,
            ignore_changes=goal.ignore_changes,
            hide_diff=goal.hide_diff,
            replace_on_changes=goal.replace_on_changes,
        )

    def _untargeted(self, registration: _Registration) -> list[Instruction]:
        old = registration.old
        if old is not None:
            self._kept.add(old.urn)
            return self._chain(registration, [Step("same", registration.urn, old.type, old, old, call=old.custom)])
        self._not_created.add(registration.urn)
        step = dataclasses.replace(self._step(registration, "same"), skipped=True, call=False)
        return self._chain(registration, [step])

    def _read(self, registration: _Registration) -> list[Instruction]:
        goal, old = registration.goal, registration.old
        registration.inputs = goal.inputs
        registration.stage = "read"
        if old is None or old.external:
            if old is not None:
                self._kept.add(old.urn)
            return self._chain(registration, [self._step(registration, "read")])
        self._kept.add(old.urn)
        return self._chain(
            registration, [self._step(registration, "read-replacement"), self._step(registration, "replace")]
        )

    @staticmethod
    def _imports(goal: Goal, old: ResourceState | None) -> bool:
        if not goal.custom or not goal.import_id:
            return False
        return old is None or old.external or goal.import_id not in (old.id, old.import_id)

    def _chain(self, registration: _Registration, steps: list[Step]) -> list[Instruction]:
        registration.chain = deque(steps)
        return self._advance(registration)

    def _advance(self, registration: _Registration) -> list[Instruction]:
        if self.halted:
            return [Reject(registration.token)]
        if registration.chain:
            return [Run(registration.token, registration.chain.popleft())]
        if registration.stage == "import":
            return self._check(registration)
        return [self._answer(registration, self._news[registration.urn], "success")]

    def _answer(self, registration: _Registration, state: ResourceState, result: str) -> Answer:
        del self._open[registration.token]
        self._news.setdefault(registration.urn, state)
        return Answer(registration.token, state, result)  # type: ignore[arg-type]

    def _step_ended(self, event: StepEnded) -> list[Instruction]:
        if event.token == END_TOKEN:
            return self._layer_step_over()
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
            replaced = step.op in ("create-replacement", "import-replacement", "read-replacement")
            if replaced and step.old is not None and not self._current(step.old).pending_replacement:
                marked.append(self._mark(step.old, step.old.but(delete=True)))
            if registration.stage == "import":
                registration.old, registration.imported = state, True
        return marked + self._advance(registration)

    def _step_failed(self, event: StepFailed) -> list[Instruction]:
        self.step_failed = True
        urn = event.step.urn
        self._failed_urns.add(urn)
        if event.token == END_TOKEN:
            return self._layer_step_over()
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

    def finish_stack(self) -> Complete | None:
        """The root stack with its outputs: the new ones, or after a failure the new ones over the old."""
        if self._stack_outputs is None:
            return None
        urn, outputs = self._stack_outputs
        old = self._olds.get(urn)
        if self.failed and old is not None and not self.options.preview:
            outputs = {**old.outputs, **outputs}
        return self._completed(self._news[urn], outputs)

    def _program_ended(self, event: ProgramEnded) -> list[Instruction]:
        self.program_failed = event.failed
        if self.halted or self.program_failed:
            return [Finished()]
        condemned = [
            state for state in self._base if state.delete or state.urn not in self._kept | self._renamed.keys()
        ]
        instructions: list[Instruction] = []
        if not self._targets.everything:
            condemned, instructions = self._targeted_only(condemned)
            if self.halted:
                return [*instructions, Finished()]
        if self.options.exclude_protected:
            condemned = self._without_protected(condemned)
        going = frozenset(state.urn for state in condemned)
        self._layers = deque(
            [self._removal(state, "delete-replaced" if state.delete else "delete", going) for state in layer]
            for layer in deletion_layers(condemned)
        )
        return instructions + self._next_layer()

    @staticmethod
    def _without_protected(condemned: list[ResourceState]) -> list[ResourceState]:
        """What may go when protected resources, and all they need, stay."""
        protected = {state.urn for state in condemned if state.protect}
        staying = protected | needed_by(condemned, protected)
        return [state for state in condemned if state.urn not in staying]

    def _targeted_only(self, condemned: list[ResourceState]) -> tuple[list[ResourceState], list[Instruction]]:
        chosen = [s for s in condemned if self._targets.include(s.urn, references_of(s) - self._always(s))]
        reports: list[Instruction] = []
        for urn in self._targets.unmet():
            self.bailed = True
            text = f"Target '{urn}' could not be found in the stack. Did you forget to escape $ in your shell?"
            reports.append(Report("error", text))
        staying = [state for state in self._base if state.urn not in self._kept] if self.options.destroy else condemned
        for urn in self._targets.uncovered(chosen, staying):
            self.step_failed = True
            text = (
                f"Resource '{urn}' will be destroyed but was not specified in --target list.\n"
                "Either include resource in --target list or pass --target-dependents to proceed."
            )
            reports.append(Report("error", text, urn))
        if self.options.destroy and not self.halted:
            gone = {id(state) for state in chosen}
            untouched = [s for s in self._base if id(s) not in gone and not s.delete]
            self._news.update({state.urn: state for state in untouched})
            runs = tuple(Run(END_TOKEN, Step("same", s.urn, s.type, s, s, call=False, skipped=True)) for s in untouched)
            self._outstanding += len(runs)
            reports.append(RunTogether(runs))
        return chosen, reports

    def _always(self, state: ResourceState) -> set[str]:
        return {urn for urn in references_of(state) if self._targets.always(urn)}

    def _removal(self, state: ResourceState, op: Op, going: frozenset[str], *, replacing: bool = False) -> Step:
        """The step that takes a recorded resource away; some need no call."""
        if state.pending_replacement and not replacing:
            return Step("remove-pending-replace", state.urn, state.type, state, logical=False, call=False)
        if state.external:
            op = "discard-replaced" if op == "delete-replaced" else "discard"
        call = state.custom and not state.external and not state.retain_on_delete and state.deleted_with not in going
        logical = op in ("delete", "discard")
        return Step(op, state.urn, state.type, state, logical=logical, call=call, replacing=replacing)

    def _next_layer(self) -> list[Instruction]:
        while self._layers and self._outstanding == 0 and not self.stopped:
            layer = self._layers.popleft()
            blocked = needed_by(self._base, self._failed_urns)
            steps = [step for step in layer if step.urn not in blocked]
            if steps:
                self._outstanding = len(steps)
                return [RunTogether(tuple(Run(END_TOKEN, step) for step in steps))]
        return [Finished()] if self._outstanding == 0 else []

    def _layer_step_over(self) -> list[Instruction]:
        self._outstanding -= 1
        return self._next_layer() if self._outstanding == 0 else []

    def _stop(self, _event: Stopped) -> list[Instruction]:
        self.stopped = True
        return []

    # ------------------------------------------------------------ helpers

    def _bail(self, token: int, urn: str, message: str) -> list[Instruction]:
        self.bailed = True
        return [Report("error", message, urn), Reject(token)]

    @staticmethod
    def _old(registration: _Registration) -> ResourceState:
        if registration.old is None:
            raise ValueError(f"{registration.urn} has no recorded state")
        return registration.old

    @staticmethod
    def _needs(goal: Goal) -> set[str]:
        urns = {goal.parent, goal.deleted_with, *goal.dependencies}
        for dependencies in goal.property_dependencies.values():
            urns.update(dependencies)
        if goal.provider:
            urns.add(split_reference(goal.provider)[0])
        return urns - {""}


def is_internal(step: Step) -> bool:
    """Steps of providers the engine itself made are not counted or displayed."""
    return is_provider_type(step.type) and is_default_provider(step.urn)


def is_creation(step: Step) -> bool:
    """Whether the step makes something that may exist although the engine never heard back."""
    return step.op in CREATIONS
