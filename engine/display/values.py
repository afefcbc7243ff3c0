"""Property values as people see them: secrets hidden, unknowns named, nothing that could move a terminal's cursor."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from engine.values import SECRET_SIGNATURE, SIGNATURE_KEY
from engine.wire import ARCHIVE_SIGNATURE, ASSET_SIGNATURE, REFERENCE_SIGNATURE, UNKNOWN_SENTINELS

SECRET: Final = "[secret]"  # noqa: S105 - what stands in place of one
UNKNOWN: Final = "(known after up)"
_LONGEST_VALUE: Final = 80
_LONGEST_LABEL: Final = 200
# Pulumi's colour directives, escape sequences, control characters but tab and newline, and what turns or breaks lines.
_UNPRINTABLE: Final = re.compile(
    r"<\{%[^%]*%\}>"
    r"|\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


def printable(text: str) -> str:
    """Text from a program, a provider or a cluster without anything that steers a terminal."""
    return _UNPRINTABLE.sub("", text)


def label(text: str) -> str:
    """A name or a type for a line of its own: printable, no line breaks, cut where it gets long."""
    line = " ".join(printable(text).split())
    return line if len(line) <= _LONGEST_LABEL else f"{line[: _LONGEST_LABEL - 1]}…"


def plain(value: Any) -> Any:
    """An event's JSON value with special objects replaced by words: no secret survives this."""
    if isinstance(value, dict):
        signature = value.get(SIGNATURE_KEY)
        if signature is None:
            return {key: plain(item) for key, item in value.items()}
        return _special(signature, value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and value in UNKNOWN_SENTINELS:
        return UNKNOWN
    return value


def _special(signature: Any, value: dict[str, Any]) -> Any:
    if signature in (ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
        where = value.get("path") or value.get("uri") or str(value.get("hash") or "")[:12]
        return f"({'asset' if signature == ASSET_SIGNATURE else 'archive'} {where})"
    if signature == REFERENCE_SIGNATURE:
        return value.get("id") or value.get("urn")
    # Secrets, and signatures of a later version: what is not known for certain to be harmless is not shown.
    return SECRET


def compact(value: Any) -> str:
    """One line for a value: JSON, cut where it gets long."""
    shown = plain(value)
    if isinstance(shown, str) and shown in (SECRET, UNKNOWN):
        return shown
    text = printable(json.dumps(shown, ensure_ascii=False, sort_keys=True))
    for word in (SECRET, UNKNOWN):
        text = text.replace(f'"{word}"', word)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def contains_secret(value: Any) -> bool:
    """Whether a secret stands anywhere in an event's JSON value."""
    if isinstance(value, dict):
        return value.get(SIGNATURE_KEY) == SECRET_SIGNATURE or any(map(contains_secret, value.values()))
    return isinstance(value, list) and any(map(contains_secret, value))
