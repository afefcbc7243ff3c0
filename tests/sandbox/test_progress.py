"""What a person sees of long work."""

from __future__ import annotations

import io
import re
import threading

import pytest

from sandbox import shown_on

_REDRAWN = re.compile(r"\x1b\[2K0:(?!00)\d\d building etcd \(1 of 6\)")  # a busy machine skips a second


class _Terminal(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.redrawn = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if _REDRAWN.search(text):
            self.redrawn.set()
        return written

    def isatty(self) -> bool:
        return True


def test_each_stage_is_one_plain_line_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with shown_on(stream) as progress:
        progress("building etcd (1 of 6)")
        progress("building kwok (6 of 6)")
    assert stream.getvalue() == "building etcd (1 of 6)\nbuilding kwok (6 of 6)\n"


def test_a_terminal_ends_with_the_same_lines() -> None:
    stream = _Terminal()
    with shown_on(stream) as progress:
        progress("building etcd (1 of 6)")
        progress("building kwok (6 of 6)")
    seen = [line.rsplit("\x1b[2K", 1)[-1] for line in stream.getvalue().removesuffix("\n").split("\n")]
    assert seen == ["building etcd (1 of 6)", "building kwok (6 of 6)"]


def test_a_terminal_sees_the_time_run_on_and_a_failure_leaves_the_line_whole() -> None:
    stream = _Terminal()

    def fail_after_a_second() -> None:
        with shown_on(stream) as progress:
            progress("building etcd (1 of 6)")
            assert stream.redrawn.wait(30)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_after_a_second()
    assert _REDRAWN.search(stream.getvalue())
    assert stream.getvalue().endswith("\x1b[2Kbuilding etcd (1 of 6)\n")
