"""A run as a live tree of resources with elapsed times: for terminals."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from engine.display.details import Details
from engine.display.paint import wants_color
from engine.display.text import Line, Phases, change_lines, row_line, text_of

if TYPE_CHECKING:
    from typing import TextIO

    from engine.display.run import Row

_REFRESHES_PER_S: Final = 8
_UNCHANGED: Final = frozenset({"same", "refresh", "read"})
_PARTS_OF_A_REPLACEMENT: Final = frozenset({"create-replacement", "delete-replaced"})
# Lines below the tree: the count of what is not shown, and room for the prompt.
_RESERVED_LINES: Final = 4
# Below it a name tells nothing, and its type gives way.
_SHORTEST_NAME: Final = 8


class TreeDisplay:
    """Draws events as they come; call `close` at the end. May be called from any thread.

    What runs or failed is always on the screen; when there are too many resources, finished ones give way.
    `detailed`: the first phase leaves every property behind, as `pulumi … --diff` does, and not the tree.
    """

    def __init__(self, stream: TextIO, *, color: bool | None = None, detailed: bool = False) -> None:
        colored = wants_color(stream) if color is None else color
        self._console = Console(file=stream, no_color=not colored, highlight=False)
        self._phases = Phases()
        self._details = Details() if detailed else None
        self._detail_lines: list[Line] = []
        # Two locks: the refreshing thread takes `_data` while it draws, and must not be waited for with it held.
        self._data = threading.Lock()
        self._drawing = threading.Lock()
        self._live: Live | None = None

    def __call__(self, event: dict[str, Any]) -> None:
        with self._drawing:
            with self._data:
                _, closing = self._phases.feed(event, time.monotonic())
                if self._details:
                    self._detail_lines += self._details.feed(event)
            if closing:
                self._end_phase(closing)
            elif self._live is None and "cancelEvent" not in event:
                self._start()

    def close(self) -> None:
        """Leaves the last picture, and what an unfinished run has said so far."""
        with self._drawing:
            with self._data:
                closing = self._phases.close()
            if closing or self._live:
                self._end_phase(closing)

    def _start(self) -> None:
        self._live = Live(
            get_renderable=self._picture,
            console=self._console,
            refresh_per_second=_REFRESHES_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _end_phase(self, closing: list[Line]) -> None:
        live, self._live = self._live, None
        if live:
            live.stop()
        told = self._detail_lines if self._details else self._lines(None)
        self._details = None
        for line in [*told, [], *closing, []]:
            for part in _folded(_text(line), self._console.width):
                self._console.print(part, soft_wrap=True)

    def _picture(self) -> Group:
        with self._data:
            lines = self._lines(max(3, self._console.height - _RESERVED_LINES))
        texts = [_text(line) for line in lines]
        for text in texts:
            text.truncate(self._console.width, overflow="ellipsis")
        return Group(*texts)

    def _lines(self, limit: int | None) -> list[Line]:
        """The tree; with a limit (a live picture) finished rows give way, without one rows also show their changes."""
        run, now = self._phases.run, time.monotonic()
        rows = _ordered(list(run.rows.values()))
        wanted = [urn for urn, row in run.rows.items() if _is_worth_showing(row)]
        if limit is not None:
            # The latest first, but what runs or failed before all.
            wanted.reverse()
            wanted.sort(key=lambda urn: run.rows[urn].status == "done")
            del wanted[limit:]
        kept = set(wanted)
        lines: list[Line] = []
        for row, depth in rows:
            if row.urn not in kept:
                continue
            indent = "  " * (depth + 1)
            shown = _as_one(row, run.is_preview)
            if limit is not None:
                shown = _fitted(shown, self._console.width - len(indent), is_preview=run.is_preview, now=now)
            lines.append([(indent, ""), *row_line(shown, is_preview=run.is_preview, now=now)])
            if limit is None and not self._phases.had_preview:
                lines += [[(f"{indent}    ", ""), *changed] for changed in change_lines(row)]
        if limit is not None:
            lines.append(_tally(list(run.rows.values())))
        return lines


def _is_worth_showing(row: Row) -> bool:
    if row.is_internal:
        return False
    return row.status != "done" or row.op not in _UNCHANGED


def _as_one(row: Row, is_preview: bool) -> Row:
    """A replacement in one word, unless one of its parts is under way."""
    if row.op in _PARTS_OF_A_REPLACEMENT and (is_preview or row.status == "done"):
        return replace(row, op="replace")
    return row


def _fitted(row: Row, width: int, *, is_preview: bool, now: float) -> Row:
    """The row, its type and then its name shortened until its state can be seen; only its message may be cut off."""
    kind = row.type.rpartition(":")[2]
    for each in (row, replace(row, type=kind)):
        over = len(text_of(row_line(replace(each, message=""), is_preview=is_preview, now=now))) - width
        if over <= 0:
            return each
    left = len(row.name) - over
    if left < _SHORTEST_NAME:
        left, kind = max(left + len(kind), 1), ""
    return replace(row, type=kind, name=_middle_cut(row.name, left))


def _middle_cut(name: str, length: int) -> str:
    """A name without its middle: the ends tell siblings apart."""
    if len(name) <= length:
        return name
    head = length // 2
    return f"{name[:head]}…{name[len(name) - (length - head - 1) :]}"


def _folded(text: Text, width: int) -> list[Text]:
    """A text in lines that break between words, deeper than the first; a word stays whole, for it may be copied."""
    words = list(re.finditer(r"\S+", text.plain))
    hang = (words[0].start() if words else 0) + 2
    breaks: list[int] = []
    for word in words[1:]:
        taken = word.end() - breaks[-1] + hang if breaks else word.end()
        if taken > width:
            breaks.append(word.start())
    first, *rest = text.divide(breaks)
    lines = [first, *(Text(" " * hang).append_text(part) for part in rest)]
    for line in lines[:-1]:
        line.rstrip()
    return lines


def _ordered(rows: list[Row]) -> list[tuple[Row, int]]:
    """Rows as a tree: children below their parent, with their depth."""
    known = {row.urn for row in rows}
    children: dict[str, list[Row]] = {}
    for row in rows:
        children.setdefault(row.parent if row.parent in known else "", []).append(row)
    ordered: list[tuple[Row, int]] = []
    waiting = [(row, 0) for row in reversed(children.get("", []))]
    while waiting:
        row, depth = waiting.pop()
        ordered.append((row, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(row.urn, []))]
    return ordered


def _tally(rows: list[Row]) -> Line:
    running = sum(row.status == "running" for row in rows)
    failed = sum(row.status == "failed" for row in rows)
    text = f"  {len(rows) - running - failed} done, {running} running"
    return [(text, "dim"), (f", {failed} failed" if failed else "", "red")]


def _text(line: Line) -> Text:
    return Text.assemble(*((piece, style) for piece, style in line))
