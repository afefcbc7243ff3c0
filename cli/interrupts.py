"""Ctrl-C is answered at once, whichever engine runs and whatever it waits for."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANSWERS: Final = (
    "interrupting: what runs is finished and saved; press again to give up",
    "giving up what runs",
)
_ASKING_TO_END: Final = {signal.SIGINT, signal.SIGTERM}


@contextlib.contextmanager
def answered() -> Iterator[None]:
    """Say on stderr what Ctrl-C and SIGTERM will do, as they come; only a process's main thread gets them.

    The engines have handlers of their own. Python tells a file descriptor of each signal that has one, before the
    handler runs: a thread reads there and needs to know nothing of the engine.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    listener = threading.Thread(target=_answer, args=(told,), daemon=True)
    listener.start()
    before = signal.set_wakeup_fd(tell)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(tell)
        listener.join()
        os.close(told)


def _answer(told: int) -> None:
    answers = iter(_ANSWERS)
    while numbers := os.read(told, 16):
        for number in numbers:
            if number in _ASKING_TO_END and (answer := next(answers, "")):
                # a reader that has left must not end the listener: the engine's own handler decides about the run
                with contextlib.suppress(OSError):
                    click.echo(answer, err=True)
