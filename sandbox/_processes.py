"""Start, find and stop the sandbox's own processes, so that nothing else is ever signalled.

A process is ours when its environment says so (`MARK`), which only its starter could have set. So there are no pid
files that a kill half-way could lose, and a pid is signalled through a pidfd (Linux >= 5.3) whose process is checked
after opening, so a recycled pid is never hit.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MARK: Final = "ONSHORE_SANDBOX_PROCESS"
_ENVIRONMENT: Final = slice(50 - 3, 52 - 3)  # env_start and env_end of proc_pid_stat(5), counted behind the name
_EXEC_WITHIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Process:
    """A running process of the sandbox cluster in `directory`."""

    component: str
    pid: int
    directory: Path


def start(
    component: str, argv: list[str], directory: Path, log: Path, more_environment: Mapping[str, str] | None = None
) -> None:
    """Start a process in a session of its own (a Ctrl-C does not reach it), output appended to `log`."""
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    environment |= {MARK: _mark(component, directory), "HOME": str(directory), **(more_environment or {})}
    output = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    # posix_spawn and not subprocess: the process outlives us on purpose, a Popen object would complain about that.
    pid = os.posix_spawn(
        argv[0],
        argv,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), output, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE],
    )
    # The kernel lets us go on before the new program has its environment: until then it would not count as running.
    handle = os.pidfd_open(pid)
    try:
        while _mark_of(pid) is None and not _ended(handle, 0.001):
            pass
    finally:
        os.close(handle)


def running(directory: Path) -> list[Process]:
    """Every process of the cluster in `directory` that has not ended."""
    prefix = _mark("", directory)
    found = [
        Process(mark.removesuffix(prefix), int(entry.name), directory)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and (mark := _mark_of(int(entry.name))) is not None and mark.endswith(prefix)
    ]
    return sorted(found, key=lambda process: process.component)


def stop(processes: Iterable[Process], grace_s: float) -> None:
    """Ask each process to end (SIGTERM), all at once; kill (SIGKILL) what has not ended after `grace_s` seconds."""
    with contextlib.ExitStack() as stack:
        handles = {process.pid: handle for process in processes if (handle := _open(process, stack)) is not None}
        for handle in handles.values():
            _signal(handle, signal.SIGTERM)
        for pid, handle in handles.items():
            if not _ended(handle, grace_s):
                _signal(handle, signal.SIGKILL)
                _ended(handle, grace_s)
            with contextlib.suppress(ChildProcessError):  # a long-lived parent (a test run) shall gather no zombies
                os.waitpid(pid, os.WNOHANG)


def _open(process: Process, stack: contextlib.ExitStack) -> int | None:
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    stack.callback(os.close, handle)
    return handle if _mark_of(process.pid) == _mark(process.component, process.directory) else None


def _signal(handle: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, number)


def _ended(handle: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def _mark(component: str, directory: Path) -> str:
    return f"{component}@{directory.resolve()}"


def _has_environment(pid: int) -> bool:
    """Whether a process whose environment reads as empty has one: between two programs (`exec`) it does for an instant.

    Raises OSError for what never has one: ended processes, and threads of the kernel.
    """
    Path(f"/proc/{pid}/exe").readlink()
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    begins, ends = fields[_ENVIRONMENT]
    return ends == "0" or begins != ends


def _mark_of(pid: int) -> str | None:
    """The mark in a process's environment; None when it is gone, ended, another user's or not marked."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        deadline = time.monotonic() + _EXEC_WITHIN_S
        while not environment and _has_environment(pid) and time.monotonic() < deadline:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    wanted = f"{MARK}=".encode()
    return next((item[len(wanted) :].decode() for item in environment.split(b"\0") if item.startswith(wanted)), None)
