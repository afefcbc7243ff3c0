"""What is saved when: the journal between a run and its state file (`pkg/backend/snapshot.go`).

Before a provider is called the intention is on disk, afterwards the result. A small state is written whole each time;
of a large one what changed goes to a journal (`journal.py`), and the whole again when that has grown to its size.
Threads that change something while a write runs share the next one.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.errors import EngineError
from engine.saving.integrity import verify
from engine.saving.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.saving.backend import FileBackend
    from engine.secrets import PassphraseSecrets
    from engine.state import Deployment, ResourceState

_ATTEMPTS: Final = 3
_PAUSE_S: Final = 0.2
_JOURNAL_FROM_BYTES: Final = 512 * 1024  # up to here whole documents are cheap, and any engine reads them after a kill


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
        self._stack, self._backend, self._rescue, self._on_broken = stack, backend, rescue, on_broken
        full_name = f"organization/{project}/{stack}"
        self._records = Records(base, stack=full_name, secrets=secrets, tracked=backend is not None)
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._changed = self._written = 0
        self._journal = ""  # the name of the open one
        self._journal_room = 0  # bytes that may still go into it
        self.broken = ""

    # ------------------------------------------------------------ what happens

    def begin(self, state: ResourceState, kind: str) -> int:
        """Records that a provider call is about to begin; a number for `end`."""
        with self._lock:
            number = self._records.begin(state, kind)
            self._changed += 1
        self.save()
        return number

    def end(self, number: int = 0) -> None:
        """The call is over; what came of it is recorded by the other methods, before `save`."""
        with self._lock:
            self._changed += self._records.end(number)

    def add(self, new: ResourceState, old: ResourceState | None = None, *, meaningful: bool = True) -> None:
        """`new` is so now, in place of `old` if there was one."""
        with self._lock:
            self._records.add(new, old)
            self._changed += meaningful

    def remove(self, old: ResourceState) -> None:
        """`old` is no more."""
        with self._lock:
            self._records.remove(old)
            self._changed += 1

    def swap(self, before: ResourceState, after: ResourceState) -> None:
        """The same record, in the same place, with other content."""
        with self._lock:
            self._changed += self._records.swap(before, after)

    def rename(self, old: str, new: str) -> None:
        """References to an old URN in records not yet processed mean the new one."""
        with self._lock:
            self._records.rename(old, new)

    def pending_replacement(self, old: ResourceState) -> bool:
        """Whether the record that `old` became waits to be created again."""
        with self._lock:
            return self._records.pending_replacement(old)

    def forget_pending(self) -> None:
        """Creations that were interrupted in an earlier run are dealt with."""
        with self._lock:
            self._records.forget_pending()
            self._changed += 1

    def interrupted(self, urn: str) -> ResourceState | None:
        """What an earlier run was creating under the URN when it was interrupted."""
        with self._lock:
            return self._records.interrupted(urn)

    def settle(self, urn: str) -> None:
        """The interrupted creation of the URN is dealt with."""
        with self._lock:
            self._changed += self._records.settle(urn)

    def ids(self, urn: str) -> tuple[str, ...]:
        """Every id that the state had of the URN when the run began."""
        with self._lock:
            return self._records.ids(urn)

    def resources(self) -> tuple[ResourceState, ...]:
        """The records as they would be saved: new ones in order of completion, then those not touched."""
        with self._lock:
            return self._records.resources()

    # ------------------------------------------------------------ what is saved

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
            wanted, document = self._changed, self._records.document()
            begin = self._records.opening() if len(document) >= _JOURNAL_FROM_BYTES and not final else b""
        self._journal, self._journal_room = "", len(document)
        self._write(document, begin)
        self._written = wanted

    def _journaled(self) -> bool:
        """Whether what changed is in the journal now; not when there is none, it is full, or it cannot be written."""
        if not self._journal or self._backend is None:
            return False
        with self._lock:
            wanted, line = self._changed, self._records.change().line()
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
