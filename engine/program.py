"""Runs a project's Python program in this process, as the language host's runner does in its own.

The program gets a thread, an event loop and a contextvars context to itself; working directory, arguments, import path
and standard streams are process-wide and are put back afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import io
import itertools
import logging
import os
import runpy
import sys
import threading
import traceback
import warnings
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.config import Configuration, Project

_INSIDE: contextvars.ContextVar[bool] = contextvars.ContextVar("inside_program", default=False)
_SHUTDOWN_TEXT: Final = "Resource monitor has terminated, shutting down"
_INVOKE_TEXT: Final = "invoke of "  # `pulumi.runtime.invoke` says so of a function that failed
_SHOWN_OUTPUTS: Final = 32
_LOOK_S: Final = 0.5
_PATIENCE_S: Final = 5.0  # for a program that may be asleep when the run is interrupted
_ONE_AT_A_TIME: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How the program ended: `messages` are its errors for people, `shut_down`: it only saw the engine go down.

    `error`: the RunError by which it ended itself.
    """

    failed: bool
    messages: tuple[str, ...] = ()
    shut_down: bool = False
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """What a program is run with; `main` runs in place of the project's own program."""

    project: Project
    stack: str
    preview: bool
    configuration: Configuration
    monitor: Any
    engine: Any
    threads: int
    say: Callable[[str, str], None]  # severity, text: what the program prints
    abandon: Callable[[], bool]  # whether a program that does not end need not be waited for
    main: Callable[[], object] | None = None


def run_program(run: ProgramRun, meanwhile: Callable[[], None]) -> ProgramResult:
    """Runs the program to its end on a thread of its own; `meanwhile` runs on the calling one while it begins.

    What `meanwhile` raises is raised: whoever made it has seen to it that the program is not heard then.
    """
    results: list[ProgramResult] = []
    context = contextvars.Context()
    thread = threading.Thread(target=lambda: results.append(context.run(_run, run)), name="program", daemon=True)
    with _ONE_AT_A_TIME, _surroundings(run):
        thread.start()
        try:
            meanwhile()
        except BaseException:
            thread.join(_PATIENCE_S)
            raise
        while thread.is_alive():
            thread.join(_LOOK_S)
            if run.abandon():
                thread.join(_PATIENCE_S)
                break
    return results[0] if results else ProgramResult(failed=True, shut_down=True)


def _run(run: ProgramRun) -> ProgramResult:
    _INSIDE.set(True)
    # the executor's threads copy this context, so the settings below are theirs as well
    from pulumi import RunError  # noqa: PLC0415 - imported with the program, it takes a second
    from pulumi.runtime import Settings, configure  # noqa: PLC0415
    from pulumi.runtime.config import set_all_config  # noqa: PLC0415
    from pulumi.runtime.settings import ROOT  # noqa: PLC0415
    from pulumi.runtime.stack import run_in_stack  # noqa: PLC0415

    ROOT.set(None)
    set_all_config(dict(run.configuration.values), list(run.configuration.secret_keys))
    settings = Settings(
        project=run.project.name,
        stack=run.stack,
        monitor=run.monitor,
        engine=run.engine,
        parallel=run.threads,
        dry_run=run.preview,
        organization="organization",
        root_directory=str(run.project.root),
    )
    settings.outputs = _OpenOutputs()
    configure(settings)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = _RpcThreads(run.threads, "program-rpc")
    loop.set_default_executor(executor)
    try:
        loop.run_until_complete(run_in_stack(lambda: _main(run)))
    except RunError as error:
        return _refused(error)
    except SystemExit as error:
        return _exited(error.code)
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its result
        return _raised(error, run.project)
    finally:
        _close(loop, executor)
    return ProgramResult(failed=False)


def _main(run: ProgramRun) -> Any:
    if run.main is not None:
        return run.main()
    program = run.project.program
    # The file, not its folder: of a folder's __main__ Python keeps bytecode, and misses an edit within the same second.
    file = program / "__main__.py" if program.is_dir() else program
    runpy.run_path(str(file), run_name="__main__")
    return None


def _refused(error: BaseException) -> ProgramResult:
    if str(error) == _SHUTDOWN_TEXT:
        return ProgramResult(failed=True, shut_down=True)
    return ProgramResult(failed=True, messages=(str(error), _exit_message(1)), error=error)


def _exited(code: object) -> ProgramResult:
    if code in (None, 0):
        return ProgramResult(failed=False)
    return ProgramResult(failed=True, messages=(_exit_message(code if isinstance(code, int) else 1),))


def _exit_message(code: int) -> str:
    return f"an unhandled error occurred: program exited with non-zero exit code: {code}"


def _raised(error: BaseException, project: Project) -> ProgramResult:
    if _SHUTDOWN_TEXT in str(error):
        return ProgramResult(failed=True, shut_down=True)
    if refused := _refusal(error):
        return ProgramResult(failed=True, messages=(refused, _exit_message(1)))
    from engine.endless import endless_input  # noqa: PLC0415 - brings in the displays; most programs do not fail

    if endless := endless_input(error, project):
        return ProgramResult(failed=True, messages=(endless,))
    return ProgramResult(
        failed=True, messages=(f"Program failed with an unhandled exception:\n{_user_traceback(error, project)}",)
    )


def _refusal(error: BaseException) -> str:
    """What the engine has against what the program asked for, which no frame of the SDK's says better; or empty."""
    import grpc  # noqa: PLC0415 - imported with the program

    from engine.rpc_error import MonitorError  # noqa: PLC0415 - as above

    seen: list[BaseException] = []  # what was raised from what may lead back to itself
    ours: BaseException | None = error
    while ours is not None and ours not in seen:
        if isinstance(ours, MonitorError) and ours.code() in (
            grpc.StatusCode.UNIMPLEMENTED,
            grpc.StatusCode.INVALID_ARGUMENT,
        ):
            return ours.details()
        seen.append(ours)
        ours = ours.__cause__ or ours.__context__
    return ""


def _user_traceback(error: BaseException, project: Project) -> str:
    """The traceback from the program's own first line on; of one that never ran, such as a misspelt file, none.

    Of a function that a provider refused after the program's line had ended, none either: all frames are the SDK's.
    """
    frames = traceback.extract_tb(error.__traceback__)
    program = str(project.program)
    own = next((n for n, frame in enumerate(frames) if frame.filename.startswith(program)), None)
    if own is None and str(error).startswith(_INVOKE_TEXT):
        own = len(frames)
    if own is None:
        ours = (__file__, "<frozen runpy>", runpy.__file__)
        own = max((n + 1 for n, frame in enumerate(frames) if frame.filename in ours), default=0)
    left = traceback.format_list(frames[own:])
    head = ["Traceback (most recent call last):\n", *left] if left else []
    return "".join([*head, *traceback.format_exception_only(error)])


def _close(loop: asyncio.AbstractEventLoop, executor: _RpcThreads) -> None:
    # calls already made still reach the engine, as they do over gRPC; cancelling their tasks would take them back
    wait(list(executor.open))
    # what is left waits for something that will never come
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    with contextlib.suppress(Exception):
        loop.run_until_complete(asyncio.sleep(0))
    executor.shutdown(wait=True)
    loop.set_exception_handler(lambda _loop, _context: None)
    loop.close()
    asyncio.set_event_loop(None)
    if left:
        # the coroutines they would have awaited are nobody's fault
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            left.clear()
            gc.collect()


@contextlib.contextmanager
def _surroundings(run: ProgramRun) -> Iterator[None]:
    program = run.project.program
    folder = program if program.is_dir() else program.parent
    before = (Path.cwd(), sys.argv, list(sys.path), sys.stdout, sys.stderr)
    asyncio_log = logging.getLogger("asyncio")
    level = asyncio_log.level
    asyncio_log.setLevel(logging.CRITICAL)
    os.chdir(folder)
    sys.argv = [str(program)]
    sys.path.insert(0, str(folder))
    sys.stdout, sys.stderr = _Captured(before[3], "info", run.say), _Captured(before[4], "info#err", run.say)
    try:
        yield
    finally:
        cwd, sys.argv, sys.path[:], sys.stdout, sys.stderr = before
        os.chdir(cwd)
        asyncio_log.setLevel(level)


class _RpcThreads(ThreadPoolExecutor):
    """Runs a program's calls; `open`: those not answered yet."""

    def __init__(self, threads: int, name: str) -> None:
        super().__init__(threads, name)
        self.open: set[Future[Any]] = set()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        self.open.add(future)
        future.add_done_callback(self.open.discard)
        return future


class _OpenOutputs(set["asyncio.Task[Any]"]):
    """The SDK's set of outputs still open, shown to it a few at a time.

    Until it is empty, the SDK waits for the first of all its members and starts over (`wait_for_rpcs`): with all of
    them at once, that is quadratic in the size of the program. Every member is still waited for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[asyncio.Task[Any]] = []

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        self._shown = list(itertools.islice(super().__iter__(), _SHOWN_OUTPUTS))
        return iter(self._shown)

    def clear(self) -> None:
        self.difference_update(self._shown)


class _Captured(io.TextIOBase):
    """A standard stream that turns the program's lines into messages and leaves everybody else's alone."""

    def __init__(self, original: TextIO, severity: str, say: Callable[[str, str], None]) -> None:
        self._original, self._severity, self._say = original, severity, say
        self._line = ""

    def write(self, text: str) -> int:
        if not _INSIDE.get():
            return self._original.write(text)
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._say(self._severity, line)
        return len(text)

    def flush(self) -> None:
        if not _INSIDE.get():
            self._original.flush()
        elif self._line:
            line, self._line = self._line, ""
            self._say(self._severity, line)

    def isatty(self) -> bool:
        return False if _INSIDE.get() else self._original.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._original.encoding

    def fileno(self) -> int:
        return self._original.fileno()
