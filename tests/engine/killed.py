"""An up in a process of its own that kills itself: `python -m tests.engine.killed FOLDER POINT JOURNAL < program`.

A point is where something may have changed: before a provider is asked and after it did it, before each flush of a file
and before each file takes another's place. The process dies at the POINT-th, and prints how many it came to otherwise.
JOURNAL: from how many bytes on changes go to a journal.
"""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import signal
import sys
import threading
import uuid
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from engine.saving import snapshot
from engine.testing import Cloud, Kind, Stack
from tests.engine.projects import PRELUDE


class CloudInFolder(MutableMapping[str, Any]):
    """Things as files, so that they outlive the process; `changed` is called after each change."""

    def __init__(self, folder: Path, changed: Any = lambda: None) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._changed = changed

    def __getitem__(self, id_: str) -> Any:
        try:
            return json.loads((self._folder / id_).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise KeyError(id_) from None

    def __setitem__(self, id_: str, thing: Any) -> None:
        temporary = self._folder / f".{uuid.uuid4().hex}"
        temporary.write_text(json.dumps(thing), encoding="utf-8")
        os.rename(temporary, self._folder / id_)  # noqa: PTH104 - Path.replace is a point
        self._changed()

    def __delitem__(self, id_: str) -> None:
        try:
            (self._folder / id_).unlink()
        except FileNotFoundError:
            raise KeyError(id_) from None
        self._changed()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.name for path in self._folder.iterdir() if not path.name.startswith(".")))

    def __len__(self) -> int:
        return len(list(iter(self)))


class Points:
    """Counts the points, and dies at one."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._lock = threading.Lock()
        self.seen = 0

    def __call__(self, *_: object) -> None:
        with self._lock:
            self.seen += 1
            if self.seen == self._at:
                os.kill(os.getpid(), signal.SIGKILL)


def stack_in(folder: Path, program: str, point: Any = lambda *_: None) -> Stack:
    """The stack of that folder with its cloud; every change is a point."""
    cloud = Cloud(
        {"fake:index:Thing": Kind(fixed=("immutable",))}, things=CloudInFolder(folder / "cloud", point), on_call=point
    )
    return Stack(folder, cloud, program=PRELUDE + program)


def main(folder: str, at: str, journal_from: str) -> None:
    """Runs the program that standard input holds."""
    snapshot._JOURNAL_FROM_BYTES = int(journal_from)  # type: ignore[misc]
    point = Points(int(at))
    fsync, replace = os.fsync, pathlib.Path.replace

    def flushing(file: int) -> None:
        point()
        fsync(file)

    def replacing(path: Path, target: Path) -> Path:
        point()
        return replace(path, target)

    os.fsync, pathlib.Path.replace = flushing, replacing  # type: ignore[method-assign,assignment]
    ran = stack_in(Path(folder), sys.stdin.read(), point).up()
    assert ran.ok, ran.errors
    print(point.seen)


if __name__ == "__main__":
    main(*itertools.islice(sys.argv, 1, 4))
