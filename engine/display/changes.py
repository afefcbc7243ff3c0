"""What changes in one resource, as short lines: path, old value, new value, and whether it forces replacement."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from engine import paths
from engine.display.objects import hidden
from engine.display.values import SECRET, compact, contains_secret

_LONGEST_LIST: Final = 12
_SIGNS: Final = {"add": "+", "delete": "-", "update": "~"}
_ABSENT: Final = object()


class Change(NamedTuple):
    """One line: `sign` is +, - or ~."""

    sign: str
    path: str
    text: str
    forces_replacement: bool


def changes(metadata: dict[str, Any]) -> list[Change]:
    """The property changes of a step's metadata; empty when it says none. Long lists end with a count."""
    old = (metadata.get("old") or {}).get("inputs") or {}
    new = (metadata.get("new") or {}).get("inputs") or {}
    keys = set(metadata.get("keys") or ())
    changed, unseen = _changed_paths(metadata, old, new), hidden(metadata)
    met = {
        wish: {path for path in changed if paths.within([wish], path) or paths.within([path], wish)} for wish in unseen
    }
    covered = set().union(*met.values())
    found = [_change(path, kind, old, new, keys) for path, kind in sorted(changed.items()) if path not in covered]
    for wish, places in sorted(met.items()):
        replaces = any(path in keys or changed[path].endswith("-replace") for path in places)
        found += [Change("~", wish, "(hidden)", replaces)] if places else []
    if len(found) > _LONGEST_LIST:
        rest = len(found) - _LONGEST_LIST + 1
        found = [*found[: _LONGEST_LIST - 1], Change(" ", f"… and {rest} more", "", forces_replacement=False)]
    return found


def _changed_paths(metadata: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    detailed = metadata.get("detailedDiff")
    if detailed is not None:
        return {path: diff.get("diffKind", "update") for path, diff in detailed.items()}
    return {key: _kind(key, old, new) for key in (*(metadata.get("diffs") or ()), *(metadata.get("keys") or ()))}


def _kind(path: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    if _at(old, path) is _ABSENT:
        return "add"
    return "delete" if _at(new, path) is _ABSENT else "update"


def _change(path: str, kind: str, old: dict[str, Any], new: dict[str, Any], keys: set[str]) -> Change:
    before, after = _at(old, path), _at(new, path)
    if contains_secret(before) or contains_secret(after):
        # A value that only became secret, or ceases to be one, was or will be the secret.
        before, after = (value if value is _ABSENT else SECRET for value in (before, after))
    verb = kind.removesuffix("-replace")
    if verb == "add" or before is _ABSENT:
        text = "" if after is _ABSENT else compact(after)
    elif verb == "delete" or after is _ABSENT:
        text = compact(before)
    else:
        text = f"{compact(before)} => {compact(after)}"
    return Change(_SIGNS.get(verb, "~"), path, text, kind != verb or path in keys)


def _at(value: Any, path: str) -> Any:
    try:
        parts = paths.parse(path)
    except ValueError:
        return _ABSENT
    for part in parts:
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
        if not inside:
            return _ABSENT
        value = value[part]
    return value
