"""Property values as state files and previews hold them."""

from __future__ import annotations

from typing import Any, Final

from policies.values import MALFORMED, SEALED, UNKNOWN
from policies.wire import REFERENCE, SECRET, SIGNATURE, UNKNOWNS

_DEEPEST: Final = 250
_HIDDEN: Final = "[secret]"  # what a preview shows in a secret's place


def opened(value: Any) -> dict[str, Any]:
    """The properties as checks see them; a secret stays sealed even where its plain text stands beside it."""
    made = _value(value if value is not None else {}, 0)
    return made if isinstance(made, dict) else {"": MALFORMED}


def text(value: Any) -> str:
    """A field of the file that is text; anything else is as good as none."""
    return value if isinstance(value, str) else ""


def _value(value: Any, depth: int) -> Any:
    if isinstance(value, str):  # most of what there is
        return SEALED if value == _HIDDEN else UNKNOWN if value in UNKNOWNS else value
    if isinstance(value, dict | list) and depth > _DEEPEST:
        return MALFORMED
    if isinstance(value, dict):
        if SIGNATURE in value:
            return _signed(value)
        return {key: _value(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, depth + 1) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _signed(value: dict[str, Any]) -> Any:
    if value[SIGNATURE] == SECRET:
        return SEALED
    if value[SIGNATURE] == REFERENCE and isinstance(value.get("urn"), str):
        return value["urn"]
    return MALFORMED
