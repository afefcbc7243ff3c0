"""What new inputs change, and what of it makes another resource: as Terraform plans it. Pure.

New inputs are held against the recorded outputs (the last known truth). What the program does not give and the cloud
fills in is no change; what it no longer gives, or never gave and somebody set, is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from engine import paths
from engine.provider import DiffKind, DiffResult, PropertyDiff
from engine.providers.openstack.plain import DEFAULTS_KEY, plain
from engine.providers.openstack.shapes import FAILED, recorded
from engine.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.providers.openstack.types import Property, TypeFacts
    from engine.values import PropertyMap

_EMPTY: Final[tuple[Any, ...]] = (None, "", 0, False, [], {})


def diff_resource(
    facts: TypeFacts,
    old_inputs: PropertyMap,
    olds: PropertyMap,
    news: PropertyMap,
    ignore_changes: tuple[str, ...],
) -> DiffResult:
    """Every changed path with its kind."""
    before, asked, wanted = plain(olds), plain(old_inputs), plain(news)
    broken = before.get("powerState") == FAILED
    found: dict[str, PropertyDiff] = {}
    for name, prop in facts.inputs.items():
        if name == "region" and name not in wanted:
            continue
        old = recorded(facts.token, name, wanted.get(name), before.get(name))
        # what no API tells was recorded as it was asked for; an import has no record of it
        for path, kind, replaces in _changes(prop, name, old, asked.get(name), wanted.get(name)):
            if not paths.within(ignore_changes, path):
                kind_ = cast("DiffKind", f"{kind}-replace") if replaces or (broken and name == "powerState") else kind
                found[path] = PropertyDiff(kind_)
    replaces_ = tuple(path for path, change in found.items() if change.kind.endswith("-replace"))
    named = "name" in facts.inputs and "name" not in (news.get(DEFAULTS_KEY) or ())
    return DiffResult(
        changes=bool(found),
        replaces=replaces_,
        diffs=tuple(dict.fromkeys(_top(path) for path in found)),
        detailed=found,
        # a name the program gives may be there once only; and an instance that failed still holds its ports
        delete_before_replace=bool(replaces_) and (named or broken),
    )


def _top(path: str) -> str:
    return str(paths.parse(path)[0])


Change = tuple[str, DiffKind, bool]  # path, kind, whether it replaces


def _changes(prop: Property, path: str, old: Any, asked: Any, new: Any) -> Iterator[Change]:
    unasked = new is None or new in ([], {})
    if (_missing(new) and _missing(old)) or (unasked and prop.computed):
        return
    if new is UNKNOWN:
        yield path, "update" if not _missing(old) else "add", prop.replace
    elif prop.many and isinstance(old, list) and isinstance(new, list):
        yield from _list_changes(prop, path, old, asked if isinstance(asked, list) else [], new)
    elif prop.type == "object" and isinstance(old, dict) and isinstance(new, dict):
        yield from _object_changes(prop.fields, f"{path}.", old, asked if isinstance(asked, dict) else {}, new)
    elif prop.type == "map" and isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            if old.get(key) != new.get(key):
                yield f"{path}{_step(key)}", _kind(old.get(key), new.get(key)), prop.replace
    elif not _same(old, new):
        yield path, _kind(old, new), prop.replace or _replaces_inside(prop)


def _list_changes(prop: Property, path: str, old: list[Any], asked: list[Any], new: list[Any]) -> Iterator[Change]:
    if prop.many == "set" or prop.type != "object":
        ordered = prop.many != "set"
        if not _same_items(old, new, ordered=ordered):
            yield path, _kind(old, new), prop.replace or _replaces_inside(prop)
        return
    for at in range(max(len(old), len(new))):
        where = f"{path}[{at}]"
        if at >= len(old) or at >= len(new):
            kind: DiffKind = "add" if at >= len(old) else "delete"
            yield where, kind, prop.replace or _replaces_inside(prop)
        elif isinstance(old[at], dict) and isinstance(new[at], dict):
            was = asked[at] if at < len(asked) and isinstance(asked[at], dict) else {}
            yield from _object_changes(prop.fields, f"{where}.", old[at], was, new[at])
        elif old[at] != new[at]:
            yield where, "update", prop.replace


def _object_changes(
    fields: Mapping[str, Property], at: str, old: dict[str, Any], asked: dict[str, Any], new: dict[str, Any]
) -> Iterator[Change]:
    """Inside a list element or object; what neither side's program gave is the cloud's."""
    for name, prop in fields.items():
        if name in new or name in asked:
            yield from _changes(prop, f"{at}{name}", old.get(name), asked.get(name), new.get(name))


def _same_items(old: list[Any], new: list[Any], *, ordered: bool) -> bool:
    if any(item is UNKNOWN for item in new) or len(old) != len(new):
        return False
    if ordered:
        return all(_same(a, b) for a, b in zip(old, new, strict=True))
    rest = list(old)
    for item in new:
        twin = next((each for each in rest if _covers(each, item)), None)
        if twin is None:
            return False
        rest.remove(twin)
    return True


def _covers(old: Any, new: Any) -> bool:
    """Whether an element of a set is the one asked for; the cloud may have filled in more."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(
            _same(old.get(key), value) or (_missing(value) and _missing(old.get(key))) for key, value in new.items()
        )
    return _same(old, new)


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, str) and isinstance(new, str):
        return old == new
    return bool(old == new)


def _missing(value: Any) -> bool:
    return value is not UNKNOWN and value in _EMPTY


def _kind(old: Any, new: Any) -> DiffKind:
    if _missing(old) and old is None:
        return "add"
    return "delete" if new is None else "update"


def _replaces_inside(prop: Property) -> bool:
    return prop.type == "object" and any(inner.replace for inner in prop.fields.values())


def _step(key: str) -> str:
    return f".{key}" if key.replace("_", "a").isalnum() else f'["{key}"]'
