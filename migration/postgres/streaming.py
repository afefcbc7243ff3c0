"""A database from server to server: pg_dump speaks, pg_restore hears it at once, and a file keeps what was said.

So a copy takes as long as the slower of the two, and one whose target failed begins from the file. Both programs run
here, over pinned connections; indexes and constraints come last, several at a time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import tempfile
import time
from typing import IO, TYPE_CHECKING, Final

from inventories.faults import Fault, OnshoreError
from migration.postgres.server import program
from migration.reach import bound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from migration.postgres.server import Server

_BLOCK: Final = 1 << 18
_PIPE: Final = 1 << 20  # bytes: the most that anybody may ask for; both sides wait for each other less often
_POLL_S: Final = 0.05
_FULL: Final = "No space left on device"
_PARTIAL: Final = ".partial"


def stream(
    source: Server,
    target: Server,
    reading: Sequence[str],
    writing: Sequence[str],
    *,
    kept: Path | None = None,
    limit_bytes_s: int = 0,
    progress: Callable[[str, int], None] = lambda _, __: None,
    whole: Callable[[int], None] = lambda _: None,
) -> None:
    """Carry what pg_dump reads to pg_restore, each with its options, and raise OnshoreError in the words of who fails.

    `kept`: the file that bears its name once the dump is whole, which `whole` is then told with its bytes; what is
    there already is not read anew. It is for its owner only. `limit_bytes_s`: at most so much a second.
    """
    with contextlib.ExitStack() as stack:
        restoring = _Running(target, "pg_restore", writing, stack, stdin=subprocess.PIPE)
        hearing = _Carrier(restoring.process.stdin, limit_bytes_s, progress)
        if kept is not None and kept.exists():
            hearing.carry(stack.enter_context(kept.open("rb", buffering=0)))
        else:
            dumping = _Running(source, "pg_dump", ("--format=custom", "--compress=0", *reading), stack)
            with _partial(kept) as file:
                hearing.carry(dumping.process.stdout, file)
                dumping.check()
            whole(hearing.carried)
        hearing.close()
        restoring.check()


def finish(target: Server, options: Sequence[str], kept: Path, progress: Callable[[], None]) -> None:
    """Run pg_restore on a dump that is kept, to its end."""
    with contextlib.ExitStack() as stack:
        restoring = _Running(target, "pg_restore", [*options, str(kept)], stack)
        while restoring.process.poll() is None:
            progress()
            with contextlib.suppress(subprocess.TimeoutExpired):
                restoring.process.wait(_POLL_S)
        restoring.check()


class _Running:
    """One of PostgreSQL's programs at work; it ends with us, and with the stack."""

    def __init__(
        self,
        server: Server,
        name: str,
        options: Sequence[str],
        stack: contextlib.ExitStack,
        *,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.server, self.name = server, name
        self._errors: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        argv = bound([program(name), *options])
        self.process = subprocess.Popen(
            argv, stdin=stdin, stdout=subprocess.PIPE, stderr=self._errors, bufsize=0, pipesize=_PIPE
        )
        stack.callback(self._stop)

    def check(self) -> None:
        """Wait for its end; raises OnshoreError when it failed."""
        if self.process.wait():
            self._errors.seek(0)
            raise failed(self.server, self.name, self._errors.read())

    def _stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


class _Carrier:
    """Carries blocks to a program, and to a file beside it, at a rate."""

    def __init__(self, into: IO[bytes] | None, limit: int, progress: Callable[[str, int], None]) -> None:
        assert into is not None  # noqa: S101 - a pipe was asked for
        self._into, self._limit, self._progress = into, limit, progress
        self._hears = True
        self._started = time.monotonic()
        self.carried = 0

    def carry(self, source: IO[bytes] | None, beside: IO[bytes] | None = None) -> None:
        assert source is not None  # noqa: S101 - a pipe was asked for
        while block := os.read(source.fileno(), _BLOCK):
            if beside is not None:
                beside.write(block)
            if self._hears:
                self._tell(block)
            elif beside is None:
                return
            self.carried += len(block)
            self._progress("copying", self.carried)
            if self._limit:
                time.sleep(max(0.0, self.carried / self._limit - (time.monotonic() - self._started)))

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._into.close()

    def _tell(self, block: bytes) -> None:
        view = memoryview(block)
        try:
            while view:
                view = view[os.write(self._into.fileno(), view) :]
        except BrokenPipeError:  # it has ended, well or not; what the source says is kept all the same
            self._hears = False


@contextlib.contextmanager
def _partial(kept: Path | None) -> Iterator[IO[bytes] | None]:
    """The file to be, which gets its name when all went well; raises OnshoreError when the disk here is full."""
    if kept is None:
        yield None
        return
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = kept.with_name(kept.name + _PARTIAL)
    partial.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0) as file:
            yield file
    except OSError as error:
        full = "is full" if error.errno == errno.ENOSPC else "cannot be written"
        what, fix = f"the disk here {full}, where dumps are staged", "make room and run it again; nothing was lost"
        fault = Fault(str(partial), what, error.strerror or "", fix=fix)
        raise OnshoreError("the database cannot be moved", [fault], failed=True) from None
    partial.rename(kept)


def failed(server: Server, name: str, stderr: bytes) -> OnshoreError:
    """The fault of one of PostgreSQL's programs, in its own words."""
    lines = [line for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    said = next((line for line in lines if _FULL in line), None) or next(iter(lines), "")
    what, fix = f"{name} failed", "mend it and run it again: what was done is kept"
    if _FULL in said:
        what, fix = "the disk there is full", "make room and run it again; nothing was lost at the source"
    fault = Fault(server.name, what, said, fix=fix)
    return OnshoreError(f"the database cannot be moved by way of {server.name}", [fault], failed=True)
