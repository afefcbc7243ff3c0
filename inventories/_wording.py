"""What pydantic finds wrong with a value, in words for people who never heard of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from inventories import patterns

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT: Final = ("text", "write one value")
_WHOLE: Final = ("a whole number", "write digits, like 2")
_NUMBER: Final = ("a number", "write digits, like 2 or 0.5")
_TRUTH: Final = ("true or false", "write `true` or `false`")
_MAPPING: Final = ("a mapping", "write `key: value` lines under it")
_LIST: Final = ("a list", "write `- value` lines under it")
_DATE: Final = ("a date", "write it like 2026-01-31")
_WANTED: Final = {
    "string": _TEXT,
    "int": _WHOLE,
    "float": _NUMBER,
    "bool": _TRUTH,
    "dict": _MAPPING,
    "mapping": _MAPPING,
    "model": _MAPPING,
    "list": _LIST,
    "tuple": _LIST,
    "set": _LIST,
    "frozen": _LIST,
    "date": _DATE,
}
_WRONG_TYPE: Final = ("_type", "_parsing", "_from_float")
_LIMITS: Final = {
    "greater_than_equal": ("ge", "too small", "at least"),
    "greater_than": ("gt", "too small", "more than"),
    "less_than_equal": ("le", "too large", "at most"),
    "less_than": ("lt", "too large", "less than"),
}


def in_words(kind: str, context: Mapping[str, Any], message: str, given: object) -> tuple[str, str]:
    """What is wrong and what to do, of one of pydantic's error types with its context and message."""
    wanted = _WANTED.get(kind.partition("_")[0])
    if wanted and kind.endswith(_WRONG_TYPE):
        fix = wanted[1]
        if wanted is _TEXT and isinstance(given, bool | int | float):
            fix = "put it in quotes"
        return f"not {wanted[0]}", fix
    if kind == "finite_number":
        return f"not {_NUMBER[0]}", _NUMBER[1]
    if kind in _LIMITS:
        limit, what, allowed = _LIMITS[kind]
        return what, f"write {allowed} {context[limit]:g}"
    if kind == "string_pattern_mismatch":
        form = patterns.IN_WORDS.get(context["pattern"])
        return f"not {form or context['pattern']}", f"write {form or 'it in this form'}"
    if kind in {"string_too_short", "too_short"} and context.get("min_length") == 1:
        return "nothing in it", "add at least one" if kind == "too_short" else "write a value"
    return message.removeprefix("Value error, "), ""


def kind_of(given: object) -> str:
    """What a value is, without the value."""
    for kind, name in ((dict, "a mapping"), (list, "a list"), (bool, "true or false"), (int | float, "a number")):
        if isinstance(given, kind):
            return name
    return "nothing" if given is None else "text"
