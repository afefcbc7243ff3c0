"""The words of a run: one line a resource, findings of policies, messages, outputs, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.display.changes import changes
from engine.display.run import Run, name_of, type_of
from engine.display.values import SECRET, compact, contains_secret, label

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from engine.display.run import Diagnostic, Row, Violation


class Words(NamedTuple):
    """An operation's sign and colour, and what it is called in a preview, while it runs and when it is done."""

    sign: str
    color: str
    plan: str
    running: str
    done: str


OPERATIONS: Final = {
    "same": Words(" ", "", "unchanged", "checking", "unchanged"),
    "create": Words("+", "green", "create", "creating", "created"),
    "update": Words("~", "yellow", "update", "updating", "updated"),
    "delete": Words("-", "red", "delete", "deleting", "deleted"),
    "replace": Words("±", "magenta", "replace", "replacing", "replaced"),
    "create-replacement": Words("±", "magenta", "create replacement", "creating replacement", "created replacement"),
    "delete-replaced": Words("±", "magenta", "delete original", "deleting original", "deleted original"),
    "read": Words(">", "cyan", "read", "reading", "read"),
    "read-replacement": Words(">", "cyan", "read replacement", "reading replacement", "read replacement"),
    "refresh": Words(" ", "cyan", "refresh", "refreshing", "refreshed"),
    "import": Words("=", "cyan", "import", "importing", "imported"),
    "import-replacement": Words("=", "cyan", "import replacement", "importing replacement", "imported replacement"),
    "discard": Words("<", "red", "forget", "forgetting", "forgotten"),
    "discard-replaced": Words("<", "red", "forget original", "forgetting original", "forgotten original"),
    "remove-pending-replace": Words("-", "red", "finish replacing", "finishing to replace", "finished replacing"),
}
_LEVEL_COLORS: Final = {"mandatory": "red", "remediate": "red", "advisory": "yellow"}
_SEVERITY_COLORS: Final = {"error": "red", "warning": "yellow"}
_COUNTED: Final = ("create", "update", "replace", "delete", "import", "read", "refresh", "discard")

# A line is pieces of text, each with a colour name ("" for none).
Line = list[tuple[str, str]]


def words(op: str) -> Words:
    """The words of an operation; one of a later version is called by its own name."""
    return OPERATIONS.get(op) or Words("?", "", op, op, op)


def row_line(row: Row, *, is_preview: bool, now: float | None = None) -> Line:
    """A resource and what is being done to it; `now` gives a running one its elapsed seconds."""
    op = words(row.op)
    if row.status == "failed":
        state, color = f"{op.plan} FAILED", "red"
    elif is_preview:
        state, color = op.plan, op.color
    else:
        state, color = (op.running if row.status == "running" else op.done), op.color
    line: Line = [(f"{op.sign} ", op.color), (f"{row.type} ", ""), (row.name, "bold"), (f"  {state}", color)]
    elapsed = row.took if now is None or row.status != "running" else now - row.started
    if not is_preview and elapsed >= 0.05:
        line.append((f" ({duration(elapsed)})", "dim"))
    if row.message and row.status != "failed":
        line.append((f"  {row.message}", "dim"))
    return line


def change_lines(row: Row) -> list[Line]:
    """The property changes of a resource that is updated or replaced."""
    if row.op not in {"update", "replace", "create-replacement", "delete-replaced"}:
        return []
    lines: list[Line] = []
    for change in changes(row.metadata):
        color = {"+": "green", "-": "red", "~": "yellow"}.get(change.sign, "dim")
        line: Line = [
            (f"{change.sign} ", color),
            (label(change.path), ""),
            (f": {change.text}" if change.text else "", ""),
        ]
        if change.forces_replacement:
            line.append(("  forces replacement", "magenta"))
        lines.append(line)
    return lines


def violation_lines(violations: Iterable[Violation]) -> list[Line]:
    """Findings grouped by resource, the severest level first."""
    groups: dict[str, list[Violation]] = {}
    for violation in violations:
        groups.setdefault(violation.urn, []).append(violation)
    lines: list[Line] = []
    for urn, found in groups.items():
        lines.append(_subject(urn))
        for violation in sorted(found, key=lambda one: (one.level == "advisory", one.policy)):
            color = _LEVEL_COLORS.get(violation.level, "")
            lines.append(
                [
                    ("    ", ""),
                    (f"[{violation.level}] ", color),
                    (violation.policy, "bold"),
                    (f"  ({violation.pack})", "dim"),
                ]
            )
            lines += [[("        ", ""), (text, "")] for text in violation.message.splitlines()]
    return lines


def diagnostic_lines(diagnostics: Mapping[Diagnostic, int]) -> list[Line]:
    """Messages grouped by resource; equal ones once, with how often they came."""
    groups: dict[str, list[tuple[Diagnostic, int]]] = {}
    for diagnostic, count in diagnostics.items():
        groups.setdefault(diagnostic.urn, []).append((diagnostic, count))
    lines: list[Line] = []
    for urn, said in groups.items():
        lines.append(_subject(urn))
        for diagnostic, count in said:
            color = _SEVERITY_COLORS.get(diagnostic.severity, "")
            prefix = f"{diagnostic.severity}: " if color else ""
            first, *rest = diagnostic.message.splitlines()
            times = f"  ({count} times)" if count > 1 else ""
            lines.append([("    ", ""), (prefix, color), (first, ""), (times, "dim")])
            lines += [[("    ", ""), (text, "")] for text in rest]
    return lines


def _subject(urn: str) -> Line:
    if not urn:
        return [("  the run", "bold")]
    return [("  ", ""), (f"{type_of(urn)} ", ""), (name_of(urn), "bold")]


def output_lines(outputs: Mapping[str, Any]) -> list[Line]:
    """Stack outputs, one a line, names aligned."""
    named = [(label(name), value) for name, value in sorted(outputs.items())]
    width = max((len(name) for name, _ in named), default=0)
    return [
        [("  ", ""), (f"{name:<{width}}", "bold"), (f"  {SECRET if contains_secret(value) else compact(value)}", "")]
        for name, value in named
    ]


def count_line(summary: Mapping[str, Any]) -> Line:
    """How many resources of each kind, how long, and how it ended."""
    counts = dict(summary.get("resourceChanges") or {})
    is_preview = bool(summary.get("isPreview"))
    same = counts.pop("same", 0)
    line: Line = [("Resources: ", "bold")]
    parts: Line = []
    for op in (*_COUNTED, *sorted(counts.keys() - set(_COUNTED))):
        if counts.get(op):
            text = f"{counts[op]} to {words(op).plan}" if is_preview else f"{counts[op]} {words(op).done}"
            parts.append((text, words(op).color))
    if same:
        parts.append((f"{same} unchanged", ""))
    for index, part in enumerate(parts or [("none", "")]):
        line += [(", ", ""), part] if index else [part]
    line.append((f"  ({duration(summary.get('durationSeconds') or 0)})", "dim"))
    if summary.get("result") not in (None, "", "succeeded"):
        line.append((f"  {str(summary['result']).upper()}", "red"))
    return line


def closing_lines(run: Run, *, info: bool = True, shown: Collection[Violation | Diagnostic] = ()) -> list[Line]:
    """What is said at the end of a phase, without what was `shown` already; `info`: also what programs print."""
    messages = {
        diagnostic: count
        for diagnostic, count in run.diagnostics.items()
        if diagnostic not in shown and (info or diagnostic.severity in _SEVERITY_COLORS)
    }
    sections: tuple[tuple[str, list[Line]], ...] = (
        ("Changed by policies:", violation_lines(one for one in run.remediations if one not in shown)),
        ("Policies:", violation_lines(one for one in run.violations if one not in shown)),
        ("Messages:", diagnostic_lines(messages)),
        ("Outputs:", output_lines(run.outputs)),
    )
    lines: list[Line] = []
    for title, body in sections:
        if body:
            lines += [[(title, "bold")], *body, []]
    if run.summary is not None:
        lines.append(count_line(run.summary))
    return lines


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`."""
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def text_of(line: Line) -> str:
    """A line without colours."""
    return "".join(piece for piece, _ in line).rstrip()


class Phases:
    """The phases of a whole run: a preview, then perhaps an update; what the first said, the second does not repeat."""

    def __init__(self, *, info: bool = True) -> None:
        self.run = Run()
        self.had_preview = False
        self._info = info
        self._shown: set[Violation | Diagnostic] = set()
        self._closed = False

    def feed(self, event: dict[str, Any], now: float) -> tuple[Row | None, list[Line]]:
        """Takes an event; returns the resource it was about, and the closing lines when it ended a phase."""
        if self._closed and "cancelEvent" not in event:
            self.had_preview = self.had_preview or self.run.is_preview
            self.run, self._closed = Run(), False
        row = self.run.feed(event, now)
        return row, self.close() if "summaryEvent" in event else []

    def close(self) -> list[Line]:
        """The closing lines of the present phase; none when it is closed."""
        if self._closed:
            return []
        self._closed = True
        lines = closing_lines(self.run, info=self._info, shown=self._shown)
        self._shown |= {*self.run.remediations, *self.run.violations, *self.run.diagnostics}
        return lines


def summary_text(events: Iterable[dict[str, Any]]) -> str:
    """The closing words of a whole run, without colours: findings and messages once, the counts of each phase."""
    phases = Phases(info=False)
    lines: list[Line] = []
    for event in events:
        closing = phases.feed(event, 0.0)[1]
        lines += [[], *closing] if lines and closing else closing
    return "\n".join(map(text_of, [*lines, *phases.close()]))
