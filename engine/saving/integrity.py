"""Whether recorded resources contradict each other (`pkg/resource/deploy/snapshot.go`, VerifyIntegrity)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.state import ResourceState


def integrity_faults(resources: tuple[ResourceState, ...]) -> list[str]:
    """What is wrong with a list of resources; empty when sound."""
    faults: list[str] = []
    seen: dict[str, ResourceState] = {}
    references: set[str] = set()
    for state in resources:
        if not state.urn or not state.type:
            faults.append(f"a resource has no URN or no type (URN {state.urn!r})")
        if not state.custom and state.id:
            faults.append(f"{state.urn} is a component and has the id {state.id!r}")
        if state.provider and not state.pending_replacement and state.provider not in references:
            faults.append(f"{state.urn} refers to the provider {state.provider}, which does not stand before it")
        # a set less the keys of a mapping would go through all of these, for each resource
        missing = [urn for urn in _references(state) if urn not in seen]
        faults.extend(f"{state.urn} refers to {urn}, which does not stand before it" for urn in sorted(missing))
        if state.urn in seen and not state.delete and not seen[state.urn].delete:
            faults.append(f"{state.urn} is recorded twice")
        if state.urn not in seen or not state.delete:
            seen[state.urn] = state
        references.add(f"{state.urn}::{state.id}")
    return faults


def _references(state: ResourceState) -> set[str]:
    urns = {state.parent, state.deleted_with, *state.dependencies}
    urns.update(urn for dependencies in state.property_dependencies.values() for urn in dependencies)
    return urns - {"", state.urn}


def verify(resources: tuple[ResourceState, ...], source: str) -> None:
    """Raises EngineError when the recorded resources contradict each other."""
    if faults := integrity_faults(resources):
        raise EngineError(
            f"snapshot integrity failure in {source}; refusing to use it: " + "; ".join(faults),
            fix="Restore an earlier file from the backups folder, or repair it with `pulumi state repair`.",
        )
