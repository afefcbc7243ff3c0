"""Lines onto a stream, with or without colours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from engine.display.text import Line

_CODES: Final = {"red": 31, "green": 32, "yellow": 33, "magenta": 35, "cyan": 36, "bold": 1, "dim": 2}


def wants_color(stream: TextIO) -> bool:
    """Whether colours belong on this stream: only a terminal, and not with NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def write_lines(stream: TextIO, lines: Iterable[Line], *, color: bool) -> None:
    """Writes lines and flushes, so that a reader of a pipe sees them at once."""
    for line in lines:
        pieces = [f"\x1b[{_CODES[name]}m{text}\x1b[0m" if color and name and text else text for text, name in line]
        stream.write(f"{''.join(pieces).rstrip()}\n")
    stream.flush()
