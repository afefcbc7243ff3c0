"""The processes of one run, found by the name of its private folder, and ended all of them.

Ansible's workers lead sessions of their own and ssh's shared connections outlive their callers, so neither a process
group nor a tree holds them together. What they share is the folder, in the environment or, for ssh, in the title.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MARK: Final = "ONSHORE_ANSIBLE_RUN"
_POLL_S: Final = 0.05


def processes_of(folder: Path) -> list[int]:
    """Every process of a run but this one."""
    mark = os.fsencode(folder)
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(entry.name) != os.getpid() and any(
                mark in (entry / file).read_bytes() for file in ("environ", "cmdline")
            ):
                found.append(int(entry.name))
    return found


def end(folder: Path, *, grace_s: float) -> None:
    """Interrupt what runs, as Ctrl-C would; what is left after `grace_s` is killed."""
    leaders = [pid for pid in processes_of(folder) if _parent(pid) == os.getpid()]
    for pid in leaders:
        _signal(pid, signal.SIGINT)
    if leaders:
        _wait(lambda: not any(_runs(pid) for pid in leaders), grace_s)
    for _ in range(10):
        left = [pid for pid in processes_of(folder) if _runs(pid)]
        if not left:
            return
        for pid in left:
            _signal(pid, signal.SIGKILL)
        _wait(lambda: not any(_runs(pid) for pid in left), 1.0)  # noqa: B023 - called at once


def _wait(done: Callable[[], bool], at_most_s: float) -> None:
    deadline = time.monotonic() + at_most_s
    while not done() and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _status(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return []


def _parent(pid: int) -> int:
    status = _status(pid)
    return int(status[1]) if status else 0


def _runs(pid: int) -> bool:
    """A process that ended and was not collected yet does not run."""
    status = _status(pid)
    return bool(status) and status[0] != "Z"


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
