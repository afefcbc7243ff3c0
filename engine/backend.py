"""State on disk in the form of Pulumi's DIY file backend (`pkg/backend/diy`).

Everything stands under `<folder>/.pulumi`: `meta.yaml`, `stacks/<project>/<stack>.json` with `.bak` beside it, and the
folders `history`, `backups` and `locks`. During a run on a large state a journal stands beside it too (`journal.py`).
Files are replaced by rename; the `.attrs` sidecar that the CLI's blob library keeps beside a file is removed when the
file is rewritten.
"""

from __future__ import annotations

import contextlib
import getpass
import gzip
import json
import os
import socket
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import yaml

from engine import journal
from engine.errors import EngineError, LockedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC: Final = b"\x1f\x8b"
_HEX: Final = "[0-9a-f]" * 32  # of a temporary file's name, as a glob
_HEAD_BYTES: Final = 128  # enough for what says that a state has a journal
_COMPRESSED: Final = (".json.gz", ".json.zst")


class FileBackend:
    """The stacks of one project in one folder."""

    def __init__(self, folder: Path, project: str) -> None:
        self._root = folder / ".pulumi"
        self._project = project

    @classmethod
    def at(cls, url: str, project: str) -> FileBackend:
        """The backend a `file://` URL names; raises EngineError for any other scheme."""
        parts = urlsplit(url)
        if parts.scheme != "file":
            raise EngineError(
                f"the backend {parts.scheme or url}:// is not supported here: the embedded engine keeps state in file://"
                " folders only",
                fix="Use the Pulumi CLI for it, on the same program and the same state.",
                exit_code=2,
            )
        path = unquote(f"{parts.netloc}{parts.path}")
        return cls(Path(path).expanduser().resolve(), project)

    @property
    def url(self) -> str:
        """The URL that names it."""
        return self._root.parent.resolve().as_uri()

    def for_project(self, project: str) -> FileBackend:
        """The same folder for another project."""
        return FileBackend(self._root.parent, project)

    # ------------------------------------------------------------ stacks

    def stacks(self) -> list[str]:
        """The names of the stacks there are, sorted."""
        self._check_layout()
        folder = self._root / "stacks" / self._project
        return sorted({_stack_of(path.name) for path in folder.glob("*.json*")} - {""}) if folder.is_dir() else []

    def read(self, stack: str) -> str | None:
        """The stack's checkpoint document, None when there is no such stack; raises EngineError when unreadable.

        What a run under way, or a killed one, has in its journal is in it.
        """
        self._check_layout()
        document = self._read(stack)
        while document is not None and (name := journal.named_in(document)):
            try:
                lines = self._journal(stack, name).read_text(encoding="utf-8")
            except FileNotFoundError as error:
                again = self._read(stack)
                if again == document:  # not a run that went on to the next document meanwhile
                    raise EngineError(
                        f"{self.path(stack)} has lost its journal {error.filename}; refusing to use it",
                        fix="Put the file back, or restore the .bak file or one from the backups folder; then refresh.",
                    ) from error
                document = again
            except (OSError, UnicodeDecodeError) as error:
                raise EngineError(f"{self._journal(stack, name)} cannot be read: {error}") from error
            else:
                return journal.whole(document, lines, str(self.path(stack)))
        return document

    def _read(self, stack: str) -> str | None:
        for path in self._variants(stack):
            try:
                raw = path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise EngineError(f"{path} cannot be read: {error.strerror}") from error
            return _text(raw, path)
        return None

    def path(self, stack: str) -> Path:
        """Where the stack's state stands."""
        return self._root / "stacks" / self._project / f"{stack}.json"

    def create(self) -> None:
        """Makes the folder a backend; harmless when it is one. Raises OSError."""
        self._check_layout()
        meta = self._root / "meta.yaml"
        if not meta.exists():
            meta.parent.mkdir(parents=True, exist_ok=True)
            _replace(meta, b"version: 1\n")

    def write(self, stack: str, document: bytes) -> None:
        """Replaces the state, keeping the previous whole one as `.bak`. Raises OSError; then the old one stands."""
        self._write(stack, document)
        self._drop_journals(stack)

    def begin_journal(self, stack: str, document: bytes, opening: bytes) -> str:
        """Replaces the state by a document that a journal follows: the journal's name. Raises OSError, as `write`."""
        name = uuid.uuid4().hex
        path = self._journal(stack, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, opening)
        self._write(stack, journal.marked(document, name))
        self._drop_journals(stack, name)
        return name

    def append(self, stack: str, name: str, line: bytes) -> None:
        """Adds a line to the journal of that name. Raises OSError; then nothing may be added to it any more."""
        # one that is not there any more must not come into being again
        with os.fdopen(os.open(self._journal(stack, name), os.O_WRONLY | os.O_APPEND), "wb") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _journal(self, stack: str, name: str) -> Path:
        return self.path(stack).with_name(f"{stack}.{name}.journal")

    def _drop_journals(self, stack: str, but: str = "") -> None:
        for path in self.path(stack).parent.glob(f"{stack}.{_HEX}.journal"):
            if path != self._journal(stack, but):
                path.unlink(missing_ok=True)

    def _write(self, stack: str, document: bytes) -> None:
        path = self.path(stack)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _write_beside(path, document)
        if path.exists() and not _has_journal(path):
            _keep(path, path.with_name(f"{path.name}.bak"))
        temporary.replace(path)
        _drop_sidecar(path)
        for other in self._variants(stack)[1:]:
            other.unlink(missing_ok=True)

    def back_up(self, stack: str) -> None:
        """Copies the state as it is before a run into `backups`. Raises OSError."""
        path = self.path(stack)
        if path.exists() and not os.environ.get("PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS"):
            target = self._root / "backups" / self._project / stack / f"{stack}.{time.time_ns()}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, (self.read(stack) or "").encode() if _has_journal(path) else path.read_bytes())

    def add_history(self, stack: str, entry: Mapping[str, Any]) -> None:
        """Records a finished run, with a copy of the state it left. Raises OSError."""
        folder = self._root / "history" / self._project / stack
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{stack}-{time.time_ns()}"
        _replace(folder / f"{stem}.history.json", json.dumps(entry, ensure_ascii=False).encode())
        if (state := self.path(stack)).exists():
            _replace(folder / f"{stem}.checkpoint.json", state.read_bytes())

    def sweep(self, stack: str) -> None:
        """Cleans up after a killed run on this stack; only for who holds its lock. Raises OSError.

        What it had in a journal goes into the state, what it was still writing goes.
        """
        document = self._read(stack)
        if document is not None and journal.named_in(document):
            self.write(stack, (self.read(stack) or "").encode())
        self._drop_journals(stack)
        of_any_file = f".*.{_HEX}.tmp"
        places = (
            ("stacks", self._project, f".{stack}.json.{_HEX}.tmp"),
            ("stacks", self._project, f".{stack}.json.bak.{_HEX}.tmp"),
            ("stacks", self._project, f".{stack}.{_HEX}.journal.{_HEX}.tmp"),
            ("backups", self._project, stack, of_any_file),
            ("history", self._project, stack, of_any_file),
        )
        for *folder, pattern in places:
            for path in self._root.joinpath(*folder).glob(pattern):
                path.unlink(missing_ok=True)

    def _variants(self, stack: str) -> list[Path]:
        path = self.path(stack)
        return [path, *(path.with_name(f"{stack}{suffix}") for suffix in _COMPRESSED)]

    def _check_layout(self) -> None:
        meta = self._root / "meta.yaml"
        if meta.exists():
            version = (yaml.safe_load(meta.read_text(encoding="utf-8")) or {}).get("version")
            if version != 1:
                raise EngineError(
                    f"{meta}: layout version {version} is not supported", fix="Use the Pulumi CLI for this state."
                )
        elif any((self._root / "stacks").glob("*.json")):
            raise EngineError(
                f"{self._root} has the old layout without projects",
                fix="Run `pulumi state upgrade` on it, then try again.",
            )

    # ------------------------------------------------------------ locks

    @contextlib.contextmanager
    def lock(self, stack: str) -> Iterator[None]:
        """Holds the stack alone; raises EngineError naming who holds it and since when."""
        folder = self._lock_folder(stack)
        self._refuse_held(stack)
        folder.mkdir(parents=True, exist_ok=True)
        own = folder / f"{uuid.uuid4()}.json"
        holder = {
            "pid": os.getpid(),
            "username": getpass.getuser(),
            "hostname": socket.gethostname(),
            "timestamp": datetime.now(UTC).isoformat(),
        }
        _replace(own, json.dumps(holder).encode())
        try:
            self._refuse_held(stack, own)
            yield
        finally:
            own.unlink(missing_ok=True)

    def unlock(self, stack: str) -> int:
        """Removes every lock on the stack, as `pulumi cancel` does; how many there were."""
        held = self._locks(stack)
        for path in held:
            path.unlink(missing_ok=True)
            _drop_sidecar(path)
        return len(held)

    def _lock_folder(self, stack: str) -> Path:
        return self._root / "locks" / "organization" / self._project / stack

    def _locks(self, stack: str) -> list[Path]:
        return sorted(self._lock_folder(stack).glob("*.json"))

    def _refuse_held(self, stack: str, own: Path | None = None) -> None:
        held = [path for path in self._locks(stack) if path != own]
        if not held:
            return
        lines = [f"the stack is currently locked by {len(held)} lock(s)."]
        for path in held:
            try:
                who = json.loads(path.read_text(encoding="utf-8"))
                holder = f"{who['username']}@{who['hostname']} (pid {who['pid']}) at {who['timestamp']}"
            except (OSError, ValueError, KeyError, TypeError):
                holder = "somebody this engine cannot tell: the lock is unreadable"
            lines.append(f"  {path}: created by {holder}")
        raise LockedError("\n".join(lines), stack)


def _stack_of(name: str) -> str:
    for suffix in (".json", *_COMPRESSED):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return ""


def _has_journal(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(journal.named_in(file.read(_HEAD_BYTES).decode(errors="replace")))


def _text(raw: bytes, path: Path) -> str:
    if raw.startswith(_ZSTD_MAGIC):
        raise EngineError(
            f"{path} is compressed with zstd, which this engine does not read",
            fix="Unset PULUMI_DIY_BACKEND_ZSTD and run `pulumi up` once, or use the Pulumi CLI.",
        )
    try:
        return (gzip.decompress(raw) if raw.startswith(_GZIP_MAGIC) else raw).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise EngineError(f"{path} is truncated or damaged; refusing to use it") from error


def _write_beside(path: Path, content: bytes) -> Path:
    """A flushed temporary file in the same folder; removed again when it cannot be written whole."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    return temporary


def _replace(path: Path, content: bytes) -> None:
    _write_beside(path, content).replace(path)
    _drop_sidecar(path)


def _keep(path: Path, backup: Path) -> None:
    """Makes `backup` the file's present content; a hard link costs nothing and the file is only ever replaced."""
    temporary = backup.with_name(f".{backup.name}.{uuid.uuid4().hex}.tmp")
    try:
        os.link(path, temporary)
    except OSError:
        _replace(backup, path.read_bytes())
        return
    temporary.replace(backup)
    _drop_sidecar(backup)


def _drop_sidecar(path: Path) -> None:
    path.with_name(f"{path.name}.attrs").unlink(missing_ok=True)
