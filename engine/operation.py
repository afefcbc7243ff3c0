"""One operation on one stack from its beginning to its summary: preview, up, refresh or destroy."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from engine import config as configuration
from engine.ending import Ending, Outcome
from engine.events import EventStream
from engine.executor import Executor
from engine.interruption import Interruption
from engine.packs.analyzers import Analyzers
from engine.packs.process import RunFacts
from engine.planning.plan import PlanOptions
from engine.planning.planner import Planner
from engine.providers import make_provider as plugin_or_builtin
from engine.providers.builtin import BuiltinProvider
from engine.providers.pool import ProviderPool
from engine.refresh import refresh_resources
from engine.saving.snapshot import Snapshot
from engine.stack import open_stack, other_outputs, take_stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.config import Project
    from engine.ending import Kind
    from engine.options import Options, RunResult
    from engine.provider import MakeProvider, Provider
    from engine.saving.backend import FileBackend
    from engine.stack import Stack
    from engine.state import ResourceState

_LEAST_PARALLEL: Final = 4
# A preview mostly waits for servers: one that is asked about a namespace yet to be made takes 50 ms to say no.
_PREVIEW_PARALLEL: Final = 32
_LEAST_THREADS: Final = 16


class Operation:
    """Everything one run holds; used once."""

    def __init__(
        self,
        project: Project,
        backend: FileBackend,
        kind: Kind,
        options: Options,
        *,
        passphrase: str | None,
        program: Callable[[], object] | None = None,
        make_provider: MakeProvider | None = None,
    ) -> None:
        self._project, self._backend, self._kind, self._options, self._passphrase = (
            project,
            backend,
            kind,
            options,
            passphrase,
        )
        self._program = program
        self._given_up = threading.Event()
        self._make_provider = make_provider or partial(plugin_or_builtin, given_up=self._given_up)
        self._preview = kind == "preview"
        self._events = EventStream(options.on_event)
        self._executor: Executor | None = None
        self._interruption = Interruption()

    # ------------------------------------------------------------ from outside

    def interrupt(self) -> None:
        """Finish what is running, begin nothing new; a second time: ask providers to give up what is running."""
        self._interruption.ask()

    def run(self, stack_name: str) -> RunResult:
        """Does it; raises EngineError when the run cannot start."""
        started = int(time.time())
        try:
            with contextlib.ExitStack() as held:
                held.enter_context(self._interruption.signals())
                if self._preview:
                    stack = open_stack(self._project, self._backend, stack_name, self._passphrase, later=True)
                else:
                    stack = take_stack(
                        self._project, self._backend, stack_name, self._passphrase, held, to_run=self._kind == "up"
                    )
                result = self._run_open(stack, started)
        finally:
            self._events.close()
        return result

    # ------------------------------------------------------------ the run

    def _run_open(self, stack: Stack, started: int) -> RunResult:
        analyzers = Analyzers(self._events, self._known)
        with contextlib.ExitStack() as held:
            held.callback(analyzers.close)
            if self._kind in ("preview", "up"):
                facts = RunFacts(
                    self._project.name,
                    stack.name,
                    self._preview,
                    stack.configuration,
                    self._backend.url,
                    self._project.root.resolve(),
                )
                analyzers.launch(self._options.policy_packs, self._options.policy_pack_configs, facts)
            snapshot = self._snapshot(stack)
            providers = self._providers(snapshot)
            held.callback(providers.close, self._events.diagnostic)
            executor = self._executor_for(stack, snapshot, providers, analyzers)
            self._interruption.concerns(executor)
            outcome = self._perform(stack, executor, analyzers)
        options, events = self._options, self._events
        ending = Ending(self._kind, options, stack, self._backend, events, self._interruption, started)
        return ending.conclude(executor, analyzers.summary, outcome)

    def _known(self, urn: str) -> ResourceState | None:
        return self._executor.known(urn) if self._executor is not None else None

    def _snapshot(self, stack: Stack) -> Snapshot:
        rescue = self._project.root / ".onshore" / "rescue" / f"{stack.name}.{time.time_ns()}.json"
        return Snapshot(
            stack.deployment,
            stack=stack.name,
            project=self._project.name,
            backend=None if self._preview else self._backend,
            secrets=stack.secrets,
            rescue=rescue,
            on_broken=self._not_saved,
        )

    def _not_saved(self, reason: str) -> None:
        self._events.diagnostic("error", f"the state cannot be saved: {reason}")
        if self._executor is not None:
            threading.Thread(target=self._executor.stop, daemon=True).start()

    def _providers(self, snapshot: Snapshot) -> ProviderPool:
        builtin = BuiltinProvider(
            lambda reference: other_outputs(self._project, self._backend, reference, self._passphrase)
        )

        def make(package: str, version: str) -> Provider:
            if package == "pulumi":
                return builtin
            return self._make_provider(package, version, self._events.diagnostic, self._project.root)

        def recorded(reference: str) -> ResourceState | None:
            return next((state for state in snapshot.resources() if f"{state.urn}::{state.id}" == reference), None)

        return ProviderPool(make, recorded, preview=self._preview, given_up=self._given_up)

    def _executor_for(
        self, stack: Stack, snapshot: Snapshot, providers: ProviderPool, analyzers: Analyzers
    ) -> Executor:
        options = self._options
        least = _PREVIEW_PARALLEL if self._preview else _LEAST_PARALLEL
        parallel = options.parallel or max(least, 4 * (os.cpu_count() or 1))
        executor = Executor(
            self._planner(stack, stack.deployment.resources),
            snapshot=snapshot,
            providers=providers,
            analyzers=analyzers,
            events=self._events,
            parallel=parallel,
        )
        self._executor = executor
        return executor

    def _planner(self, stack: Stack, resources: tuple[ResourceState, ...]) -> Planner:
        options = self._options
        plan = PlanOptions(
            stack.name,
            self._project.name,
            preview=self._preview,
            continue_on_error=options.continue_on_error,
            targets=options.targets,
            target_dependents=options.target_dependents,
            destroy=self._kind == "destroy",
            exclude_protected=options.exclude_protected,
        )
        return Planner(resources, plan)

    def _perform(self, stack: Stack, executor: Executor, analyzers: Analyzers) -> Outcome:
        """The work itself."""
        runs_program = self._kind in ("preview", "up")
        if runs_program and not self._options.refresh:
            return self._run_program(stack, executor, analyzers, lambda: self._begin(stack, executor, analyzers))
        self._begin(stack, executor, analyzers)
        if self._kind == "refresh" or self._options.refresh:
            counted = self._kind == "refresh"
            ok = refresh_resources(executor, self._events, counted=counted, targets=self._options.targets)
            if counted or not ok:
                return Outcome(failed=not ok)
            executor.planner = self._planner(stack, executor.snapshot.resources())
            self._interruption.concerns(executor)
        if runs_program:
            return self._run_program(stack, executor, analyzers, lambda: None)
        executor.end(program_failed=False)
        return Outcome()

    def _begin(self, stack: Stack, executor: Executor, analyzers: Analyzers) -> None:
        """The run begins: packs are ready, what there is to say is said, the program is heard from now on."""
        try:
            stack.secrets.check()
            analyzers.connect()
            self._events.emit("preludeEvent", {"config": configuration.blinded(stack.config_file.values)})
            if self._options.clear_pending_creates and self._kind == "refresh":
                executor.snapshot.forget_pending()
            elif stack.deployment.pending and not self._preview:
                self._warn_pending(stack)
        except BaseException:
            executor.refuse()
            raise
        executor.open()

    def _run_program(
        self, stack: Stack, executor: Executor, analyzers: Analyzers, meanwhile: Callable[[], None]
    ) -> Outcome:
        # these bring in gRPC and the SDK: needed when a program runs, not to destroy
        from engine.monitor import Monitor  # noqa: PLC0415
        from engine.program import ProgramRun, run_program  # noqa: PLC0415
        from engine.program_engine import ProgramEngine  # noqa: PLC0415

        def say(severity: str, message: str, *, urn: str = "", ephemeral: bool = False) -> None:
            if executor.hears():
                self._events.diagnostic(severity, message, urn=urn, ephemeral=ephemeral)

        result = run_program(
            ProgramRun(
                project=self._project,
                stack=stack.name,
                preview=self._preview,
                configuration=stack.configuration,
                monitor=Monitor(executor, stack.configuration, self._project.root),
                engine=ProgramEngine(say),
                main=self._program,
                threads=max(_LEAST_THREADS, executor.parallel if self._preview else 2 * executor.parallel),
                say=say,
                abandon=lambda: self._interruption.asked and executor.running == 0,
            ),
            meanwhile,
        )
        plan = executor.planner.plan
        if not plan.halted:
            for message in result.messages:
                self._events.diagnostic("error", message)
        executor.end(program_failed=result.failed)
        executor.finish_stack()
        if plan.step_failed or plan.bailed or plan.stopped or result.failed:
            return Outcome(failed=result.failed, error=result.error)
        root = f"urn:pulumi:{stack.name}::{self._project.name}::pulumi:pulumi:Stack::{self._project.name}-{stack.name}"
        refused, error = analyzers.analyze_stack(plan.resources(), root)
        if error:
            self._events.diagnostic("error", error)
            executor.fail(shown=True)
        return Outcome(failed=refused, refused=refused, error=result.error)

    def _warn_pending(self, stack: Stack) -> None:
        pending = stack.deployment.pending
        command = f"onshore refresh {stack.name} --clear-pending-creates"
        lines = [
            f"Attempting to deploy or update resources with {len(pending)} pending operations from previous deployment."
        ]
        lines += [f"  * {operation.resource.urn}, interrupted while {operation.type}" for operation in pending]
        lines.append(f"Whether they exist is not known. Look for them, then: {command}")
        self._events.diagnostic("warning", "\n".join(lines))
