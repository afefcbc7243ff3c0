"""Folders that only this process sees, gone when it is done, whatever happened; and those of processes that died."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK: Final = "lock"
_BEING_MADE_S: Final = 60


def _home() -> Path:
    """In memory where there is such a place: what never reached a disk cannot be found on one."""
    memory = Path("/dev/shm")  # noqa: S108 - made private below
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


@contextmanager
def private_dir(kind: str) -> Iterator[Path]:
    """A new folder of mode 0700; it holds a lock as long as this process lives, and goes at the end."""
    folder, lock = _locked(kind)
    with lock:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _locked(kind: str) -> tuple[Path, IO[str]]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_prefix(kind), dir=_home()))
        lock = (folder / _LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / _LOCK).exists():  # else somebody swept it before it was locked
            return folder, lock
        lock.close()


def _prefix(kind: str) -> str:
    return f"onshore-{kind}-"


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, from its first byte on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def sweep(kind: str) -> None:
    """Remove the folders of this user's processes that were killed: nobody holds their lock any more."""
    for folder in _home().glob(f"{_prefix(kind)}*"):
        with suppress(OSError):
            found = folder.stat(follow_symlinks=False)
            if found.st_uid != os.getuid() or folder.is_symlink():
                continue
            if not (folder / _LOCK).exists():  # killed, or just now, while it was made
                if time.time() - found.st_mtime > _BEING_MADE_S:
                    folder.rmdir()
                continue
            with (folder / _LOCK).open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
