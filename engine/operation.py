"""One operation on one stack from its beginning to its summary: preview, up, refresh or destroy."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from engine import config as configuration
from engine.analyzers import Analyzers
from engine.errors import EngineError
from engine.events import EventStream, is_root_stack, visible_outputs
from engine.executor import Executor
from engine.options import Options, RunResult
from engine.pack_process import RunFacts
from engine.plan import PlanOptions
from engine.planner import Planner
from engine.providers import make_provider as plugin_or_builtin
from engine.providers.builtin import BuiltinProvider
from engine.providers.pool import ProviderPool
from engine.refresh import refresh_resources
from engine.snapshot import Snapshot
from engine.stack import Stack, history_entry, never_deployed, open_stack, stack_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.backend import FileBackend
    from engine.config import Project
    from engine.provider import MakeProvider, Provider
    from engine.state import ResourceState
    from engine.values import PropertyMap

Kind = Literal["preview", "up", "refresh", "destroy"]
_HISTORY_KINDS: Final = {"up": "update", "refresh": "refresh", "destroy": "destroy"}
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
        self._make_provider = make_provider or plugin_or_builtin
        self._preview = kind == "preview"
        self._events = EventStream(options.on_event)
        self._executor: Executor | None = None
        self._signal = 0
        self._interrupted = threading.Event()

    # ------------------------------------------------------------ from outside

    def interrupt(self) -> None:
        """Finish what is running, begin nothing new; a second time: ask providers to give up what is running."""
        executor = self._executor
        if self._interrupted.is_set() and executor is not None:
            threading.Thread(target=executor.providers.cancel, daemon=True).start()
        self._interrupted.set()
        if executor is not None:
            # the planner's lock may be held by the very thread a signal interrupted
            threading.Thread(target=executor.stop, daemon=True).start()

    def run(self, stack_name: str) -> RunResult:
        """Does it; raises EngineError when the run cannot start."""
        started = int(time.time())
        try:
            with contextlib.ExitStack() as held:
                held.enter_context(self._signals())
                if self._preview:
                    stack = open_stack(self._project, self._backend, stack_name, self._passphrase, later=True)
                else:
                    stack = self._take(stack_name, held)
                result = self._run_open(stack, started)
        finally:
            self._events.close()
        return result

    def _take(self, stack_name: str, held: contextlib.ExitStack) -> Stack:
        """Locks the stack and prepares the backend for writing."""
        name = configuration.check_stack_name(stack_name)
        # refuses before anything is written
        found = open_stack(self._project, self._backend, name, self._passphrase, later=True)
        if self._kind == "up":
            importlib.import_module("engine.program_engine")  # brings in the SDK, while a thread derives the key
        found.secrets.check()
        if not found.known and self._kind != "up":
            raise never_deployed(name)
        try:
            self._backend.create()
            held.enter_context(self._backend.lock(name))
            stack = open_stack(self._project, self._backend, name, self._passphrase)
            self._backend.sweep(name)
            self._backend.back_up(name)
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise EngineError(
                f"the state cannot be written: {error.strerror or error}{where}",
                fix="Nothing was changed. Make room, or make the folder writable, and try again.",
            ) from error
        return stack

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the run in order; only a process's main thread may say so."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, _frame: object) -> None:
            self._signal = number
            self.interrupt()

        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    # ------------------------------------------------------------ the run

    def _run_open(self, stack: Stack, started: int) -> RunResult:
        analyzers = Analyzers(self._events, self._known)
        with contextlib.ExitStack() as ending:
            ending.callback(analyzers.close)
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
            ending.callback(providers.close, self._events.diagnostic)
            executor = self._executor_for(stack, snapshot, providers, analyzers)
            if self._interrupted.is_set():
                executor.stop()
            failed = self._perform(stack, executor, analyzers)
        return self._end(stack, executor, snapshot, analyzers, failed=failed, started=started)

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
        builtin = BuiltinProvider(self._outputs_of)

        def make(package: str, version: str) -> Provider:
            if package == "pulumi":
                return builtin
            return self._make_provider(package, version, self._events.diagnostic, self._project.root)

        def recorded(reference: str) -> ResourceState | None:
            return next((state for state in snapshot.resources() if f"{state.urn}::{state.id}" == reference), None)

        return ProviderPool(make, recorded, preview=self._preview)

    def _outputs_of(self, reference: str) -> PropertyMap | None:
        """The outputs of another stack of this backend; names as `pulumi.StackReference` takes them."""
        parts = reference.split("/")
        project = parts[1] if len(parts) == 3 else self._project.name
        other = replace(self._project, name=project)
        backend = self._backend.for_project(project)
        name = configuration.check_stack_name(parts[-1])
        if backend.read(name) is None:
            return None
        return stack_outputs(open_stack(other, backend, name, self._passphrase).deployment)

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

    def _perform(self, stack: Stack, executor: Executor, analyzers: Analyzers) -> bool:
        """The work itself; whether the run failed for a reason of its own (the planner knows the others)."""
        runs_program = self._kind in ("preview", "up")
        if runs_program and not self._options.refresh:
            return self._run_program(stack, executor, analyzers, lambda: self._begin(stack, executor, analyzers))
        self._begin(stack, executor, analyzers)
        if self._kind == "refresh" or self._options.refresh:
            counted = self._kind == "refresh"
            ok = refresh_resources(executor, self._events, counted=counted, targets=self._options.targets)
            if counted or not ok:
                return not ok
            executor.planner = self._planner(stack, executor.snapshot.resources())
            if self._interrupted.is_set():
                executor.stop()
        if runs_program:
            return self._run_program(stack, executor, analyzers, lambda: None)
        executor.end(program_failed=False)
        return False

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
    ) -> bool:
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
                abandon=lambda: self._interrupted.is_set() and executor.running == 0,
            ),
            meanwhile,
        )
        self._program_error = result.error
        planner = executor.planner
        if not planner.plan.halted:
            for message in result.messages:
                self._events.diagnostic("error", message)
        executor.end(program_failed=result.failed)
        executor.finish_stack()
        if planner.plan.step_failed or planner.plan.bailed or planner.plan.stopped or result.failed:
            return result.failed
        root = f"urn:pulumi:{stack.name}::{self._project.name}::pulumi:pulumi:Stack::{self._project.name}-{stack.name}"
        refused, error = analyzers.analyze_stack(planner.plan.resources(), root)
        if error:
            self._events.diagnostic("error", error)
            executor.fail(shown=True)
        self._stack_refused = refused
        return refused

    _stack_refused = False
    _program_error: BaseException | None = None

    def _warn_pending(self, stack: Stack) -> None:
        pending = stack.deployment.pending
        lines = [
            f"Attempting to deploy or update resources with {len(pending)} pending operations from previous deployment."
        ]
        lines += [f"  * {operation.resource.urn}, interrupted while {operation.type}" for operation in pending]
        lines.append("Whether they exist is not known. Look for them, then refresh with clear_pending_creates.")
        self._events.diagnostic("warning", "\n".join(lines))

    # ------------------------------------------------------------ the end

    def _end(
        self, stack: Stack, executor: Executor, snapshot: Snapshot, analyzers: Analyzers, *, failed: bool, started: int
    ) -> RunResult:
        planner = executor.planner
        if not self._preview:
            snapshot.finish()
        failed = failed or planner.plan.failed or bool(snapshot.broken)
        refused = (planner.plan.refused and self._preview) or self._stack_refused
        if planner.plan.step_failed or (refused and not planner.plan.bailed and not planner.plan.program_failed):
            self._events.diagnostic("error", "preview failed" if self._preview else "update failed")
        self._explain_interruption(snapshot)
        changes = {op: count for op, count in sorted(executor.changes.items()) if count}
        self._events.emit(
            "summaryEvent",
            {
                "maybeCorrupt": executor.maybe_corrupt,
                "durationSeconds": int(time.time()) - started,
                "resourceChanges": changes,
                "PolicyPacks": analyzers.summary,
                "isPreview": self._preview,
                "result": "failed" if failed else "succeeded",
            },
        )
        self._events.emit("cancelEvent", {})
        exit_code = self._exit_code(failed=failed, unsaved=bool(snapshot.broken), changes=changes)
        if not self._preview and not snapshot.broken:
            self._record(stack, started, ok=not failed, changes=changes)
        return RunResult(
            exit_code == 0,
            exit_code,
            changes,
            tuple(self._events.events),
            self._outputs(planner, snapshot),
            self._program_error,
        )

    def _explain_interruption(self, snapshot: Snapshot) -> None:
        if snapshot.broken:
            self._events.diagnostic(
                "error",
                f"no further step was begun. The state of everything that exists is in {snapshot.rescue}; once the"
                f" backend can be written again, import this file as the stack's state before the next run.",
            )
        elif self._interrupted.is_set():
            self._events.diagnostic(
                "warning", "interrupted: what was running has ended and is saved; nothing new was begun"
            )

    def _exit_code(self, *, failed: bool, unsaved: bool, changes: dict[str, int]) -> int:
        if unsaved:
            return 2  # as for a backend that could not be written from the start
        if self._interrupted.is_set():
            return 128 + (self._signal or signal.SIGINT)
        if failed:
            return 1
        if self._options.expect_no_changes and any(op != "same" for op in changes):
            return 7
        return 0

    def _record(self, stack: Stack, started: int, *, ok: bool, changes: dict[str, int]) -> None:
        entry = history_entry(
            _HISTORY_KINDS[self._kind],
            started=started,
            ended=int(time.time()),
            message=self._options.message,
            ok=ok,
            changes=changes,
            config=stack.config_file.values,
        )
        try:
            self._backend.add_history(stack.name, entry)
        except OSError as error:
            self._events.diagnostic("warning", f"the run is saved, its entry in the history is not: {error.strerror}")

    @staticmethod
    def _outputs(planner: Planner, snapshot: Snapshot) -> dict[str, Any]:
        roots = (state for state in (*planner.plan.resources(), *snapshot.resources()) if is_root_stack(state))
        root = next(roots, None)
        return visible_outputs(root.outputs) if root else {}
