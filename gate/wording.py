"""Names and messages come from programs and files that are not ours: what is shown of them is one bearable line."""

from __future__ import annotations

from typing import Final

_LONGEST: Final = 200


def shown(text: str) -> str:
    """One printable line: no control characters, no direction overrides, cut where it gets long."""
    line = "".join(c if c.isprintable() else "?" for c in text[: _LONGEST + 1])
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
