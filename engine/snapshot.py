"""What is saved when: the journal between a run and its state file (`pkg/backend/snapshot.go`).

Before a provider is called the intention is on disk, afterwards the result. Each resource is encoded once. A small
state is written whole each time; of a large one what changed goes to a journal (`journal.py`), and the whole again when
that has grown to its size. Threads that change something while a write runs share the next one.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.document import encode_resource, manifest, secrets_provider
from engine.errors import EngineError
from engine.integrity import verify
from engine.journal import Change, opening
from engine.state import Deployment, PendingOperation, ResourceState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.backend import FileBackend
    from engine.secrets import PassphraseSecrets

_ATTEMPTS: Final = 3
_PAUSE_S: Final = 0.2
_JOURNAL_FROM_BYTES: Final = 512 * 1024  # up to here whole documents are cheap, and any engine reads them after a kill


def now() -> str:
    """The present time as the state writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(slots=True, eq=False)
class _Entry:
    """One resource in the file, with its encoded text once it was needed. `number` is the journal's, -1: not there."""

    state: ResourceState
    alive: bool = True
    text: str = ""
    number: int = -1


class Snapshot:
    """The state of one stack during one run; every method may be called from any thread.

    Without a backend (previews) nothing is written. `on_broken` is called once when the state cannot be saved.
    """

    def __init__(
        self,
        base: Deployment,
        *,
        stack: str,
        project: str,
        backend: FileBackend | None,
        secrets: PassphraseSecrets | None,
        rescue: Path,
        on_broken: Callable[[str], None],
    ) -> None:
        self._stack, self._full_name = stack, f"organization/{project}/{stack}"
        self._backend, self._secrets, self._rescue, self._on_broken = backend, secrets, rescue, on_broken
        self._metadata = {key: value for key, value in base.metadata.items() if key != "integrity_error"}
        self._base = [_Entry(state) for state in base.resources]
        self._new: list[_Entry] = []
        self._entries = {id(entry.state): entry for entry in self._base}
        self._held = [entry.state for entry in self._base]  # ids of states stay valid while they are held
        self._pending: dict[int, PendingOperation] = {}
        self._kept_pending = [operation for operation in base.pending if operation.type == "creating"]
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._changed = self._written = 0
        self._journal = ""  # the name of the open one
        self._journal_room = 0  # bytes that may still go into it
        self._next_number = 0
        self._dirty: dict[int, _Entry] = {}  # by identity: what changed since the last write
        self._saved_pending: set[str] = set()
        self.broken = ""

    # ------------------------------------------------------------ what happens

    def begin(self, state: ResourceState, kind: str) -> int:
        """Records that a provider call is about to begin; a number for `end`."""
        with self._lock:
            number = next(self._numbers)
            self._pending[number] = PendingOperation(state, kind)
            self._changed += 1
        self.save()
        return number

    def end(self, number: int = 0) -> None:
        """The call is over; what came of it is recorded by the other methods, before `save`."""
        with self._lock:
            if self._pending.pop(number, None) is not None:
                self._changed += 1

    def add(self, new: ResourceState, old: ResourceState | None = None, *, meaningful: bool = True) -> None:
        """`new` is so now, in place of `old` if there was one."""
        with self._lock:
            if old is not None:
                self._retire(old)
            entry = _Entry(new)
            self._new.append(entry)
            self._touch(entry)
            self._remember(new, entry)
            self._changed += meaningful

    def remove(self, old: ResourceState) -> None:
        """`old` is no more."""
        with self._lock:
            self._retire(old)
            self._changed += 1

    def swap(self, before: ResourceState, after: ResourceState) -> None:
        """The same record, in the same place, with other content."""
        with self._lock:
            entry = self._entries.get(id(before))
            if entry is not None:
                entry.state, entry.text = after, ""
                self._touch(entry)
                self._remember(after, entry)
                self._changed += 1

    def rename(self, old: str, new: str) -> None:
        """References to an old URN in records not yet processed mean the new one."""
        with self._lock:
            for entry in self._base:
                renamed = _renamed(entry.state, old, new)
                if renamed is not entry.state:
                    entry.state, entry.text = renamed, ""
                    self._touch(entry)
                    self._remember(renamed, entry)

    def pending_replacement(self, old: ResourceState) -> bool:
        """Whether the record that `old` became waits to be created again."""
        with self._lock:
            entry = self._entries.get(id(old))
            return entry is not None and entry.alive and entry.state.pending_replacement

    def forget_pending(self) -> None:
        """Creations that were interrupted in an earlier run are dealt with."""
        with self._lock:
            self._kept_pending.clear()
            self._changed += 1

    def _retire(self, old: ResourceState) -> None:
        entry = self._entries.get(id(old))
        if entry is not None:
            entry.alive = False
            self._touch(entry)

    def _touch(self, entry: _Entry) -> None:
        if self._backend is not None:
            self._dirty[id(entry)] = entry

    def _remember(self, state: ResourceState, entry: _Entry) -> None:
        self._entries[id(state)] = entry
        self._held.append(state)

    # ------------------------------------------------------------ what is saved

    def resources(self) -> tuple[ResourceState, ...]:
        """The records as they would be saved: new ones in order of completion, then those not touched."""
        with self._lock:
            return tuple(entry.state for entry in self._alive())

    def _alive(self) -> Iterator[_Entry]:
        return (entry for entry in itertools.chain(self._new, self._base) if entry.alive)

    def save(self, *, force: bool = False) -> None:
        """Returns when every change made so far is on disk, or `broken` says why it is not."""
        if self._backend is None:
            return
        with self._lock:
            wanted = self._changed
        with self._writing:
            if self._written >= wanted and not force:
                return
            if force or self.broken or not self._journaled():
                self._save_whole(final=force)

    def _save_whole(self, *, final: bool) -> None:
        """Writes the document, and begins a journal where it is large and there is more to come."""
        with self._lock:
            wanted, document = self._changed, self._document()
            begin = self._number() if len(document) >= _JOURNAL_FROM_BYTES and not final else b""
        self._journal, self._journal_room = "", len(document)
        self._write(document, begin)
        self._written = wanted

    def _journaled(self) -> bool:
        """Whether what changed is in the journal now; not when there is none, it is full, or it cannot be written."""
        if not self._journal or self._backend is None:
            return False
        with self._lock:
            wanted, line = self._changed, self._change().line()
        self._journal_room -= len(line)
        if self._journal_room < 0:
            return False
        try:
            self._backend.append(self._stack, self._journal, line)
        except OSError:
            return False  # the whole document shows whether the backend can be written at all
        self._written = wanted
        return True

    def finish(self) -> None:
        """Saves what is left and checks what was saved; raises EngineError when the file contradicts itself."""
        self.save(force=True)
        if self._backend is not None and not self.broken:
            path = self._backend.path(self._stack)
            verify(self.resources(), f"{path} (it was written; the previous one is {path.name}.bak)")

    def _write(self, document: bytes, opening_line: bytes) -> None:
        if not self.broken and self._backend is not None:
            failure = ""
            for attempt in range(_ATTEMPTS):
                try:
                    if opening_line:
                        self._journal = self._backend.begin_journal(self._stack, document, opening_line)
                    else:
                        self._backend.write(self._stack, document)
                except OSError as error:
                    failure = f"{error.strerror or error} ({self._backend.path(self._stack)})"
                    time.sleep(_PAUSE_S * attempt)
                else:
                    return
            self.broken = failure
            self._save_elsewhere(document)
            self._on_broken(failure)
            return
        self._save_elsewhere(document)

    def _save_elsewhere(self, document: bytes) -> None:
        """The same document where there is room; the last place is the system's temporary folder."""
        for place in (self._rescue, Path(tempfile.gettempdir()) / "onshore-rescue" / self._rescue.name):
            with contextlib.suppress(OSError):
                place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                place.write_bytes(document)
                place.chmod(0o600)
                self._rescue = place
                return
        raise EngineError(
            f"the state cannot be saved anywhere: {self.broken}; it is\n{document.decode()}",
            fix="Keep what stands above in a file, and import it as the stack's state once there is room.",
        )

    @property
    def rescue(self) -> Path:
        """Where the state went when the backend would not take it."""
        return self._rescue

    def _document(self) -> bytes:
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
        stack = _json(self._full_name)
        return f'{{"version":3,"checkpoint":{{"stack":{stack},"latest":{{{",".join(parts)}}}}}}}'.encode()

    def _number(self) -> bytes:
        """Numbers everything as it stands in the document: the journal's first line."""
        for number, entry in enumerate(self._alive()):
            entry.number = self._next_number = number
        self._next_number += 1
        self._dirty.clear()
        waiting = list(self._waiting())
        self._saved_pending = set(waiting)
        return opening(sum(entry.alive for entry in self._new), waiting)

    def _change(self) -> Change:
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
        kept = {f"kept {index}": operation for index, operation in enumerate(self._kept_pending)}
        return kept | {str(number): operation for number, operation in self._pending.items()}

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
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


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
