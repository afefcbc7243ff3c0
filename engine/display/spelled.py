"""Property values and their differences written out line by line, as `pulumi … --diff` does. Pure.

Form: `pkg/backend/display/object_diff.go`.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, Final

import yaml

from engine.display.objects import Difference, compare, is_internal, is_object
from engine.display.values import SECRET, UNKNOWN, contains_secret, plain, printable

if TYPE_CHECKING:
    from engine.display.text import Line

_COLORS: Final = {"+ ": "green", "- ": "red", "~ ": "yellow", "": ""}
_CONTEXT_LINES: Final = 2
_UNKNOWN: Final = "[unknown]"


def margin(depth: int, sign: str = "") -> str:
    """Four spaces a level; a sign stands in the last two of them."""
    return f"{'    ' * depth}"[: -len(sign) or None] + sign


def object_lines(properties: dict[str, Any], depth: int, sign: str = "") -> list[Line]:
    """Every property, names aligned; the provider's own keys are left out."""
    width = max(map(len, properties), default=0)
    lines: list[Line] = []
    for key in sorted(properties):
        if not is_internal(key):
            lines += _titled(f"{printable(key):<{width}}: ", properties[key], depth, sign)
    return lines


def difference_lines(found: Difference, depth: int, *, sames: bool = True) -> list[Line]:
    """The properties of an object that are different, and with `sames` also the others."""
    width = max((len(str(key)) for key in found.inside), default=0)
    lines: list[Line] = []
    for key, one in found.inside.items():
        lines += _different(f"{printable(str(key)):<{width}}: ", one, depth, depth, sames=sames)
    return lines


def _different(title: str, found: Difference, depth: int, body: int, *, sames: bool) -> list[Line]:
    """One property or item: its title stands at `depth`, what it holds below `body`."""
    if found.kind == "same":
        return _titled(title, found.new, depth, "", body) if sames and not _is_empty(found.new) else []
    if found.kind in {"add", "delete"}:
        value, sign = (found.new, "+ ") if found.kind == "add" else (found.old, "- ")
        return _titled(title, value, depth, sign, body)
    if found.kind == "update":
        return _updated(title, found.old, found.new, depth, body)
    if not found.changes:
        return []
    opened, closed = "{}" if found.kind == "object" else "[]"
    inner: list[Line] = []
    if found.kind == "object":
        inner = difference_lines(found, body + 1, sames=sames)
    else:
        for index, one in found.inside.items():
            inner += _different(f"[{index}]: ", one, body + 1, body + 2, sames=sames)
    color = _COLORS["~ "]
    return [[(f"{margin(depth, '~ ')}{title}{opened}", color)], *inner, [(f"{margin(body)}{closed}", color)]]


def _updated(title: str, old: Any, new: Any, depth: int, body: int) -> list[Line]:
    color, start = _COLORS["~ "], f"{margin(depth, '~ ')}{title}"
    if contains_secret(old) or contains_secret(new):
        # A value that only became secret, or ceases to be one, was or will be the secret.
        return [[(start, color), (SECRET, "red"), (" => ", color), (SECRET, "green")]]
    if isinstance(old, str) and isinstance(new, str) and (decoded := _both_decoded(old, new)):
        kind, found = decoded
        return _different(f"{title}({kind}) ", found, depth, body, sames=True)
    if isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
        return [[(start, color)], *_changed_text(old, new, body + 1)]
    if _is_primitive(old) and _is_primitive(new) and not _is_empty(old) and not _is_empty(new):
        return [[(start, color), (_primitive(old), "red"), (" => ", color), (_primitive(new), "green")]]
    lines = [] if _is_empty(old) else _titled(title, old, depth, "- ", body)
    return lines if _is_empty(new) else [*lines, *_titled(title, new, depth, "+ ", body)]


def _changed_text(old: str, new: str, depth: int) -> list[Line]:
    lines: list[Line] = []
    compared = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=_CONTEXT_LINES)
    for line in list(compared)[2:]:
        sign = {"+": "+ ", "-": "- "}.get(line[0], "")
        text = "..." if line.startswith("@@") else line[1:]
        if text.strip():
            lines.append([(f"{margin(depth, sign)}{printable(text)}", _COLORS[sign])])
    return lines


def _titled(title: str, value: Any, depth: int, sign: str, body: int | None = None) -> list[Line]:
    first, *rest = _spelled(value, depth if body is None else body, sign)
    return [[(text, _COLORS[sign])] for text in (f"{margin(depth, sign)}{title}{first}", *rest)]


def _spelled(value: Any, depth: int, sign: str) -> list[str]:
    """The value's text: what ends the first line, then whole lines."""
    if isinstance(value, str) and (decoded := _decoded(value)):
        # The CLI ends the decoded value with a line of its own.
        first, *rest = _spelled(decoded[1], depth, sign)
        return [f"({decoded[0]}) {first}", *rest, ""]
    if isinstance(value, list) and value:
        lines = ["["]
        for index, item in enumerate(value):
            first, *rest = _spelled(item, depth + 1, sign)
            lines += [f"{margin(depth, sign)}    [{index}]: {first}", *rest]
        return [*lines, f"{margin(depth)}]"]
    if is_object(value) and value:
        inner = ["".join(piece for piece, _ in line) for line in object_lines(value, depth + 1, sign)]
        return ["{", *inner, f"{margin(depth)}}}"]
    return [_primitive(value)]


def _primitive(value: Any) -> str:
    shown = plain(value)
    if shown is None:
        return "<null>"
    if isinstance(shown, str) and shown in (SECRET, UNKNOWN) and shown != value:
        return SECRET if shown == SECRET else _UNKNOWN
    if isinstance(shown, float) and shown.is_integer():
        shown = int(shown)
    return printable(json.dumps(shown, ensure_ascii=False))


def _is_primitive(value: Any) -> bool:
    return not isinstance(value, list) and not is_object(value)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _both_decoded(old: str, new: str) -> tuple[str, Difference] | None:
    before, after = _decoded(old), _decoded(new)
    if before is None or after is None or before[1] == after[1]:
        return None
    found = compare(before[1], after[1])
    kind = before[0] if before[0] == after[0] else f"{before[0]} => {after[0]}"
    return kind, found


def _decoded(text: str) -> tuple[str, Any] | None:
    """An object or a list that the text holds as JSON, or in more than one line as YAML."""
    text = text.strip()
    try:
        kind, value = "json", json.loads(text)
    except ValueError:
        if "\n" not in text:
            return None
        try:
            kind, value = "yaml", yaml.safe_load(text)
        except yaml.YAMLError:
            return None
    is_plain = is_object(value) and all(isinstance(key, str) for key in value)
    return (kind, value) if is_plain or isinstance(value, list) else None
