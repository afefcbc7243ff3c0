"""Property values without their wrappers, and the API's names for them."""

from __future__ import annotations

import re
from typing import Any, Final

from engine.values import Secret

DEFAULTS_KEY: Final = "__defaults"  # which properties of a map the program did not give; the real provider's own key
_UPPER: Final = re.compile(r"(?<!^)(?=[A-Z])")


def plain(value: Any) -> Any:
    """The value without secret wrappers, with whole numbers as integers and without `__` keys; unknowns stay."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if not key.startswith("__") and item is not None}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def snake(name: str) -> str:
    """`adminStateUp` as `admin_state_up`."""
    return _UPPER.sub("_", name).lower()
