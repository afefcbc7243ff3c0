"""Does single steps: asks the provider, keeps the snapshot true before and after (`pkg/resource/deploy/step.go`)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from engine.planning.diffing import equal, with_secret_outputs
from engine.planning.registration import replaces
from engine.provider import CallOptions, InitFailedError, ProviderError
from engine.providers.pool import external_inputs, new_resource, resource_id
from engine.saving.times import now
from engine.urn import is_provider_type
from engine.values import UNKNOWN, UNKNOWN_SENTINEL, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.providers.pool import ProviderPool
    from engine.saving.snapshot import Snapshot
    from engine.state import ResourceState
    from engine.steps import Step

# step -> what the journal calls the operation, the method that does it
_CALLS: Final = {
    "create": ("creating", "_create"),
    "create-replacement": ("creating", "_create"),
    "update": ("updating", "_update"),
    "read": ("reading", "_read"),
    "read-replacement": ("reading", "_read"),
    "import": ("importing", "_import"),
    "import-replacement": ("importing", "_import"),
}


class Performer:
    """Steps against the providers and the snapshot of one run; called from several threads at once."""

    def __init__(self, snapshot: Snapshot, providers: ProviderPool, *, preview: bool) -> None:
        self._snapshot = snapshot
        self._providers = providers
        self._preview = preview

    def partial(self, step: Step, error: InitFailedError) -> ResourceState | None:
        """What exists after a step that half succeeded; an update keeps the inputs that were true before."""
        if step.new is None:
            return None
        outputs = with_secret_outputs(error.outputs, step.new.inputs, step.new.additional_secret_outputs)
        kept = {"inputs": step.old.inputs} if step.op == "update" and step.old is not None else {}
        created = step.old.created if step.op == "update" and step.old is not None else now()
        state = step.new.but(
            id=error.id, outputs=outputs, init_errors=error.reasons, created=created, modified=now(), **kept
        )
        self._snapshot.add(state, step.old if step.op in ("update", "read") else None)
        return state

    def perform(self, step: Step) -> ResourceState | None:
        """Does a step: what is so afterwards, None when nothing is left. Raises ProviderError."""
        if step.op in _CALLS:
            kind, call = _CALLS[step.op]
            return self._journaled(step, kind, getattr(self, call))
        if step.op == "same":
            return self._same(step)
        if step.op == "replace":
            return step.new
        self._delete(step)
        return None

    def _journaled(self, step: Step, kind: str, call: Callable[[Step], ResourceState]) -> ResourceState:
        """A provider call between two saves: the intention before, the result after."""
        real = step.state.custom and not self._preview
        number = (
            self._snapshot.begin(step.state.but(outputs={}) if kind == "creating" else step.state, kind) if real else 0
        )
        try:
            state = call(step)
            old = step.old
            if replaces(step) and old is not None and not self._snapshot.pending_replacement(old):
                # the old copy stays until the end of the run, and the file must never hold two live ones
                self._snapshot.swap(old, old.but(delete=True))
                old = None
            self._snapshot.add(state, old)
        finally:
            self._snapshot.end(number)
            if not self._preview:
                self._snapshot.save()
        return state

    def _same(self, step: Step) -> ResourceState | None:
        old, new = step.old, step.new
        if step.skipped or old is None or new is None:
            return new
        if is_provider_type(step.type):
            self._providers.configure(step.urn, f"{step.urn}::{old.id}", old.inputs)
        if new is old:
            self._snapshot.add(old, old, meaningful=False)
            return old
        state = new.but(
            id=old.id, outputs=old.outputs, created=old.created, modified=old.modified, external=old.external
        )
        self._snapshot.add(state, old, meaningful=_meaningful(old, state))
        if not self._preview:
            self._snapshot.save()
        return state

    def _create(self, step: Step) -> ResourceState:
        new = step.state
        stamp = now()
        if not new.custom:
            return new.but(created=stamp, modified=stamp)
        if is_provider_type(step.type):
            identity = UNKNOWN_SENTINEL if self._preview else str(uuid.uuid4())
            self._providers.configure(step.urn, f"{step.urn}::{identity}", new.inputs)
            id_: str | Unknown = UNKNOWN if self._preview else identity
            return new.but(id=id_, outputs=external_inputs(new.inputs), created=stamp, modified=stamp)
        options = CallOptions(new.custom_timeouts.get("create", 0.0), self._preview, new.ignore_changes)
        resource = new_resource(step.urn, self._snapshot)
        result = self._providers.get(new.provider).create(resource, new.inputs, options)
        if not result.id and not self._preview:
            raise ProviderError("the provider returned an empty id for the new resource", unknown_outcome=True)
        if result.settled:
            self._snapshot.settle(step.urn)
        outputs = with_secret_outputs(result.outputs, new.inputs, new.additional_secret_outputs)
        return new.but(id=result.id or UNKNOWN, outputs=outputs, created=now(), modified=now())

    def _update(self, step: Step) -> ResourceState:
        old, new = step.old, step.state
        if old is None:
            raise ProviderError(f"{step.urn} has no recorded state to update")
        kept = new.but(id=old.id, outputs=old.outputs, created=old.created, modified=old.modified)
        if not new.custom:
            return kept
        if is_provider_type(step.type):
            self._providers.configure(step.urn, f"{step.urn}::{old.id}", new.inputs)
            return kept.but(outputs=external_inputs(new.inputs), modified=now())
        options = CallOptions(new.custom_timeouts.get("update", 0.0), self._preview, new.ignore_changes)
        identity = resource_id(step.urn, old.id)
        raw = self._providers.get(new.provider).update(identity, old.inputs, old.outputs, new.inputs, options)
        return kept.but(outputs=with_secret_outputs(raw, new.inputs, new.additional_secret_outputs), modified=now())

    def _read(self, step: Step) -> ResourceState:
        new = step.state
        if isinstance(new.id, Unknown):
            return new
        result = self._providers.get(new.provider).read(resource_id(step.urn, new.id), None, new.inputs)
        if not result.id:
            raise ProviderError(f"resource '{new.id}' does not exist")
        outputs = with_secret_outputs(result.outputs, {}, new.additional_secret_outputs)
        times = {"created": step.old.created, "modified": step.old.modified} if step.old else {}
        if step.old is not None and not equal(step.old.outputs, outputs):
            times["modified"] = now()
        return new.but(id=result.id, outputs=outputs, **times)

    def _import(self, step: Step) -> ResourceState:
        new = step.state
        result = self._providers.get(new.provider).read(resource_id(step.urn, new.import_id), None, {})
        if not result.id:
            raise ProviderError(f"resource '{new.import_id}' does not exist")
        if result.inputs is None:
            raise ProviderError(f"the provider of {new.type} cannot import: it does not tell the inputs")
        outputs = with_secret_outputs(result.outputs, result.inputs, new.additional_secret_outputs)
        stamp = now()
        return new.but(id=result.id, inputs=result.inputs, outputs=outputs, created=stamp, modified=stamp)

    def _delete(self, step: Step) -> None:
        old = step.state
        if step.op == "remove-pending-replace":
            self._snapshot.remove(old)
            return
        if old.protect and step.op not in ("delete-replaced", "discard-replaced"):  # those were asked about before
            raise ProviderError(
                f'resource "{old.urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either'
                " remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`, or use the"
                " command:\n"
                f"`pulumi state unprotect '{old.urn}'`"
            )
        if self._preview:
            return
        number = self._snapshot.begin(old, "deleting") if step.call else 0
        try:
            if step.call and not is_provider_type(step.type):
                options = CallOptions(old.custom_timeouts.get("delete", 0.0), preview=False)
                provider = self._providers.get(old.provider)
                provider.delete(resource_id(old.urn, old.id), old.inputs, old.outputs, options)
            if step.replacing:
                self._snapshot.swap(old, old.but(pending_replacement=True))
            else:
                self._snapshot.remove(old)
        finally:
            self._snapshot.end(number)
            self._snapshot.save()


_VOLATILE: Final = frozenset({"source_position", "stack_trace", "modified", "created"})


def _meaningful(old: ResourceState, new: ResourceState) -> bool:
    """Whether a `same` must be saved at once; the rest is flushed at the end (`mustWrite`)."""
    return any(
        getattr(old, name) != getattr(new, name) for name in type(old).__dataclass_fields__ if name not in _VOLATILE
    )
