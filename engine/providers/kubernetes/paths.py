"""Property paths: `spec.template`, `metadata.labels["example.com/team"]`, `ports[0]`, with `*` for any one step."""

from __future__ import annotations

import re
from typing import Final

Path = tuple[str | int, ...]

_STEP: Final = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|\.?([^.\[\]"]+)')


def parse(text: str) -> Path:
    """The steps of a property path; ValueError when it is none."""
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"{text!r} is no property path")
        quoted, index, name = match.groups()
        if quoted is not None:
            steps.append(re.sub(r"\\(.)", r"\1", quoted))
        elif index is not None:
            steps.append(index if index == "*" else int(index))
        else:
            steps.append(name)
        position = match.end()
    return tuple(steps)


def render(path: Path) -> str:
    """The text of a path; keys with dots, quotes or brackets are quoted."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif any(character in step for character in '."[]'):
            escaped = step.replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{step}" if text else step
    return text


def contains(outer: Path, inner: Path) -> bool:
    """Whether `inner` is `outer` or lies below it."""
    return len(outer) <= len(inner) and all(a in ("*", b) for a, b in zip(outer, inner, strict=False))
