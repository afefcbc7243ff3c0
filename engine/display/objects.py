"""Two property values compared, as a tree of what was added, deleted, changed or left alone. Pure.

Form: `ObjectDiff` of `sdk/go/common/resource/properties_diff.go`, and how the CLI makes one of a provider's detailed
diff (`pkg/backend/display/diff.go`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from engine import paths
from engine.values import SIGNATURE_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ABSENT: Final = object()
Kind = Literal["add", "delete", "update", "same", "object", "array"]


@dataclass(slots=True)
class Difference:
    """`old` and `new` belong to the four plain kinds; `inside` to objects (by key) and arrays (by index)."""

    kind: Kind
    old: Any = None
    new: Any = None
    inside: dict[Any, Difference] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether anything in it is different."""
        return self.kind in {"add", "delete", "update"} or any(one.changes for one in self.inside.values())


def is_internal(key: object) -> bool:
    """Keys that providers keep for themselves."""
    return isinstance(key, str) and key.startswith("__")


def is_object(value: Any) -> bool:
    """A plain object: no secret, asset or reference."""
    return isinstance(value, dict) and SIGNATURE_KEY not in value


def compare(old: Any, new: Any) -> Difference:
    """What is different between two values; ABSENT stands for none."""
    if old is ABSENT or new is ABSENT:
        return Difference("add", new=new) if old is ABSENT else Difference("delete", old=old)
    if is_object(old) and is_object(new):
        keys = sorted(key for key in old.keys() | new.keys() if not is_internal(key))
        return Difference("object", inside={key: compare(old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys})
    if isinstance(old, list) and isinstance(new, list):
        longest = range(max(len(old), len(new)))
        return Difference("array", inside={at: compare(_item(old, at), _item(new, at)) for at in longest})
    return Difference("same" if old == new else "update", old, new)


def named(metadata: Mapping[str, Any]) -> Difference:
    """Only what a step's detailed diff names, with values from the old state and the new inputs."""
    old, new = metadata.get("old") or {}, metadata.get("new") or {}
    root = Difference("object")
    for text, change in sorted((metadata.get("detailedDiff") or {}).items()):
        try:
            path = paths.parse(text)
        except ValueError:
            path = (text,)
        before = old.get("inputs" if change.get("inputDiff") else "outputs") or old.get("inputs") or {}
        if path:
            verb = str(change.get("diffKind") or "update").removesuffix("-replace")
            _place(root, path, before, new.get("inputs") or {}, verb)
    return root


def hidden(metadata: Mapping[str, Any]) -> list[str]:
    """The paths whose differences the program wants nobody to see (`hide_diffs`)."""
    state = metadata.get("new") or metadata.get("old") or {}
    return list(state.get("hideDiffs") or ())


def hide(found: Difference, unseen: Sequence[str], at: tuple[str | int, ...] = ()) -> set[str]:
    """Take out of a comparison what lies in paths that are not to be seen; returns those in which something changes."""
    met: set[str] = set()
    if not unseen:
        return met
    for step, one in list(found.inside.items()):
        path = (*at, step)
        if one.changes and (touched := {text for text in unseen if _touches(paths.parse(text), path, one)}):
            del found.inside[step]
            met |= touched
        else:
            met |= hide(one, unseen, path)
    return met


def _touches(wish: tuple[str | int, ...], path: tuple[str | int, ...], found: Difference) -> bool:
    """Whether showing a difference would show what is not to be seen: it lies there, or that lies in it."""
    return paths.contains(wish, path) or (not found.inside and paths.contains(path, wish))


def _place(root: Difference, path: tuple[str | int, ...], old: Any, new: Any, verb: str) -> None:
    at = root
    for depth, step in enumerate(path):
        old, new = _item(old, step), _item(new, step)
        is_last = depth == len(path) - 1
        if is_last or not (_goes_on(old) and _goes_on(new)):
            at.inside[step] = _leaf(old, new, verb if is_last else "update")
            return
        following = at.inside.get(step)
        if following is None:
            following = at.inside[step] = Difference("array" if isinstance(path[depth + 1], int) else "object")
        if following.kind not in {"object", "array"}:  # a path above it was named as well
            return
        at = following


def _leaf(old: Any, new: Any, verb: str) -> Difference:
    if verb == "add" or (old is ABSENT and new is not ABSENT):
        return Difference("add", new=None if new is ABSENT else new)
    if verb == "delete" or new is ABSENT:
        return Difference("delete", old=None if old is ABSENT else old)
    deeper = compare(old, new)
    return deeper if deeper.changes else Difference("update", old, new)


def _goes_on(value: Any) -> bool:
    """Whether a path may lead on from here; a secret, an asset, a number ends it."""
    return value is ABSENT or is_object(value) or isinstance(value, list)


def _item(value: Any, step: str | int) -> Any:
    if is_object(value):
        return value.get(step, ABSENT)
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return ABSENT
