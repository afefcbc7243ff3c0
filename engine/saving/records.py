"""What a state file says during a run: every record, in the file's order, and the operations that are pending.

Each resource is encoded once. No lock and no I/O: `Snapshot` has both.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine.errors import EngineError
from engine.saving.document import encode_resource, manifest, secrets_provider
from engine.saving.journal import Change, opening
from engine.saving.times import now
from engine.state import Deployment, PendingOperation, ResourceState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.secrets import PassphraseSecrets

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)


@dataclass(slots=True, eq=False)
class _Entry:
    """One resource in the file, with its encoded text once it was needed. `number` is the journal's, -1: not there."""

    state: ResourceState
    alive: bool = True
    text: str = ""
    number: int = -1


class Records:
    """The records of one stack. `stack` is its full name; `tracked`: what changed is remembered, for a journal."""

    def __init__(self, base: Deployment, *, stack: str, secrets: PassphraseSecrets | None, tracked: bool) -> None:
        self._stack, self._secrets, self._tracked = stack, secrets, tracked
        self._metadata = {key: value for key, value in base.metadata.items() if key != "integrity_error"}
        self._base = [_Entry(state) for state in base.resources]
        self._new: list[_Entry] = []
        self._entries = {id(entry.state): entry for entry in self._base}
        self._held = [entry.state for entry in self._base]  # ids of states stay valid while they are held
        self._pending: dict[int, PendingOperation] = {}
        self._ids: dict[str, list[str]] | None = None
        creations = [operation for operation in base.pending if operation.type == "creating"]
        self._kept_pending = {f"kept {index}": operation for index, operation in enumerate(creations)}
        self._numbers = itertools.count(1)
        self._next_number = 0
        self._dirty: dict[int, _Entry] = {}  # by identity: what changed since the last write
        self._saved_pending: set[str] = set()

    # ------------------------------------------------------------ what happens

    def begin(self, state: ResourceState, kind: str) -> int:
        """A provider call is about to begin; a number for `end`."""
        number = next(self._numbers)
        self._pending[number] = PendingOperation(state, kind)
        return number

    def end(self, number: int) -> bool:
        """The call is over: whether it was pending."""
        return self._pending.pop(number, None) is not None

    def add(self, new: ResourceState, old: ResourceState | None) -> None:
        """`new` is so now, in place of `old` if there was one."""
        if old is not None:
            self.remove(old)
        entry = _Entry(new)
        self._new.append(entry)
        self._touch(entry)
        self._remember(new, entry)

    def remove(self, old: ResourceState) -> None:
        """`old` is no more."""
        entry = self._entries.get(id(old))
        if entry is not None:
            entry.alive = False
            self._touch(entry)

    def swap(self, before: ResourceState, after: ResourceState) -> bool:
        """The same record, in the same place, with other content: whether there is one."""
        entry = self._entries.get(id(before))
        if entry is not None:
            self._rewrite(entry, after)
        return entry is not None

    def rename(self, old: str, new: str) -> None:
        """References to an old URN in records not yet processed mean the new one."""
        for entry in self._base:
            renamed = _renamed(entry.state, old, new)
            if renamed is not entry.state:
                self._rewrite(entry, renamed)

    def pending_replacement(self, old: ResourceState) -> bool:
        """Whether the record that `old` became waits to be created again."""
        entry = self._entries.get(id(old))
        return entry is not None and entry.alive and entry.state.pending_replacement

    def forget_pending(self) -> None:
        """Creations that were interrupted in an earlier run are dealt with."""
        self._kept_pending.clear()

    def interrupted(self, urn: str) -> ResourceState | None:
        """What an earlier run was creating under the URN when it was interrupted: the latest one."""
        tried = (one.resource for one in reversed(self._kept_pending.values()) if one.resource.urn == urn)
        return next(tried, None)

    def settle(self, urn: str) -> bool:
        """The interrupted creation of the URN is dealt with: whether there was one."""
        keys = [key for key, one in self._kept_pending.items() if one.resource.urn == urn]
        for key in keys:
            del self._kept_pending[key]
        return bool(keys)

    def ids(self, urn: str) -> tuple[str, ...]:
        """Every id that the state had of the URN when the run began: of copies that are to be deleted, too.

        What waits to be created again is no more.
        """
        if self._ids is None:
            self._ids = {}
            for state in self._held[: len(self._base)]:
                if isinstance(state.id, str) and state.id and not state.pending_replacement:
                    self._ids.setdefault(state.urn, []).append(state.id)
        return tuple(self._ids.get(urn, ()))

    def _rewrite(self, entry: _Entry, state: ResourceState) -> None:
        entry.state, entry.text = state, ""
        self._touch(entry)
        self._remember(state, entry)

    def _touch(self, entry: _Entry) -> None:
        if self._tracked:
            self._dirty[id(entry)] = entry

    def _remember(self, state: ResourceState, entry: _Entry) -> None:
        self._entries[id(state)] = entry
        self._held.append(state)

    # ------------------------------------------------------------ as text

    def resources(self) -> tuple[ResourceState, ...]:
        """The records as they would be saved: new ones in order of completion, then those not touched."""
        return tuple(entry.state for entry in self._alive())

    def _alive(self) -> Iterator[_Entry]:
        return (entry for entry in itertools.chain(self._new, self._base) if entry.alive)

    def document(self) -> bytes:
        """All of it as the state file has it."""
        resources = ",".join(self._text(entry) for entry in self._alive())
        waiting = self._waiting()
        parts = [f'"manifest":{_json(manifest(now()))}']
        if self._secrets is not None:
            parts.append(f'"secrets_providers":{_json(secrets_provider(self._secrets.salt))}')
        if resources:
            parts.append(f'"resources":[{resources}]')
        if waiting:
            parts.append(f'"pending_operations":[{",".join(self._operation(one) for one in waiting.values())}]')
        parts.append(f'"metadata":{_json(self._metadata)}')
        stack = _json(self._stack)
        return f'{{"version":3,"checkpoint":{{"stack":{stack},"latest":{{{",".join(parts)}}}}}}}'.encode()

    def opening(self) -> bytes:
        """The first line of a journal that follows the document; numbers everything as it stands there."""
        for number, entry in enumerate(self._alive()):
            entry.number = self._next_number = number
        self._next_number += 1
        self._dirty.clear()
        waiting = list(self._waiting())
        self._saved_pending = set(waiting)
        return opening(sum(entry.alive for entry in self._new), waiting)

    def change(self) -> Change:
        """What is other than in the document and the lines of its journal so far."""
        change = Change()
        for entry in self._dirty.values():
            if not entry.alive:
                if entry.number >= 0:
                    change.gone.append(entry.number)
                continue
            if entry.number < 0:
                entry.number, self._next_number = self._next_number, self._next_number + 1
            change.records[entry.number] = self._text(entry)
        self._dirty.clear()
        waiting = self._waiting()
        change.begun = {key: self._operation(one) for key, one in waiting.items() if key not in self._saved_pending}
        change.ended = sorted(self._saved_pending - waiting.keys())
        self._saved_pending = set(waiting)
        return change

    def _waiting(self) -> dict[str, PendingOperation]:
        return self._kept_pending | {str(number): operation for number, operation in self._pending.items()}

    def _operation(self, one: PendingOperation) -> str:
        return f'{{"resource":{_json(encode_resource(one.resource, self._seal))},"type":{_json(one.type)}}}'

    def _text(self, entry: _Entry) -> str:
        if not entry.text:
            entry.text = _json(encode_resource(entry.state, self._seal))
        return entry.text

    def _seal(self, text: str) -> str:
        if self._secrets is None:
            raise EngineError("there is a secret to save and no passphrase", fix="Set PULUMI_CONFIG_PASSPHRASE.")
        return self._secrets.encrypt(text)


def _json(value: Any) -> str:
    return _ENCODER.encode(value)


def _renamed(state: ResourceState, old: str, new: str) -> ResourceState:
    changes: dict[str, Any] = {}
    if state.parent == old:
        changes["parent"] = new
    if state.deleted_with == old:
        changes["deleted_with"] = new
    if state.provider.startswith(f"{old}::"):
        changes["provider"] = new + state.provider.removeprefix(old)
    if old in state.dependencies:
        changes["dependencies"] = tuple(new if urn == old else urn for urn in state.dependencies)
    if any(old in urns for urns in state.property_dependencies.values()):
        changes["property_dependencies"] = {
            key: tuple(new if urn == old else urn for urn in urns) for key, urns in state.property_dependencies.items()
        }
    return state.but(**changes) if changes else state
