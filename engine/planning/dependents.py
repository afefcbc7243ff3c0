"""Which resources must go before one that is deleted first, because they cannot outlive it (pure).

A dependent goes too when its provider does, or when its own provider says that losing the properties it got from what
goes would replace it (`calculateDependentReplacements` in `pkg/resource/deploy/step_generator.go`).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from engine.planning.ordering import dependents_of
from engine.urn import split_reference
from engine.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from engine.provider import DiffResult
    from engine.state import ResourceState
    from engine.values import PropertyMap


class Dependents:
    """The dependents of `root` among `resources` (in state order), found by asking one question at a time."""

    def __init__(self, root: ResourceState, resources: Iterable[ResourceState], gone: Container[str]) -> None:
        self._candidates = deque(state for state in dependents_of(root, resources) if state.urn not in gone)
        self._going = {root.urn}
        self.condemned: list[ResourceState] = []
        self.keys: dict[str, tuple[str, ...]] = {}

    def question(self) -> tuple[ResourceState, PropertyMap] | None:
        """The next dependent to compare with these inputs; None when all is known."""
        while self._candidates:
            state = self._candidates[0]
            touched = {key for key, urns in state.property_dependencies.items() if self._going & set(urns)}
            if state.custom and not state.external:
                if split_reference(state.provider)[0] in self._going:
                    self._condemn(())
                    continue
                if touched & state.inputs.keys():
                    return state, {key: UNKNOWN if key in touched else value for key, value in state.inputs.items()}
            self._candidates.popleft()
        return None

    def answer(self, diff: DiffResult) -> ResourceState | None:
        """What the provider said to the last question; a protected resource that would have to go, if it is one."""
        details = diff.detailed or {}
        if not diff.replaces and not any(change.kind.endswith("-replace") for change in details.values()):
            self._candidates.popleft()
            return None
        if self._candidates[0].protect:
            return self._candidates[0]
        self._condemn(diff.replaces)
        return None

    def _condemn(self, keys: tuple[str, ...]) -> None:
        state = self._candidates.popleft()
        self.condemned.append(state)
        self._going.add(state.urn)
        self.keys[state.urn] = keys
