"""Keeping secrets out of what is said: every form in which a secret's value could come back is replaced."""

from __future__ import annotations

import base64
import json
import re
import shlex
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN: Final = "[secret]"
SHORTEST: Final = 4
"""Shorter values cannot be told from ordinary text; as secrets they are refused."""
_WORDS: Final = r"passw|passphrase|secret|token|api_?key|private_?key|credential|(^|_)pwd?($|_)"
_LOOKS_SECRET: Final = re.compile(_WORDS, re.IGNORECASE)


def looks_secret(value: Any) -> bool:
    """Whether a name within a value says that it is a secret's, whoever forgot to mark it."""
    if isinstance(value, dict):
        return any(_LOOKS_SECRET.search(str(name)) or looks_secret(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(looks_secret, value))


class Scrubber:
    """Replaces the values it was made with, wherever they stand in a text."""

    def __init__(self, values: list[Any]) -> None:
        forms = {form for value in values for text in _texts(value) for form in _forms(text)}
        ordered = sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)
        self._found = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        return self._found.sub(HIDDEN, text) if self._found else text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
        yield from value.splitlines()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(int(value) if float(value).is_integer() else value)


def _forms(text: str) -> Iterator[str]:
    """The text, and how JSON, Python, a shell, a URL and base64 write it."""
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield shlex.quote(text)
    yield quote(text, safe="")
    yield base64.b64encode(text.encode()).decode()
