"""Refresh: what became of each recorded resource, asked of its provider."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from engine.planning.diffing import equal, with_secret_outputs
from engine.planning.targets import Targets
from engine.provider import DiffResult, InitFailedError, PropertyDiff, ProviderError
from engine.providers.pool import resource_id
from engine.saving.times import now
from engine.steps import Step
from engine.urn import is_provider_type

if TYPE_CHECKING:
    from engine.events import EventStream
    from engine.executor import Executor
    from engine.state import ResourceState
    from engine.steps import Op


def refresh_resources(executor: Executor, events: EventStream, *, counted: bool, targets: tuple[str, ...]) -> bool:
    """Reads every resource and brings the snapshot up to date; whether all could be read.

    `counted`: the run is a refresh, so results are counted and named in events; else they stay `refresh`.
    """
    snapshot = executor.snapshot
    resources = snapshot.resources()
    chosen = Targets(targets, dependents=False)
    asked = [s for s in resources if not s.delete and not s.pending_replacement and chosen.include(s.urn, ())]
    with ThreadPoolExecutor(executor.parallel, "engine-refresh") as pool:
        found = list(pool.map(lambda state: _refresh_one(executor, events, state, counted=counted), asked))
    gone = {state.urn for state, (ok, now_) in zip(asked, found, strict=True) if ok and now_ is None}
    for state, (ok, fresh) in zip(asked, found, strict=True):
        if ok and fresh is None:
            snapshot.remove(state)
        elif fresh is not None and fresh is not state:
            snapshot.swap(state, fresh)
    for state in snapshot.resources():
        pruned = _pruned(state, gone)
        if pruned is not state:
            snapshot.swap(state, pruned)
    snapshot.save()
    return all(ok for ok, _ in found)


def _refresh_one(
    executor: Executor, events: EventStream, old: ResourceState, *, counted: bool
) -> tuple[bool, ResourceState | None]:
    if executor.planner.plan.stopped:
        return False, None
    step = Step("refresh", old.urn, old.type, old, old)
    events.emit("resourcePreEvent", executor.body(step))
    if not old.custom or is_provider_type(old.type):
        _ended(executor, events, dataclasses.replace(step, op="same" if counted else "refresh"), counted=counted)
        return True, old
    try:
        fresh, diff = _read(executor, events, old)
    except ProviderError as error:
        events.diagnostic(
            "error", f"Preview failed: {error.message}" if executor.preview else error.message, urn=old.urn
        )
        if not executor.preview:
            events.emit("resOpFailedEvent", {**executor.body(step), "status": 0, "steps": 0})
        executor.fail()
        return False, None
    if fresh is None:
        ended = Step("delete" if counted else "refresh", old.urn, old.type, old, None)
    else:
        changed = bool(diff.changes)
        op: Op = ("update" if changed else "same") if counted else "refresh"
        ended = dataclasses.replace(
            step,
            op=op,
            new=fresh,
            detailed=_reversed(diff) if changed else None,
            diffs=diff.diffs if changed else (),
        )
    _ended(executor, events, ended, counted=counted)
    return True, fresh


def _read(executor: Executor, events: EventStream, old: ResourceState) -> tuple[ResourceState | None, DiffResult]:
    provider = executor.providers.get(old.provider)
    identity = resource_id(old.urn, old.id)
    errors: tuple[str, ...] = ()
    try:
        result = provider.read(identity, old.inputs, old.outputs)
        id_, outputs, inputs = result.id, result.outputs, result.inputs
    except InitFailedError as error:
        id_, outputs, inputs, errors = error.id, error.outputs, error.inputs, error.reasons
        events.diagnostic("warning", "\n".join(errors), urn=old.urn)
    if not id_:
        return None, DiffResult(changes=True)
    inputs = old.inputs if inputs is None or old.external else inputs
    outputs = with_secret_outputs(outputs, inputs, old.additional_secret_outputs)
    same = equal(old.outputs, outputs) and equal(old.inputs, inputs) and errors == old.init_errors
    fresh = old.but(
        id=id_, inputs=inputs, outputs=outputs, init_errors=errors, modified=old.modified if same else now()
    )
    if old.external:
        return fresh, DiffResult(changes=not equal(old.outputs, outputs))
    # exchanged on purpose: what would have to change to come back
    diff = provider.diff(identity, inputs, outputs, old.inputs, old.ignore_changes)
    return fresh, diff if diff.changes is not None else DiffResult(changes=not equal(old.inputs, inputs))


_OPPOSITE = {"add": "delete", "delete": "add", "update": "update"}


def _reversed(diff: DiffResult) -> dict[str, PropertyDiff] | None:
    """The change that happened, from the change that would undo it."""
    if diff.detailed is None:
        return None
    return {
        path: PropertyDiff(_OPPOSITE[change.kind.removesuffix("-replace")], change.input_diff)  # type: ignore[arg-type]
        for path, change in diff.detailed.items()
    }


def _ended(executor: Executor, events: EventStream, step: Step, *, counted: bool) -> None:
    if counted and not step.is_internal:
        executor.count(step.op)
    events.emit("resOutputsEvent", executor.body(step))


def _pruned(state: ResourceState, gone: set[str]) -> ResourceState:
    """Without references to resources that are no more, and without properties that depend on nothing."""
    by_property = {
        key: kept
        for key, urns in state.property_dependencies.items()
        if (kept := tuple(urn for urn in urns if urn not in gone))
    }
    needed = {state.parent, state.deleted_with, *state.dependencies}
    if by_property == state.property_dependencies and not gone & needed:
        return state
    return state.but(
        dependencies=tuple(urn for urn in state.dependencies if urn not in gone),
        property_dependencies=by_property,
        deleted_with="" if state.deleted_with in gone else state.deleted_with,
        parent="" if state.parent in gone else state.parent,
    )
