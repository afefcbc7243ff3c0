"""A stack's locks, in the form that both engines honour (`pkg/backend/diy/lock.go`)."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.errors import Lock, LockedError
from engine.saving import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def held(folder: Path, stack: str, root: Path | None = None) -> Iterator[None]:
    """Holds the stack alone while the block runs; raises LockedError naming who holds it and since when."""
    _refuse(folder, stack, root)
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / f"{uuid.uuid4()}.json"
    holder = {
        "pid": os.getpid(),
        "username": getpass.getuser(),
        "hostname": socket.gethostname(),
        "timestamp": datetime.now(UTC).isoformat(),
    }
    files.replace(own, json.dumps(holder).encode())
    try:
        _refuse(folder, stack, root, own)
        yield
    finally:
        own.unlink(missing_ok=True)


def remove_all(folder: Path) -> int:
    """Removes every lock, as `pulumi cancel` does; how many there were."""
    locks = _locks(folder)
    for path in locks:
        path.unlink(missing_ok=True)
        files.drop_sidecar(path)
    return len(locks)


def remove_of(folder: Path, pid: int) -> int:
    """Removes the locks of a process of this machine that is no more; how many there were. Others' stay."""
    if _runs(pid):
        return 0
    found = [path for path in _locks(folder) if _holder(path) == (pid, socket.gethostname())]
    for path in found:
        path.unlink(missing_ok=True)
        files.drop_sidecar(path)
    return len(found)


def _holder(path: Path) -> tuple[int, str] | None:
    try:
        who = json.loads(path.read_text(encoding="utf-8"))
        return int(who["pid"]), str(who["hostname"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _locks(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def _refuse(folder: Path, stack: str, root: Path | None, own: Path | None = None) -> None:
    others = [path for path in _locks(folder) if path != own]
    if not others:
        return
    raise LockedError(stack, [_lock(path) for path in others], root)


def _lock(path: Path) -> Lock:
    from engine.display.values import label  # noqa: PLC0415 - brings in the displays; most runs meet no lock

    try:
        who = json.loads(path.read_text(encoding="utf-8"))
        user, host, pid, since = (label(str(who[key])) for key in ("username", "hostname", "pid", "timestamp"))
        is_dead = host == socket.gethostname() and not _runs(int(pid))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Lock(str(path), "somebody this engine cannot tell: the lock is unreadable")
    return Lock(str(path), f"{user}@{host} (pid {pid})", since, is_dead=is_dead)
