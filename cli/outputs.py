"""Files that a command writes for people: none is left half written, and nothing that is no file is taken away."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from inventories import OnshoreError


def forget(file: Path, what: str) -> None:
    """Take an earlier one away, so that a run which fails shows no other's; raises OnshoreError where none can lie.

    `what`: what is written there, for people. Behind a link its file is emptied, and the link stays; a device or a pipe
    holds nothing that is earlier.
    """
    try:
        _empty(file)
        if not file.resolve().parent.is_dir():
            raise _unwritable(file, what, "there is no such folder", "make the folder, or name another file")
    except OSError as error:
        raise _unwritable(file, what, error.strerror or "") from None


def write(file: Path, what: str, parts: Iterable[str]) -> None:
    """Write the parts one after the other; raises OnshoreError, and then nothing of them is left."""
    try:
        with file.open("w", encoding="utf-8") as opened:
            opened.writelines(parts)
    except OSError as error:
        with suppress(OSError):
            _empty(file)  # half of it may look whole
        raise _unwritable(file, what, error.strerror or "") from None


def _empty(file: Path) -> None:
    if not file.is_file():
        return
    if file.is_symlink():
        file.open("w").close()
    else:
        file.unlink()


def _unwritable(file: Path, what: str, why: str, fix: str = "make room, or name another file") -> OnshoreError:
    from inventories import Fault, OnshoreError  # noqa: PLC0415 - `--help` needs no inventories

    return OnshoreError(f"the {what} cannot be written", [Fault(str(file), why, fix=fix)])
