"""Files that are whole at every moment: written beside, flushed, then put in place by rename."""

from __future__ import annotations

import contextlib
import os
import uuid
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

HEX_PATTERN: Final = "[0-9a-f]" * 32  # the part of a temporary file's name that is made up


def write_beside(path: Path, content: bytes) -> Path:
    """A flushed temporary file in the same folder; removed again when it cannot be written whole. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        error.filename = error.filename or str(path)  # a full disk does not say which file it was
        raise
    return temporary


def replace(path: Path, content: bytes) -> None:
    """The file with new content. Raises OSError; then it is as it was."""
    write_beside(path, content).replace(path)
    drop_sidecar(path)


def keep(path: Path, backup: Path) -> None:
    """Makes `backup` the file's present content; a hard link costs nothing and the file is only ever replaced."""
    temporary = backup.with_name(f".{backup.name}.{uuid.uuid4().hex}.tmp")
    try:
        os.link(path, temporary)
    except OSError:
        replace(backup, path.read_bytes())
        return
    temporary.replace(backup)
    drop_sidecar(backup)


def drop_sidecar(path: Path) -> None:
    """Removes what the CLI's blob library keeps beside a file, which is of the file's former content."""
    path.with_name(f"{path.name}.attrs").unlink(missing_ok=True)
