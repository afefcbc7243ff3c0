"""Files that are either whole or absent, and locks that end with their process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def user_cache() -> Path:
    """Where what was built or downloaded once is kept: ONSHORE_CACHE, else `onshore` in the user's cache folder."""
    if own := os.environ.get("ONSHORE_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "").rstrip("/") or "~/.cache").expanduser() / "onshore"


def write_whole(path: Path, content: str, mode: int = 0o600) -> None:
    """Write a file so that a reader, or a run after a kill, sees the old content or the new one, never half of it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)
    part.replace(path)


@contextlib.contextmanager
def refusing(what: str, fix: str) -> Iterator[None]:
    """Turn what the file system refuses (no right, read-only, disk full) into a SandboxError."""
    try:
        yield
    except OSError as error:
        raise SandboxError(
            f"{what}: {error.strerror or error}{f' ({error.filename})' if error.filename else ''}.", fix
        ) from error


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive lock on a file; `waiting` is called once when another process holds it. A kill releases it."""
    while True:
        with path.open("a", encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(stream, fcntl.LOCK_EX)
            # Who held it may have removed the file: then the lock is on nothing that others would find.
            if path.exists() and path.stat().st_ino == os.fstat(stream.fileno()).st_ino:
                yield
                return
