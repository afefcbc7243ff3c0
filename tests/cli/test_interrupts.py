"""Ctrl-C is answered before the run has ended, once for each of the first two, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli import interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


@contextmanager
def _engine() -> Iterator[list[int]]:
    """The handler an engine installs; the signals it was told of."""
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


def test_each_ctrl_c_is_answered_and_the_engine_still_gets_it(capsys: pytest.CaptureFixture[str]) -> None:
    threads = threading.active_count()
    with interrupts.answered(), _engine() as seen:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
    assert seen == [signal.SIGINT] * 3
    said = capsys.readouterr().err.splitlines()
    assert said == ["interrupting: what runs is finished and saved; press again to give up", "giving up what runs"]
    assert threading.active_count() == threads
    assert signal.set_wakeup_fd(-1) == -1


def test_a_quiet_run_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with interrupts.answered(), _engine() as seen:
        pass
    assert (seen, capsys.readouterr().err) == ([], "")
