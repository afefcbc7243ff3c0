"""Placeholders in Score text: `${metadata.name}`, `${resources.env.KEY}`; `$$` stands for one dollar sign.

Source: "Placeholder references" of the Score Specification and the behaviour of its reference implementations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from components.workload import OUTPUTS, EnvironmentKey, output_key
from inventories.yaml_source import nearest

if TYPE_CHECKING:
    from components._score_model import Score
    from components.workload import Template

# `$$` and `$${...}` are escapes; a lone `$` stands for itself.
_PLACEHOLDER: Final = re.compile(r"\$(?:(?P<open>\{(?P<name>[^}]*)\})|\$)")
RESOURCE_TYPES: Final = ("volume", "route", "environment", *OUTPUTS)
_DOT: Final = re.compile(r"(?<!\\)\.")


class PlaceholderError(ValueError):
    """A placeholder to nothing; `fix` says what there is."""

    def __init__(self, name: str, what: str, fix: str) -> None:
        super().__init__(what)
        self.name = name
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What placeholders can refer to: the file itself, and the keys of the stack's environment."""

    score: Score
    environment: frozenset[str]

    def expand(self, text: str, on_fault: Callable[[PlaceholderError], None]) -> Template:
        """The text with its placeholders resolved; each one to nothing is told to `on_fault`."""
        parts: list[str | EnvironmentKey] = []
        end = 0
        for match in _PLACEHOLDER.finditer(text):
            parts.append(text[end : match.start()])
            end = match.end()
            if match["open"] is None:
                parts.append("$")
                continue
            try:
                parts.append(self._look_up(match["name"]))
            except PlaceholderError as fault:
                on_fault(fault)
        parts.append(text[end:])
        return _joined(parts)

    def volume(self, text: str) -> str:
        """The name of the volume that a mount's source refers to; raises PlaceholderError."""
        volumes = [name for name, resource in self.score.resources.items() if resource.type == "volume"]
        match = re.fullmatch(r"\$\{resources\.([^.}]+)(?:\.source)?\}", text)
        if match is None:
            known = ", ".join(f"${{resources.{name}}}" for name in volumes) or "none is declared"
            raise PlaceholderError(text, "not a reference to a volume", f"write a declared volume: {known}")
        if match[1] not in volumes:
            raise PlaceholderError(
                text, "no volume of that name", nearest(match[1], volumes) or "declare it in resources"
            )
        return match[1]

    def _look_up(self, name: str) -> str | EnvironmentKey:
        first, *rest = [part.replace("\\.", ".") for part in _DOT.split(name)]
        if first == "metadata" and rest:
            return self._metadata(name, rest)
        if first == "resources" and rest:
            return self._resource(name, rest)
        fix = "supported: `metadata.…` and `resources.NAME.KEY`; write `$${…}` for the characters themselves"
        raise PlaceholderError(name, "a placeholder to nothing", fix)

    def _metadata(self, name: str, path: list[str]) -> str:
        found: Any = self.score.metadata.model_dump(by_alias=True)
        for part in path:
            if not isinstance(found, Mapping) or part not in found:
                known = [str(key) for key in found] if isinstance(found, Mapping) else []
                raise PlaceholderError(
                    name, "a placeholder to nothing", nearest(part, known) or "declare it in metadata"
                )
            found = found[part]
        if not isinstance(found, str):
            raise PlaceholderError(name, "a placeholder to something that is not text", "refer to a text")
        return found

    def _resource(self, name: str, path: list[str]) -> str | EnvironmentKey:
        resource = self.score.resources.get(path[0])
        if resource is None:
            fix = nearest(path[0], list(self.score.resources)) or "declare it in resources"
            raise PlaceholderError(name, "a placeholder to a resource that is not declared", fix)
        if resource.type not in RESOURCE_TYPES:
            return ""  # the type itself is the fault
        if resource.type in OUTPUTS and len(path) == 2:
            known = OUTPUTS[resource.type]
            if path[1] not in known:
                raise PlaceholderError(name, f"a `{resource.type}` has no such value", nearest(path[1], known))
            return EnvironmentKey(output_key(*path))
        if resource.type != "environment" or len(path) != 2:
            fix = "only resources of type `environment` have values: `${resources.NAME.KEY}`"
            raise PlaceholderError(name, f"a `{resource.type}` has no such value", fix)
        if path[1] not in self.environment:
            fix = nearest(path[1], sorted(self.environment)) or "none is set"
            fix = f"set it in the stack's `onshore:environment` ({fix})"
            raise PlaceholderError(name, "a placeholder to a value that the stack does not set", fix)
        return EnvironmentKey(path[1])


def _joined(parts: list[str | EnvironmentKey]) -> Template:
    """Neighbouring text in one piece, empty text left out."""
    joined: list[str | EnvironmentKey] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)
