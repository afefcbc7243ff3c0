"""Carries out what the planner decides: calls providers and policies, keeps the snapshot, emits events.

The thread that registers a resource does that resource's work itself; deletions and refreshes share a pool. The planner
is entered by one thread at a time.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from engine.events import shown, step_metadata
from engine.performer import Performer
from engine.planning import messages as m
from engine.planning.diffing import equal
from engine.planning.registration import replaces
from engine.provider import InitFailedError, ProviderError
from engine.providers.builtin import READ_STACK_OUTPUTS
from engine.questions import Questions
from engine.steps import REMOVALS

if TYPE_CHECKING:
    from engine.events import EventStream
    from engine.packs.analyzers import Analyzers
    from engine.planning.planner import Planner
    from engine.provider import InvokeResult
    from engine.providers.pool import ProviderPool
    from engine.saving.snapshot import Snapshot
    from engine.state import ResourceState
    from engine.steps import Goal, Step
    from engine.values import PropertyMap


class Executor:
    """Runs one plan. `parallel`: how many provider calls at once."""

    def __init__(
        self,
        planner: Planner,
        *,
        snapshot: Snapshot,
        providers: ProviderPool,
        analyzers: Analyzers,
        events: EventStream,
        parallel: int,
    ) -> None:
        self.planner = planner
        self.snapshot = snapshot
        self.providers = providers
        self._analyzers = analyzers
        self._events = events
        self.parallel = parallel
        self._questions = Questions(providers, snapshot, self.known)
        self._performer = Performer(snapshot, providers, preview=planner.plan.options.preview)
        self._slots = threading.BoundedSemaphore(parallel)
        self._tokens = itertools.count(1)
        self._lock = threading.Lock()
        self.preview = planner.plan.options.preview
        self.changes: Counter[str] = Counter()
        self.running = 0  # steps that have begun and not ended
        self._open = threading.Event()
        self._refused = False
        self.maybe_corrupt = False

    # ------------------------------------------------------------ entry points

    def open(self) -> None:
        """From now on the program is heard; it may have begun while policy packs still started."""
        self._open.set()

    def refuse(self) -> None:
        """The run cannot begin: the program is never heard."""
        self._refused = True
        self.stop()
        self._open.set()

    def hears(self) -> bool:
        """Waits until it is known whether the program is heard: whether it is."""
        self._open.wait()
        return not self._refused

    def register(self, goal: Goal) -> m.Answer | None:
        """Does all that one registration needs; None when the engine is going down."""
        self.hears()
        return self._drive(m.Registered(next(self._tokens), goal))[0]

    def register_outputs(self, urn: str, outputs: PropertyMap) -> bool:
        """A component is complete; False when that is not possible."""
        self.hears()
        return not self._drive(m.OutputsRegistered(next(self._tokens), urn, outputs))[1]

    def invoke(self, reference: str, token: str, args: PropertyMap) -> InvokeResult:
        """Calls a provider's function; raises ProviderError."""
        if not self.hears():
            raise ProviderError("the run did not begin")
        result = self.providers.get(reference).invoke(token, args, preview=self.preview)
        if token == READ_STACK_OUTPUTS:
            # An event of ours: the CLI has none, and a stack that is read without a resource would leave no trace.
            self._events.emit("stackReadEvent", {"outputs": shown(result.outputs)})
        return result

    def known(self, urn: str) -> ResourceState | None:
        """A resource registered or read in this run."""
        with self._lock:
            return self.planner.plan.known(urn)

    def end(self, *, program_failed: bool) -> None:
        """The program is over: deletes what it no longer has."""
        self._drive(m.ProgramEnded(program_failed))

    def finish_stack(self) -> None:
        """Gives the root stack its outputs."""
        self._drive(m.Finishing())

    def stop(self) -> None:
        """No new step begins."""
        self._post(m.Stopped())

    def _post(self, event: m.Event) -> list[m.Instruction]:
        with self._lock:
            return self.planner.handle(event)

    def _drive(self, event: m.Event) -> tuple[m.Answer | None, bool]:
        """Obeys until nothing is left to do: the answer, if there is one, and whether it was a rejection."""
        answer: m.Answer | None = None
        rejected = False
        waiting = deque(self._post(event))
        while waiting:
            instruction = waiting.popleft()
            if isinstance(instruction, m.Answer):
                answer = instruction
            elif isinstance(instruction, m.Reject):
                rejected = True
            elif isinstance(instruction, m.RunTogether):
                waiting.extend(self._run_together(instruction))
            elif (outcome := self._obey(instruction)) is not None:
                waiting.extend(self._post(outcome))
        return answer, rejected

    def _run_together(self, instruction: m.RunTogether) -> list[m.Instruction]:
        following: list[m.Instruction] = []
        with ThreadPoolExecutor(self.parallel, "engine-step") as pool:
            for future in as_completed([pool.submit(self._run, run) for run in instruction.runs]):
                following += self._post(future.result())
        return following

    def _obey(self, instruction: m.Instruction) -> m.Event | None:
        match instruction:
            case m.Run():
                return self._run(instruction)
            case m.Check():
                return self._questions.check(instruction)
            case m.Analyze():
                return self._analyzers.analyze(instruction)
            case m.Diff():
                return self._questions.diff(instruction)
            case m.CompareProviders():
                return self._questions.compare(instruction)
            case m.Marked(old=old, marked=marked):
                self.snapshot.swap(old, marked)
                self.snapshot.save()
            case m.Renamed(old=before, new=after):
                self.snapshot.rename(before, after)
            case m.Complete():
                self._complete(instruction)
            case m.Report(severity=severity, message=message, urn=urn):
                self._events.diagnostic(severity, message, urn=urn)
        return None

    # ------------------------------------------------------------ steps

    def _run(self, run: m.Run) -> m.Event:
        step = run.step
        with self._slots:
            if self.planner.plan.stopped:
                return m.StepFailed(run.token, step)
            with self._lock:
                self.running += 1
            self._events.emit("resourcePreEvent", self.body(step))
            going = replaces(step) and step.old is not None and not self.snapshot.pending_replacement(step.old)
            try:
                state = self._performer.perform(step)
            except ProviderError as error:
                return self._failed(run, error)
            except Exception as error:  # noqa: BLE001 - a fault in a provider must not end the run without its state
                unexpected = ProviderError(f"unexpected {type(error).__name__}: {error}", unknown_outcome=True)
                return self._failed(run, unexpected)
            finally:
                with self._lock:
                    self.running -= 1
        self._succeeded(step, state, going=going)
        return m.StepEnded(run.token, step, state)

    def fail(self, *, shown: bool = False) -> None:
        """The run has failed outside the plan; `shown`: people were told all there is to tell."""
        self._post(m.Failed(shown))

    def count(self, op: str) -> None:
        """One more step of a kind for the summary."""
        with self._lock:
            self.changes[op] += 1

    def body(self, step: Step) -> dict[str, object]:
        """A resource event's body."""
        body: dict[str, object] = {"metadata": step_metadata(step)}
        if self.preview:
            body["planning"] = True
        return body

    def _succeeded(self, step: Step, state: ResourceState | None, *, going: bool) -> None:
        """`going`: the old copy is still there, and goes later."""
        counted = step.logical and not step.is_internal
        if step.op == "read":
            counted = step.old is not None and state is not None and not equal(step.old.outputs, state.outputs)
        with self._lock:
            self.changes[step.op] += counted
        component = not step.state.custom and step.op not in REMOVALS
        if self.preview or not component:
            self._events.emit("resOutputsEvent", self.body(_with_new(step, state, going=going)))

    def _failed(self, run: m.Run, error: ProviderError) -> m.StepFailed:
        step = run.step
        state = (
            self._performer.partial(step, error) if isinstance(error, InitFailedError) and not self.preview else None
        )
        if state is not None:
            self.snapshot.save()
        self.maybe_corrupt = self.maybe_corrupt or error.unknown_outcome
        text = _listed(error.reasons) if isinstance(error, InitFailedError) else error.message
        if self.preview:
            self._events.diagnostic("error", f"Preview failed: {text}", urn=step.urn)
        else:
            self._events.diagnostic("error", text, urn=step.urn)
            status = 1 if error.unknown_outcome else 0
            self._events.emit("resOpFailedEvent", {"metadata": step_metadata(step), "status": status, "steps": 0})
        return m.StepFailed(run.token, step, state)

    def _complete(self, complete: m.Complete) -> None:
        self.snapshot.swap(complete.before, complete.after)
        if not self.preview:
            self.snapshot.save()
        self._events.emit("resOutputsEvent", self.body(complete.step))


def _with_new(step: Step, state: ResourceState | None, *, going: bool) -> Step:
    """The step as it ended: with what it made; an old copy that goes later is marked by then."""
    if state is None or step.op == "replace":
        return step
    old = step.old.but(delete=True) if going and step.old is not None else step.old
    return dataclasses.replace(step, old=old, new=state)


def _listed(reasons: tuple[str, ...]) -> str:
    """Several errors in the form of Go's multierror."""
    count = f"{len(reasons)} error{'s' if len(reasons) != 1 else ''} occurred:"
    return "\n\t".join([count, *(f"* {reason}" for reason in reasons)]) + "\n\n"
