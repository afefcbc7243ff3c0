"""A run's steps with every property they set or change: the form of `pulumi … --diff`.

Form: `pkg/backend/display/diff.go`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.display.objects import Difference, compare, hidden, hide, is_internal, named
from engine.display.run import name_of
from engine.display.spelled import difference_lines, margin, object_lines
from engine.display.values import printable

if TYPE_CHECKING:
    from engine.display.text import Line

_STACK: Final = "pulumi:pulumi:Stack"
_SIGNS: Final = {
    "create": "+ ", "update": "~ ", "delete": "- ", "replace": "+-", "create-replacement": "++",
    "delete-replaced": "--", "read": "> ", "read-replacement": ">>", "refresh": "~ ", "import": "= ",
    "import-replacement": "=>", "discard": "< ", "discard-replaced": "<<", "remove-pending-replace": "~ ",
}  # fmt: skip
_COLORS: Final = {"+ ": "green", "~ ": "yellow", "- ": "red", "+-": "magenta", "> ": "cyan", "= ": "cyan", "< ": "red"}
_PARTS_OF_A_REPLACEMENT: Final = frozenset(
    {"create-replacement", "delete-replaced", "import-replacement", "read-replacement", "discard-replaced"}
)
_RETAINS: Final = frozenset({"delete", "replace", "create-replacement", "delete-replaced"})
_TELLS_OUTPUTS: Final = frozenset({"read", "read-replacement", "import", "import-replacement"})
_KNOWN_LATER: Final = frozenset({"refresh", "import"})


class Details:
    """Feed it the events of one phase in order; it answers with the lines each of them adds."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, Any]] = {}

    def feed(self, event: dict[str, Any]) -> list[Line]:
        """The lines of a step that begins, or of outputs when it ends; none for what is unchanged."""
        if body := event.get("resourcePreEvent"):
            metadata = body["metadata"]
            self._seen[metadata["urn"]] = metadata
            if metadata["op"] in _KNOWN_LATER or not _is_shown(metadata):
                return []
            return self._step(metadata)
        body = event.get("resOutputsEvent")
        if not body or not _is_shown(body["metadata"]):
            return []
        return self._ended(body["metadata"], is_preview=bool(body.get("planning")))

    def _step(self, metadata: dict[str, Any]) -> list[Line]:
        depth = self._depth(metadata)
        return [*_header(metadata, depth), *_properties(metadata, depth + 1)]

    def _ended(self, metadata: dict[str, Any], *, is_preview: bool) -> list[Line]:
        if metadata["op"] == "import":
            return self._step(metadata)
        depth = self._depth(metadata)
        is_refresh = self._seen.get(metadata["urn"], metadata)["op"] == "refresh"
        lines = _header(metadata, depth) if is_refresh else []
        outputs = _outputs(metadata, depth + 1, is_preview=is_preview, is_refresh=is_refresh)
        return [*lines, [(f"{margin(depth + 1)}--outputs:--", "dim")], *outputs] if outputs else lines

    def _depth(self, metadata: dict[str, Any]) -> int:
        depth, parent = 0, _parent(metadata)
        while parent in self._seen:
            depth += _is_shown(self._seen[parent])
            parent = _parent(self._seen[parent])
        return depth


def _parent(metadata: dict[str, Any]) -> str:
    state = metadata.get("new") or metadata.get("old") or {}
    return str(state.get("parent") or "")


def _is_stack(metadata: dict[str, Any]) -> bool:
    return metadata.get("type") == _STACK and not _parent(metadata)


def _is_shown(metadata: dict[str, Any]) -> bool:
    if _is_stack(metadata):
        return True
    if metadata.get("type", "").startswith("pulumi:providers:") and name_of(metadata["urn"]).startswith("default"):
        return False
    if metadata["op"] == "same":
        old, new = metadata.get("old") or {}, metadata.get("new") or {}
        return bool(old.get("protect")) != bool(new.get("protect"))
    return metadata["op"] not in _PARTS_OF_A_REPLACEMENT


def _header(metadata: dict[str, Any], depth: int) -> list[Line]:
    """The resource's type and what happens to it, then its id, URN and provider."""
    op, old, new = metadata["op"], metadata.get("old") or {}, metadata.get("new") or {}
    sign = _SIGNS.get(op, "  ")
    retained = "[retain]" if op in _RETAINS and old.get("retainOnDelete") else ""
    lock = " 🔒" if new.get("protect") or (not new and old.get("protect")) else ""
    lock = " 🔓" if new and old.get("protect") and not new.get("protect") else lock
    lines: list[Line] = [
        [(f"{margin(depth)}{sign}{printable(metadata['type'])}: ({op}{retained}){lock}", _COLORS.get(sign, ""))]
    ]
    facts = [f"id={old['id']}"] if old.get("id") else []
    facts.append(f"urn={metadata['urn']}")
    provider = str(metadata.get("provider") or "")
    if old.get("provider") and new.get("provider") and old["provider"] != new["provider"]:
        facts.append(f"provider: {old['provider']} => {new['provider']}")
    elif provider and not name_of(provider.rpartition("::")[0]).startswith("default"):
        facts.append(f"provider={provider}")
    return [*lines, *([(f"{margin(depth + 1)}[{printable(fact)}]", "dim")] for fact in facts)]


def _properties(metadata: dict[str, Any], depth: int) -> list[Line]:
    old, new = metadata.get("old"), metadata.get("new")
    if metadata.get("detailedDiff") is not None and old and new:
        found = named(metadata)
        unseen = _hidden(found, metadata, depth)
        if not found.inside and not unseen:
            return object_lines(old.get("inputs") or {}, depth)
        return [*unseen, *difference_lines(found, depth)]
    if not old:
        shown = new or {}
        return object_lines(shown.get("outputs") or shown.get("inputs") or {}, depth)
    if not new:
        return object_lines(old.get("inputs") or {}, depth)
    of = "outputs" if new.get("outputs") and not metadata["op"].startswith("import") else "inputs"
    found = compare(old.get(of) or {}, new.get(of) or {})
    if not found.changes:
        return object_lines(new.get(of) or {}, depth) if not _is_stack(metadata) else []
    unseen = _hidden(found, metadata, depth)
    if wanted := set(metadata.get("diffs") or ()):
        found.inside = {key: one for key, one in found.inside.items() if of == "outputs" or key in wanted}
    return [*unseen, *difference_lines(found, depth)]


def _hidden(found: Difference, metadata: dict[str, Any], depth: int) -> list[Line]:
    """A line for each path whose differences are taken out of a comparison, by the program's wish."""
    return [
        [(f"{margin(depth)}~ {printable(path)} (hidden)", "yellow")] for path in sorted(hide(found, hidden(metadata)))
    ]


def _outputs(metadata: dict[str, Any], depth: int, *, is_preview: bool, is_refresh: bool) -> list[Line]:
    """Outputs that say more than the inputs or than before; of the stack always, of others where they are final."""
    is_stack = _is_stack(metadata)
    if is_preview and not (is_stack or is_refresh or metadata["op"] in _TELLS_OUTPUTS):
        return []
    old, new = metadata.get("old") or {}, metadata.get("new") or {}
    if old.get("initErrors"):
        return []
    inputs, outputs = new.get("inputs") or {}, new.get("outputs") or {}
    known = {} if is_refresh else inputs
    if not old.get("outputs"):
        fresh = {key: value for key, value in outputs.items() if known.get(key) != value and value not in ("", [], {})}
        return object_lines(fresh, depth)
    found = compare(old["outputs"], outputs)
    unseen = _hidden(found, metadata, depth)
    if not found.changes and not unseen and not (is_stack and not is_preview):
        return []
    for key, one in found.inside.items():
        if is_internal(key) or (key in known and known[key] == outputs.get(key)):
            one.kind, one.new, one.inside = "same", None, {}
    return [*unseen, *difference_lines(found, depth, sames=is_stack and not is_preview)]
