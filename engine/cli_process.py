"""Runs the Pulumi CLI so that Ctrl-C or SIGTERM ends it in order: once asks it to stop, twice makes it stop at once.

The caller gets control back only when the CLI has ended: until then it holds the lock and writes the state.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


class Finished(NamedTuple):
    """A command that ended; `code` is negative for the signal that killed it, `stopped_by` the one passed on, or 0."""

    code: int
    stdout: str
    stderr: str
    stopped_by: int = 0


def run_cli(
    path: Path,
    arguments: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    on_output: Callable[[str], object] | None = None,
    on_error: Callable[[str], object] | None = None,
) -> Finished:
    """Run one command without questions, colours or update checks, and wait for its end whatever happens.

    `on_output` and `on_error` get each line as it comes, without its end, on threads of their own.
    """
    process = subprocess.Popen(
        [path, "--non-interactive", "--color", "never", *arguments],
        cwd=cwd,
        env={
            **os.environ,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_AUTOMATION_API": "true",
            # What this environment brings, uv for one, is found without being activated.
            "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)]),
            **environment,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        # The terminal's Ctrl-C would reach the program too, and be printed as its failure; it is passed on below.
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    out, err = _Reader(process.stdout, on_output), _Reader(process.stderr, on_error)
    told: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        told.append(number)
        process.send_signal(signal.SIGINT)

    with _handling(pass_on):
        while process.returncode is None:
            # In short waits: an endless one would not notice a signal that another thread was told of.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
    return Finished(process.returncode, out.text(), err.text(), told[0] if told else 0)


@contextlib.contextmanager
def _handling(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM go to the handler; only a process's main thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


class _Reader:
    """Drains a pipe."""

    def __init__(self, stream: IO[str], on_line: Callable[[str], object] | None) -> None:
        self._parts: list[str] = []
        self._on_line = on_line
        self._thread = threading.Thread(target=self._drain, args=(stream,), daemon=True)
        self._thread.start()

    def _drain(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._parts.append(line)
                if self._on_line:
                    self._on_line(line.rstrip())

    def text(self) -> str:
        """All of it, once the process has ended."""
        # What the CLI leaves running may hold the pipe open.
        self._thread.join(timeout=5)
        return "".join(self._parts)
