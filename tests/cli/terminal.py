"""The command line in a terminal, as a person has it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from typing import TYPE_CHECKING, Self

from tests.project import COMMAND

if TYPE_CHECKING:
    from tests.project import Onshore

_PATIENCE_S = 60


class Terminal:
    """`onshore …` with a terminal for all three streams; `text` is what was shown so far."""

    def __init__(self, project: Onshore, *command: str) -> None:
        self._ours, theirs = pty.openpty()
        self._run = subprocess.Popen(
            [*COMMAND, *command],
            cwd=project.root,
            env={**project.environment, "TERM": "dumb"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._run.poll() is None:
            self._run.kill()
            self._run.wait()
        os.close(self._ours)

    def wait_for(self, words: str) -> None:
        """Read until the words were shown."""
        while words not in self.text:
            assert self._read(), self.text

    def type(self, text: str) -> None:
        """Type on the keyboard."""
        os.write(self._ours, text.encode())

    def ends(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        return self._run.wait(timeout=_PATIENCE_S)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], _PATIENCE_S)
        if not ready:
            raise TimeoutError(self.text)
        try:
            part = os.read(self._ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            return False
        self.text += part.decode()
        return bool(part)
