"""A run that is to end early: Ctrl-C, SIGTERM, or a call from another thread; and what that means for its exit code."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.executor import Executor


class Interruption:
    """Whether one run was asked to end: what is running is finished and saved, nothing new begins."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._signal = 0
        self._executor: Executor | None = None

    @property
    def asked(self) -> bool:
        """Whether it was."""
        return self._asked.is_set()

    @property
    def exit_code(self) -> int:
        """What a process that was ended so returns."""
        return 128 + (self._signal or signal.SIGINT)

    def concerns(self, executor: Executor) -> None:
        """From now on this is what is to end; at once where it was asked for already."""
        self._executor = executor
        if self.asked:
            executor.stop()

    def ask(self) -> None:
        """Asks for it; a second time: asks providers to give up what is running."""
        executor = self._executor
        if self.asked and executor is not None:
            threading.Thread(target=executor.providers.cancel, daemon=True).start()
        self._asked.set()
        if executor is not None:
            # the planner's lock may be held by the very thread a signal interrupted
            threading.Thread(target=executor.stop, daemon=True).start()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM ask for it while the block runs; only a process's main thread may say so."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, _frame: object) -> None:
            self._signal = number
            self.ask()

        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
