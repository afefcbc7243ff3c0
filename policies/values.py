"""Property values as the checks see them: plain Python, plus the two things that plain Python cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Marker:
    """A value that is not there to be read; asking for its truth is an error, so no check can pass over it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        raise TypeError(f"{self._text} is neither true nor false")


UNKNOWN: Final = Marker("a value not known yet")
MALFORMED: Final = Marker("a value of the wrong form")
SEALED: Final = Marker("a secret whose content is not known")


def at(value: Any, *keys: str) -> Any:
    """The value under nested keys: None where a key is missing, `UNKNOWN` or `MALFORMED` where the way there is."""
    for key in keys:
        if value is None or isinstance(value, Marker):
            return value
        if not isinstance(value, dict):
            return MALFORMED
        value = value.get(key)
    return value


def join(path: str, key: str) -> str:
    """A path one key deeper: `spec.type`, `metadata.labels[example/name]`."""
    if not key:
        return path
    if not key.isidentifier():
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def mapping(value: Any) -> Mapping[str, Any]:
    """The mapping itself, or an empty one for anything else; for fields whose form somebody else judges."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """The list itself, or an empty one for anything else; for fields whose form somebody else judges."""
    return value if isinstance(value, list) else []
