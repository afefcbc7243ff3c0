"""Folders that only this process sees, gone when it is done, whatever happened; and those of processes that died."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX: Final = "onshore-ansible-"
_LOCK: Final = "lock"
_BEING_MADE_S: Final = 60


def _home() -> Path:
    """In memory where there is such a place: what never reached a disk cannot be found on one."""
    memory = Path("/dev/shm")  # noqa: S108 - made private below
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


@contextmanager
def private_dir() -> Iterator[Path]:
    """A new folder of mode 0700; it holds a lock as long as this process lives, and goes at the end."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_home()))
    try:
        with (folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, from its first byte on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def sweep() -> None:
    """Remove the folders of this user's processes that were killed: nobody holds their lock any more."""
    for folder in _home().glob(f"{_PREFIX}*"):
        with suppress(OSError):
            found = folder.stat(follow_symlinks=False)
            # One that is just being made may not hold its lock yet.
            if found.st_uid != os.getuid() or folder.is_symlink() or time.time() - found.st_mtime < _BEING_MADE_S:
                continue
            with (folder / _LOCK).open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
