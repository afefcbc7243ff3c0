"""A small disk of its own, where this may be mounted: what a full or read-only one does cannot be had otherwise."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Disk:
    """A mounted tmpfs of 64 KiB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = folder.as_uri()

    def fill(self, *, leave: int = 0) -> None:
        """Leave only so many bytes free (whole pages of memory)."""
        with contextlib.suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        size = (self.folder / "filler").stat().st_size
        os.truncate(self.folder / "filler", size - leave)

    def empty(self) -> None:
        """Take away what fills it."""
        (self.folder / "filler").unlink()

    def seal(self) -> None:
        """Make it read-only, for root too."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """Mounted while it is used; skips by name where this is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "onshore-test", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False) if os.geteuid() == 0 else None
    if done is None or done.returncode:
        pytest.skip(f"a full disk needs root and mount: {done.stderr.strip() if done else 'not root'}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
