"""The ledger: every step of a move with who, when and the digest of its evidence; appended to, never changed.

One JSON object a line; each carries the sha256 of the line before it, so a line that was altered, removed or put in is
found, and by its number. What a chain cannot show is that its *last* lines were cut off: keep `head` elsewhere, too.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from inventories.faults import Fault, OnshoreError
from inventories.yaml_source import display_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START: Final = "0" * 64
_FIELDS: Final = ("number", "at", "who", "step", "asset", "wave", "evidence", "details", "previous")


@dataclass(frozen=True, slots=True)
class Entry:
    """One step: `evidence` is the sha256 of a file, or empty; `details` holds no secret."""

    number: int
    at: str
    who: str
    step: str
    asset: str = ""
    wave: int = 0
    evidence: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    previous: str = START
    hash: str = ""


class Ledger:
    """The ledger file of a move. Reading verifies the whole chain; a broken one is never appended to."""

    def __init__(self, path: Path, *, who: str = "") -> None:
        self._path = path
        self._who = who

    def entries(self) -> tuple[Entry, ...]:
        """Every entry, oldest first. An append that was cut off counts as never made.

        Raises OnshoreError that names the first broken link.
        """
        return self._read()[0]

    @property
    def head(self) -> str:
        """The hash of the last entry: who holds it can tell whether entries were cut off since."""
        entries = self.entries()
        return entries[-1].hash if entries else START

    def append(
        self, step: str, *, asset: str = "", wave: int = 0, evidence: str = "", details: dict[str, Any] | None = None
    ) -> Entry:
        """Write one entry; it is on disk when this returns. Raises OnshoreError on a broken chain."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            entries, whole, torn = self._read()
            if torn:
                os.ftruncate(descriptor, whole)
                digest = hashlib.sha256(torn).hexdigest()
                cut = {"bytes": len(torn), "sha256": digest}
                entries += (self._write(descriptor, entries, _Step("recovered", details=cut)),)
            wanted = _Step(step, asset, wave, evidence, details or {})
            return self._write(descriptor, entries, wanted)
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def only_one(self) -> Iterator[None]:
        """Nobody else works on this move meanwhile; raises OnshoreError when somebody does."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                fault = Fault(display_name(self._path), "another process works on this move", fix="wait for it to end")
                raise OnshoreError("this move is in use", [fault]) from None
            yield
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int, entries: tuple[Entry, ...], step: _Step) -> Entry:
        body = {
            "number": len(entries) + 1,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "who": self._who or _user(),
            **asdict(step),
            "previous": entries[-1].hash if entries else START,
        }
        entry = Entry(**body, hash=_digest(body))
        line = memoryview(_line(entry) + b"\n")
        while line:
            line = line[os.write(descriptor, line) :]
        os.fsync(descriptor)
        if not entries:
            _sync_folder(self._path.parent)
        return entry

    def _read(self) -> tuple[tuple[Entry, ...], int, bytes]:
        """(entries, bytes of whole lines, bytes of an append that was cut off)."""
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return (), 0, b""
        except OSError as error:
            fault = Fault(display_name(self._path), "cannot be read", error.strerror or "")
            raise OnshoreError("the ledger cannot be used", [fault]) from None
        whole, _, torn = raw.rpartition(b"\n")
        lines = whole.split(b"\n") if whole else []
        entries: list[Entry] = []
        for number, line in enumerate(lines, 1):
            entries.append(self._entry(number, line, entries[-1].hash if entries else START))
        return tuple(entries), len(raw) - len(torn), torn

    def _entry(self, number: int, line: bytes, previous: str) -> Entry:
        try:
            data = json.loads(line)
        except ValueError:
            raise self._broken(number, "not a line of JSON") from None
        if not isinstance(data, dict) or set(data) != {*_FIELDS, "hash"}:
            raise self._broken(number, "not an entry of a ledger")
        stated = data.pop("hash")
        if data["number"] != number:
            raise self._broken(number, "an entry is missing, doubled or out of order", f"number {data['number']}")
        if data["previous"] != previous:
            raise self._broken(number, "does not follow from the entry before it")
        entry = Entry(**data, hash=stated)
        if stated != _digest(data) or line != _line(entry):
            raise self._broken(number, "was altered after it was written")
        return entry

    def _broken(self, number: int, what: str, got: str = "") -> OnshoreError:
        why = "a ledger that was changed proves nothing from there on"
        fix = "restore the file from a copy whose `head` you know; never mend it by hand"
        where = f"{display_name(self._path)}:{number}"
        return OnshoreError("the ledger's chain is broken", [Fault(where, what, got, why, fix)], refused=True)


@dataclass(frozen=True, slots=True)
class _Step:
    step: str
    asset: str = ""
    wave: int = 0
    evidence: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _line(entry: Entry) -> bytes:
    return json.dumps(asdict(entry), sort_keys=True).encode()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
