"""Show stages to a person: one plain line each, and on a terminal the time the current one has taken so far."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TICK_S: Final = 1.0
_CLEAR_LINE: Final = "\r\x1b[2K"


@contextlib.contextmanager
def shown_on(stream: TextIO) -> Iterator[Callable[[str], None]]:
    """Yield a `progress` that writes each stage to `stream`; a terminal sees the time of the last one run on."""
    if not stream.isatty():
        yield lambda stage: print(stage, file=stream, flush=True)
        return
    ticker = _Ticker(stream)
    thread = threading.Thread(target=ticker.run, name="progress", daemon=True)
    thread.start()
    try:
        yield ticker.show
    finally:
        ticker.ended.set()
        thread.join()
        ticker.show("")


class _Ticker:
    """The current stage and when it began, redrawn by a thread of its own."""

    def __init__(self, stream: TextIO) -> None:
        self.ended = threading.Event()
        self._stream = stream
        self._lock = threading.Lock()
        self._stage = ""
        self._began = 0.0

    def show(self, stage: str) -> None:
        """End the current stage's line and begin the next one's; '' begins none."""
        with self._lock:
            if self._stage:
                self._stream.write(f"{_CLEAR_LINE}{self._stage}\n")
            self._stage, self._began = stage, time.monotonic()
            self._stream.write(stage)
            self._stream.flush()

    def run(self) -> None:
        """Redraw the current line once a second until `ended`."""
        while not self.ended.wait(_TICK_S):
            with self._lock:
                if self._stage:
                    minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
                    self._stream.write(f"{_CLEAR_LINE}{minutes}:{seconds:02} {self._stage}")
                    self._stream.flush()
