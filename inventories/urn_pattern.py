"""Which resources a deviation is about: a pattern for URNs, read part by part.

A URN is `urn:pulumi:STACK::PROJECT::TYPE::NAME`, and a pattern has the same four parts. In a part, `*` stands for any
characters of that part and everything else for itself; the whole part has to match. There is nothing else to learn, and
no pattern takes longer than its length times the URN's.
"""

from __future__ import annotations

import re
from typing import Final

SHAPE: Final = "urn:pulumi:STACK::PROJECT::TYPE::NAME"
_START: Final = "urn:pulumi:"
_PARTS: Final = 4
_LONGEST: Final = 500
_WHOLE_TYPE: Final = re.compile(r"(?:.*[$*])?[^:$*]+:[^:$*]*:[^:$*]+\Z")


def pattern_fault(pattern: str) -> str:
    """Why a pattern cannot be read, or is too wide for anybody; "" when it is sound."""
    parts = _split(pattern)
    if len(parts) != _PARTS or not all(parts):
        return f"not of the form {SHAPE}"
    if len(pattern) > _LONGEST:
        return f"longer than {_LONGEST} characters"
    if any(not character.isprintable() for character in pattern):
        return "characters that cannot be seen"
    if "*" in parts[3] and not _WHOLE_TYPE.match(parts[2]):
        return "names neither one resource nor one type of resource in full"
    return ""


def matches_urn(pattern: str, urn: str) -> bool:
    """Whether a URN is one that a pattern names."""
    asked, given = _split(pattern), _split(urn)
    if len(asked) != _PARTS or len(given) != _PARTS:
        return False
    return all(matches(part, value) for part, value in zip(asked, given, strict=True))


def stack_part(pattern: str) -> str:
    """The part of a pattern that names stacks."""
    return _split(pattern)[0]


def matches(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern says, `*` standing for any characters: each piece is looked for once, in order."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    last = rest.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in rest:
        found = text.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def _split(text: str) -> list[str]:
    """The four parts; the last, a name, may hold `::` itself."""
    return text.removeprefix(_START).split("::", _PARTS - 1) if text.startswith(_START) else []
