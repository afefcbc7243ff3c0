"""The short forms of the Compose Specification: ports, volumes, sizes, commands, and the shapes that keys may have."""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

PORT: Final = re.compile(r"(?:\d+\.\d+\.\d+\.\d+:|\[[^]]*\]:)?(?:(\d+):)?(\d+)(?:/(tcp|udp))?")
VARIABLE: Final = re.compile(r"\$(?:\{(\w+)(?:(:?[-?+])([^}]*))?\}|(\w+)|\$)")
SHAPES: Final[dict[str, tuple[type, ...]]] = {
    "image": (str,), "command": (str, list), "entrypoint": (str, list), "environment": (dict, list),
    "env_file": (str, list), "configs": (list,), "secrets": (list,), "volumes": (list,), "ports": (list,),
    "expose": (list,), "healthcheck": (dict,), "deploy": (dict,),
}  # fmt: skip
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg])?i?b?", re.IGNORECASE)


def volume(text: str) -> dict[str, Any]:
    source, colon, rest = text.partition(":")
    if not colon:
        return {"source": "", "target": source}
    target, _, mode = rest.partition(":")
    return {"source": source, "target": target, "read_only": "ro" in mode.split(",")}


def memory(text: str) -> str:
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return text
    return f"{match[1]}{(match[2] or '').upper() + 'i' if match[2] else ''}"


def plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def words_of(command: Any) -> list[str] | None:
    """A command as its words; None for one with an open quotation."""
    try:
        return [str(word) for word in (command if isinstance(command, list) else shlex.split(command))]
    except ValueError:
        return None


def files_of(given: Any) -> str:
    """The paths of `env_file`, in whichever of its forms."""
    listed = given if isinstance(given, list) else [given]
    return ", ".join(str(each.get("path", "")) if isinstance(each, dict) else str(each) for each in listed)
