"""JSON one item at a time: a report may hold a million findings, and is never held as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def written(value: Any, pad: str = "") -> Iterator[str]:
    """What `json.dumps(value, indent=2)` writes, in parts; an iterator in it is written as a list."""
    inner = pad + "  "
    if isinstance(value, dict) and value:
        before = "{\n"
        for key, item in value.items():
            yield f"{before}{inner}{json.dumps(key)}: "
            yield from written(item, inner)
            before = ",\n"
        yield f"\n{pad}}}"
    elif isinstance(value, list) and value:
        yield f"[\n{inner}"
        for number, item in enumerate(value):
            yield f",\n{inner}" if number else ""
            yield from written(item, inner)
        yield f"\n{pad}]"
    elif isinstance(value, Iterator):
        before = "[\n"
        for item in value:
            yield before + inner + json.dumps(item, indent=2).replace("\n", "\n" + inner)
            before = ",\n"
        yield "[]" if before == "[\n" else f"\n{pad}]"
    else:
        yield json.dumps(value)
