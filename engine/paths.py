"""Property paths such as `data.a`, `spec.ports[0].name`, `metadata.labels["app.kubernetes.io/name"]`, `*`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from engine.values import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

_PART: Final = re.compile(r"""\[(?P<index>\d+|\*)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\.?(?P<plain>[^.\[\]]+)""")
_ABSENT: Final = object()


def parse(path: str) -> tuple[str | int, ...]:
    """The parts of a path; `*` stands for any one part. Raises ValueError when it is malformed."""
    parts: list[str | int] = []
    position = 0
    while position < len(path):
        match = _PART.match(path, position)
        if match is None:
            raise ValueError(f"{path!r} is not a property path")
        if (index := match["index"]) is not None:
            parts.append(index if index == "*" else int(index))
        elif (quoted := match["quoted"]) is not None:
            parts.append(quoted.replace('\\"', '"'))
        else:
            parts.append(match["plain"])
        position = match.end()
    return tuple(parts)


def contains(pattern: tuple[str | int, ...], path: tuple[str | int, ...]) -> bool:
    """Whether `path` is the place `pattern` names, or inside it."""
    if len(pattern) > len(path):
        return False
    return all(wanted in ("*", part) for wanted, part in zip(pattern, path, strict=False))


def within(paths: Iterable[str], changed: str) -> bool:
    """Whether a changed path lies in any of the listed ones."""
    place = parse(changed)
    return any(contains(parse(path), place) for path in paths)


def placed(value: Any, path: tuple[str | int, ...], part: Any) -> Any:
    """`value` with `part` at `path`, missing mappings made on the way; a `part` of None removes what stands there."""
    if not path:
        return part
    first, rest = path[0], path[1:]
    if isinstance(value, list) and isinstance(first, int) and first < len(value):
        items = [*value[:first], placed(value[first], rest, part), *value[first + 1 :]]
        return [item for item in items if item is not None]
    entries = dict(value) if isinstance(value, dict) else {}
    entries[str(first)] = placed(entries.get(str(first)), rest, part)
    return {key: item for key, item in entries.items() if item is not None} or None


def reset(news: Any, olds: Any, path: tuple[str | int, ...]) -> Any:  # noqa: PLR0911 - one kind of part each
    """`news` with what stands at `path` taken from `olds`, removed where `olds` has nothing there."""
    if isinstance(news, Secret):
        return Secret(reset(news.value, olds, path))
    if isinstance(olds, Secret) and path:
        return reset(news, olds.value, path)
    if not path:
        return olds
    first, rest = path[0], path[1:]
    if first == "*":
        return _reset_each(news, olds, rest)
    if isinstance(news, dict) and isinstance(first, str):
        return _reset_key(news, olds, first, rest)
    if isinstance(news, list) and isinstance(first, int) and first < len(news):
        old = olds[first] if isinstance(olds, list) and first < len(olds) else _ABSENT
        if old is _ABSENT:
            return news
        return [*news[:first], reset(news[first], old, rest), *news[first + 1 :]]
    return news


def _reset_key(news: dict[str, Any], olds: Any, key: str, rest: tuple[str | int, ...]) -> dict[str, Any]:
    old = olds.get(key, _ABSENT) if isinstance(olds, dict) else _ABSENT
    if rest:
        if key in news:
            return {**news, key: reset(news[key], {} if old is _ABSENT else old, rest)}
        return news if old is _ABSENT else {**news, key: reset({}, old, rest)}
    if old is _ABSENT:
        return {name: value for name, value in news.items() if name != key}
    return {**news, key: old}


def _reset_each(news: Any, olds: Any, rest: tuple[str | int, ...]) -> Any:
    if isinstance(news, dict):
        keys = {*news, *olds} if isinstance(olds, dict) else set(news)
        for key in sorted(keys):
            news = _reset_key(news, olds, key, rest)
        return news
    if isinstance(news, list):
        for index in range(len(news)):
            news = reset(news, olds, (index, *rest))
    return news
