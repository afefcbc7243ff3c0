"""State on disk in the form of Pulumi's DIY file backend (`pkg/backend/diy`).

Everything stands under `<folder>/.pulumi`: `meta.yaml`, `stacks/<project>/<stack>.json` with `.bak` beside it, and the
folders `history`, `backups` and `locks`. During a run on a large state a journal stands beside it too (`journal.py`).
Files are replaced by rename; the `.attrs` sidecar that the CLI's blob library keeps beside a file is removed when the
file is rewritten.
"""

from __future__ import annotations

import gzip
import json
import os
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import yaml

from engine.errors import EngineError
from engine.saving import files, journal, locks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC: Final = b"\x1f\x8b"
_HEAD_BYTES: Final = 128  # enough for what says that a state has a journal
_RESTORE: Final = "Restore it from the .bak file beside it or from the backups folder; then refresh."
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
            except OSError as error:
                raise _unreadable(self._journal(stack, name), error) from error
            except UnicodeDecodeError as error:
                raise EngineError(
                    f"{self._journal(stack, name)} is damaged; refusing to use it", fix=_RESTORE
                ) from error
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
                raise _unreadable(path, error) from error
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
            files.replace(meta, b"version: 1\n")

    def write(self, stack: str, document: bytes) -> None:
        """Replaces the state, keeping the previous whole one as `.bak`. Raises OSError; then the old one stands."""
        self._write(stack, document)
        self._drop_journals(stack)

    def begin_journal(self, stack: str, document: bytes, opening: bytes) -> str:
        """Replaces the state by a document that a journal follows: the journal's name. Raises OSError, as `write`."""
        name = uuid.uuid4().hex
        path = self._journal(stack, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, opening)
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
        for path in self.path(stack).parent.glob(f"{stack}.{files.HEX_PATTERN}.journal"):
            if path != self._journal(stack, but):
                path.unlink(missing_ok=True)

    def _write(self, stack: str, document: bytes) -> None:
        path = self.path(stack)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = files.write_beside(path, document)
        if path.exists() and not _has_journal(path):
            files.keep(path, path.with_name(f"{path.name}.bak"))
        temporary.replace(path)
        files.drop_sidecar(path)
        for other in self._variants(stack)[1:]:
            other.unlink(missing_ok=True)

    def back_up(self, stack: str) -> None:
        """Copies the state as it is before a run into `backups`. Raises OSError."""
        path = self.path(stack)
        if path.exists() and not os.environ.get("PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS"):
            target = self._root / "backups" / self._project / stack / f"{stack}.{time.time_ns()}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            files.replace(target, (self.read(stack) or "").encode() if _has_journal(path) else path.read_bytes())

    def add_history(self, stack: str, entry: Mapping[str, Any]) -> None:
        """Records a finished run, with a copy of the state it left. Raises OSError."""
        folder = self._root / "history" / self._project / stack
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{stack}-{time.time_ns()}"
        files.replace(folder / f"{stem}.history.json", json.dumps(entry, ensure_ascii=False).encode())
        if (state := self.path(stack)).exists():
            files.replace(folder / f"{stem}.checkpoint.json", state.read_bytes())

    def sweep(self, stack: str) -> None:
        """Cleans up after a killed run on this stack; only for who holds its lock. Raises OSError.

        What it had in a journal goes into the state, what it was still writing goes.
        """
        document = self._read(stack)
        if document is not None and journal.named_in(document):
            self.write(stack, (self.read(stack) or "").encode())
        self._drop_journals(stack)
        of_any_file = f".*.{files.HEX_PATTERN}.tmp"
        places = (
            ("stacks", self._project, f".{stack}.json.{files.HEX_PATTERN}.tmp"),
            ("stacks", self._project, f".{stack}.json.bak.{files.HEX_PATTERN}.tmp"),
            ("stacks", self._project, f".{stack}.{files.HEX_PATTERN}.journal.{files.HEX_PATTERN}.tmp"),
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
            version = _layout_version(meta)
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

    def lock(self, stack: str, root: Path | None = None) -> AbstractContextManager[None]:
        """Holds the stack of the project at `root` alone; raises LockedError naming who holds it and since when."""
        return locks.held(self._lock_folder(stack), stack, root)

    def unlock(self, stack: str) -> int:
        """Removes every lock on the stack, as `pulumi cancel` does; how many there were."""
        return locks.remove_all(self._lock_folder(stack))

    def unlock_after(self, stack: str, pid: int) -> int:
        """Removes the locks that a process of this machine left when it was killed; how many there were."""
        return locks.remove_of(self._lock_folder(stack), pid)

    def _lock_folder(self, stack: str) -> Path:
        return self._root / "locks" / "organization" / self._project / stack


def _stack_of(name: str) -> str:
    for suffix in (".json", *_COMPRESSED):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return ""


def _layout_version(meta: Path) -> Any:
    try:
        data = yaml.safe_load(meta.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(meta, error) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EngineError(
            f"{meta} is damaged", fix="Write `version: 1` into it, if its folders are as before."
        ) from error
    return data.get("version") if isinstance(data, dict) else None


def _unreadable(path: Path, error: OSError) -> EngineError:
    return EngineError(
        f"{path} cannot be read: {error.strerror or error}", fix="Let who runs this read it, then try again."
    )


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
        raise EngineError(f"{path} is truncated or damaged; refusing to use it", fix=_RESTORE) from error
