"""Which resources a targeted run may touch (pure)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.planning.ordering import references_of
from engine.urn import STACK_TYPE, is_provider_type, type_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.state import ResourceState


class Targets:
    """URNs and patterns (`*` inside one part, `**` across parts); none means everything."""

    def __init__(self, patterns: tuple[str, ...], *, dependents: bool) -> None:
        self._patterns = {pattern: re.compile(_expression(pattern)) for pattern in patterns}
        self._dependents = dependents
        self._chosen: set[str] = set()
        self._met: set[str] = set()

    @property
    def everything(self) -> bool:
        """Whether the run is not limited."""
        return not self._patterns

    def include(self, urn: str, needs: Iterable[str]) -> bool:
        """Whether the run may touch a resource that needs these others; remembers it for its dependents."""
        if self.everything:
            return True
        matched = [pattern for pattern, expression in self._patterns.items() if expression.fullmatch(urn)]
        self._met.update(matched)
        if matched or (self._dependents and not self._chosen.isdisjoint(needs)):
            self._chosen.add(urn)
            return True
        return False

    def always(self, urn: str) -> bool:
        """Providers and the root stack are part of every run."""
        type_ = type_of(urn)
        return type_ == STACK_TYPE or is_provider_type(type_)

    def unmet(self) -> list[str]:
        """Targets that name no resource of the program or the state; patterns may be idle."""
        return sorted(pattern for pattern in self._patterns if "*" not in pattern and pattern not in self._met)

    def uncovered(self, condemned: list[ResourceState], resources: Iterable[ResourceState]) -> list[str]:
        """Resources that stay although they need one that goes."""
        gone = {state.urn for state in condemned}
        return [state.urn for state in resources if state.urn not in gone and references_of(state) & gone]


def _expression(pattern: str) -> str:
    parts = re.split(r"(\*\*|\*)", pattern)
    return "".join(".*" if part == "**" else "[^:]*" if part == "*" else re.escape(part) for part in parts)
