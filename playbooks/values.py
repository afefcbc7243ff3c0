"""Property values of the provider protocol to plain ones and back; secrets are known by the name of their variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

Properties = Mapping[str, PropertyValue]


class _Unknown:
    def __repr__(self) -> str:
        return "not known yet"


UNKNOWN: Final = _Unknown()
"""A value that a preview does not know yet."""


def plain(value: PropertyValue | None) -> Any:
    """The value as Python and Ansible have it: a whole number is an int."""
    inner = value.value if value else None
    if inner == rpc.UNKNOWN:
        return UNKNOWN
    if isinstance(inner, Mapping):
        return {key: plain(one) for key, one in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [plain(one) for one in inner]
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    return inner


def unknown() -> PropertyValue:
    """A property that a preview does not know: the wire's own word, since the SDK cannot write its `Computed`."""
    return PropertyValue(rpc.UNKNOWN)


def wrapped(value: Any) -> PropertyValue:
    """A plain value as a property."""
    if isinstance(value, Mapping):
        return PropertyValue({key: wrapped(one) for key, one in value.items()})
    if isinstance(value, list | tuple):
        return PropertyValue([wrapped(one) for one in value])
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    return PropertyValue(value)


def has_unknown(value: Any) -> bool:
    """Whether a plain value, or a part of it, is unknown."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    return any(map(has_unknown, value)) if isinstance(value, list) else value is UNKNOWN


def holds_secret(value: PropertyValue) -> bool:
    """Whether a value, or a part of it, is marked as a secret."""
    if value.is_secret:
        return True
    inner = value.value
    if isinstance(inner, Mapping):
        return any(map(holds_secret, inner.values()))
    return any(map(holds_secret, inner)) if isinstance(inner, Sequence) and not isinstance(inner, str) else False
