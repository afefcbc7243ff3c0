"""Property values as JSON data: secrets sealed, what JSON cannot say under signatures (`pkg/resource/stack`)."""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any, Final

from engine import wire
from engine.values import SECRET_SIGNATURE, SIGNATURE_KEY, UNKNOWN, UNKNOWN_SENTINEL, Secret, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN: Final = frozenset([str, bool, int, type(None)])
_FLOAT_SIGNATURE: Final = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"


def encode_value(value: Any, seal: Callable[[str], str]) -> Any:  # noqa: PLR0911 - one form of value each
    """A property value as JSON data, object keys sorted; `seal` encrypts a secret's JSON text."""
    if type(value) in _PLAIN:  # most of a state: asked first, and by exact type, the rest is three times slower
        return value
    if isinstance(value, dict):
        return {key: item if type(item := value[key]) in _PLAIN else encode_value(item, seal) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [encode_value(item, seal) for item in value]
    if isinstance(value, Secret):
        text = json.dumps(encode_value(value.value, seal), separators=(",", ":"), ensure_ascii=False)
        return {SIGNATURE_KEY: SECRET_SIGNATURE, "ciphertext": seal(text)}
    if isinstance(value, Unknown):
        return UNKNOWN_SENTINEL
    if isinstance(value, float) and not math.isfinite(value):
        return {SIGNATURE_KEY: _FLOAT_SIGNATURE, "value": struct.pack(">d", value).hex()}
    if isinstance(value, (str, int, float)):
        return value
    return encode_value(wire.signed(value), seal)


def decode_value(data: Any, unseal: Callable[[str], str]) -> Any:  # noqa: PLR0911 - one form of value each
    """The property value that JSON data stands for; `unseal` decrypts to a secret's JSON text."""
    if isinstance(data, dict):
        signature = data.get(SIGNATURE_KEY)
        if signature == SECRET_SIGNATURE:
            text = data["plaintext"] if "plaintext" in data else unseal(data["ciphertext"])
            return Secret(decode_value(json.loads(text), unseal))
        if signature == _FLOAT_SIGNATURE:
            return struct.unpack(">d", bytes.fromhex(data["value"]))[0]
        plain = {key: decode_value(item, unseal) for key, item in data.items()}
        return wire.from_signature(plain) if signature is not None else plain
    if isinstance(data, list):
        return [decode_value(item, unseal) for item in data]
    if isinstance(data, float):
        return wire.whole(data)
    if isinstance(data, str) and data in wire.UNKNOWN_SENTINELS:
        return UNKNOWN
    return data
