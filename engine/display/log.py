"""A run as lines one after the other: for files, pipes and CI."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from engine.display.details import Details
from engine.display.paint import wants_color, write_lines
from engine.display.run import name_of
from engine.display.text import Line, Phases, change_lines, row_line
from engine.display.values import printable

if TYPE_CHECKING:
    from typing import TextIO

    from engine.display.run import Row

_SILENT: Final = frozenset({"same", "refresh", "read"})
# A replacement is one line in a preview and two in an update.
_NOT_IN_PREVIEW: Final = frozenset({"create-replacement", "delete-replaced"})


class LogDisplay:
    """Prints events as they come; call `close` at the end. May be called from any thread.

    `detailed`: the first phase shows every property, as `pulumi … --diff` does; what follows is one line a step.
    """

    def __init__(self, stream: TextIO, *, color: bool | None = None, detailed: bool = False) -> None:
        self._stream = stream
        self._details = Details() if detailed else None
        self._color = wants_color(stream) if color is None else color
        self._phases = Phases(info=False)
        self._printed: set[tuple[str, str, str]] = set()
        self._lock = threading.Lock()

    def __call__(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        with self._lock:
            row, closing = self._phases.feed(event, now)
            if "diagnosticEvent" in event:
                self._write(_said(event["diagnosticEvent"]))
            elif self._details and row and "resOpFailedEvent" not in event:
                self._write(self._details.feed(event))
            elif row:
                self._write(self._row_lines(row))
            if closing:
                self._printed.clear()
                self._details = None
                self._write([[], *closing, []])

    def close(self) -> None:
        """Prints what an unfinished run has said so far."""
        with self._lock:
            self._write(self._phases.close())

    def _row_lines(self, row: Row) -> list[Line]:
        run = self._phases.run
        if row.is_internal or (row.status != "failed" and _is_silent(row, is_preview=run.is_preview)):
            return []
        # A component's step ends when it is registered, and in a preview again with its outputs.
        if (row.urn, row.op, row.status) in self._printed:
            return []
        self._printed.add((row.urn, row.op, row.status))
        lines = [[("  ", ""), *row_line(row, is_preview=run.is_preview)]]
        if row.status != "running" and not self._phases.had_preview:
            lines += [[("      ", ""), *line] for line in change_lines(row)]
        return lines

    def _write(self, lines: list[Line]) -> None:
        write_lines(self._stream, lines, color=self._color)


def _is_silent(row: Row, *, is_preview: bool) -> bool:
    """Whether this moment is no news: unchanged, a mere part, or a component that waits for its children."""
    if row.op in _SILENT:
        return True
    if is_preview:
        return row.status == "running" or row.op in _NOT_IN_PREVIEW
    state = row.metadata.get("new") or row.metadata.get("old") or {}
    return row.op == "replace" or (row.status == "running" and not state.get("custom"))


def _said(body: dict[str, Any]) -> list[Line]:
    """What the program itself prints, at once; warnings and errors come at the end, by resource."""
    message = printable(body.get("message", "")).rstrip()
    if body.get("ephemeral") or not message or body.get("severity") not in {"info", "info#err"}:
        return []
    subject = name_of(body["urn"]) if body.get("urn") else ""
    return [[("  | ", "dim"), (f"{subject}: " if subject else "", "dim"), (line, "")] for line in message.splitlines()]
