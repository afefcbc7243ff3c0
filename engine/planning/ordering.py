"""In which order resources may go: never before what depends on them (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.urn import split_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.state import ResourceState


def references_of(state: ResourceState, *, parent: bool = True) -> set[str]:
    """The URNs of everything a resource needs: parent (unless told), provider, dependencies, deletedWith."""
    urns = {state.deleted_with, *state.dependencies}
    if parent:
        urns.add(state.parent)
    for dependencies in state.property_dependencies.values():
        urns.update(dependencies)
    if state.provider:
        urns.add(split_reference(state.provider)[0])
    return urns - {"", state.urn}


def deletion_layers(condemned: Sequence[ResourceState]) -> list[list[ResourceState]]:
    """Groups that can be deleted at once, dependents in earlier groups.

    `condemned` is in the order of the state file, where everything stands after what it needs. Two copies of one URN
    count as one for those that need it.
    """
    depth: dict[int, int] = {}
    needed_at: dict[str, int] = {}
    # later resources may need earlier ones only, so one pass from the end sees every dependent first
    for state in reversed(condemned):
        own = needed_at.get(state.urn, 0)
        depth[id(state)] = own
        for urn in references_of(state):
            needed_at[urn] = max(needed_at.get(urn, 0), own + 1)
    layers: list[list[ResourceState]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for state in reversed(condemned):
        layers[depth[id(state)]].append(state)
    return layers


def dependents_of(root: ResourceState, resources: Iterable[ResourceState]) -> list[ResourceState]:
    """Everything that needs `root`, directly or not, in the order given; children are not counted as such."""
    needed = {root.urn}
    found: list[ResourceState] = []
    for state in resources:
        if state.urn != root.urn and references_of(state, parent=False) & needed:
            needed.add(state.urn)
            found.append(state)
    return found


def needed_by(resources: Iterable[ResourceState], roots: Iterable[str]) -> set[str]:
    """The URNs that any of `roots` needs, directly or not."""
    by_urn = {state.urn: state for state in resources}
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        state = by_urn.get(waiting.pop())
        if state is not None:
            new = references_of(state) - found
            found |= new
            waiting += new
    return found
