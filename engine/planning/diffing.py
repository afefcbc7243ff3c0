"""From a provider's diff to a decision: nothing, update or replacement (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from engine import paths, wire
from engine.provider import DiffKind, DiffResult, PropertyDiff
from engine.values import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.state import ResourceState
    from engine.values import PropertyMap

INIT_ERROR: Final = "#initerror"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a registered resource needs, with the reasons that events carry."""

    kind: Literal["same", "update", "replace"]
    keys: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    detailed: Mapping[str, PropertyDiff] | None = None
    delete_first: bool = False


def decide(old: ResourceState, inputs: PropertyMap, diff: DiffResult, replace_on_changes: tuple[str, ...]) -> Decision:
    """What `diff` means for a resource; a provider that does not know is answered by comparing inputs."""
    if diff.changes is None:
        diff = replace(diff, changes=not equal(old.inputs, inputs))
    if replace_on_changes:
        diff = _with_replace_on_changes(diff, old, replace_on_changes)
    detailed = diff.detailed
    replaces = bool(diff.replaces) or any(change.kind.endswith("-replace") for change in (detailed or {}).values())
    if replaces or old.pending_replacement:
        return Decision("replace", diff.replaces, diff.diffs, detailed, diff.delete_before_replace)
    if diff.changes or old.init_errors:
        return Decision("update", (), diff.diffs, detailed)
    return Decision("same")


def compare_component(old: ResourceState, inputs: PropertyMap) -> Decision:
    """Components have no provider: changed inputs are an update."""
    return Decision("same") if equal(old.inputs, inputs) else Decision("update")


def _with_replace_on_changes(diff: DiffResult, old: ResourceState, listed: tuple[str, ...]) -> DiffResult:
    """Changed paths inside the listed ones force replacement: in the details, and as keys where whole ones are."""
    watched = tuple(path for path in listed if path != INIT_ERROR)
    replaces = list(diff.replaces)
    if INIT_ERROR in listed and old.init_errors:
        replaces.append(INIT_ERROR)
    if not diff.changes or not watched:
        return replace(diff, replaces=tuple(replaces))
    replaces += [key for key in diff.diffs if paths.within(watched, key) and key not in replaces]
    detailed = diff.detailed and {
        path: _forced(change) if paths.within(watched, path) else change for path, change in diff.detailed.items()
    }
    return replace(diff, replaces=tuple(replaces), detailed=detailed)


def _forced(change: PropertyDiff) -> PropertyDiff:
    kind = change.kind
    return change if kind.endswith("-replace") else PropertyDiff(cast("DiffKind", f"{kind}-replace"), change.input_diff)


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same to a provider: secretness does not count."""
    return bool(wire.without_secrets(left) == wire.without_secrets(right))


def with_ignored(inputs: PropertyMap, old: PropertyMap, ignored: tuple[str, ...]) -> PropertyMap:
    """Inputs with each ignored path as it was before."""
    for path in ignored:
        inputs = paths.reset(inputs, old, paths.parse(path))
    return inputs


def with_secret_outputs(outputs: PropertyMap, inputs: PropertyMap, named: tuple[str, ...]) -> PropertyMap:
    """Outputs whose same-named input is secret, or that are named, become secret as a whole."""
    secret = {key for key, value in inputs.items() if isinstance(value, Secret)} | set(named)
    if not secret & outputs.keys():
        return outputs
    return {
        key: Secret(wire.without_secrets(value)) if key in secret and not isinstance(value, Secret) else value
        for key, value in outputs.items()
    }
