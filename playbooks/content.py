"""The folder of a playbook: read whole, digested part by part, and copied to where it runs.

What runs is the copy, and the copy is what was digested: a file that changes in between changes nothing.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Literal

from inventories.faults import Fault, OnshoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Part = Literal["playbook", "roles", "collections"]
PARTS: Final[tuple[Part, ...]] = ("playbook", "roles", "collections")
ROLES: Final = "roles"
GENERATED: Final = "onshore-role.yml"
TARGETS: Final = "targets"
"""The group of all hosts of a run: what a playbook names when it means every host it is given."""

SHIPPED: Final = "onshore:"
"""How the path of a playbook that comes with onshore begins: `onshore:hosts/postgres_database.yml`."""

_SHIPPED_FOLDER: Final = Path(__file__).with_name("shipped")
_MOST_FILES: Final = 5_000
_MOST_BYTES: Final = 64 * 2**20
_SKIPPED: Final = frozenset({".git", "__pycache__", ".venv", "node_modules"})
_OWN_FOLDER: Final = "give the playbook a folder of its own, with only what it needs"


@dataclass(frozen=True, slots=True)
class ContentFile:
    """One file of a folder; `executable` is all of its mode that matters."""

    data: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """What a playbook or role consists of: files by their path in the folder, and the playbook to start with."""

    files: Mapping[str, ContentFile]
    playbook: str

    def digest(self, part: Part) -> str:
        """The sha256 of one part: names, contents and executable bits."""
        summed = hashlib.sha256()
        for name in sorted(self.files):
            if part_of(name) == part:
                file = self.files[name]
                inner = hashlib.sha256(file.data).hexdigest()
                summed.update(f"{len(name)}:{name}:{int(file.executable)}:{inner}\n".encode())
        return summed.hexdigest()

    def write(self, folder: Path) -> None:
        """Copy it to a folder that does not exist yet."""
        folder.mkdir(mode=0o700)
        for name, file in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
            path.chmod(0o700 if file.executable else 0o600)


def part_of(name: str) -> Part:
    """Which part a file belongs to."""
    top = PurePosixPath(name).parts[0]
    return "roles" if top == ROLES else "collections" if top == "collections" else "playbook"


def read_playbook(root: Path, playbook: str) -> Content:
    """The folder of a playbook, by its path from the project's root; raises OnshoreError."""
    path = _inside(root, "playbook", playbook)
    if not path.is_file():
        raise _error("playbook", "there is no such playbook", playbook, "paths count from the folder of onshore.yaml")
    return Content(dict(_read(path.parent, "playbook")), path.name)


def read_role(root: Path, role: str) -> Content:
    """A role with the roles beside it, and a playbook that applies it to every host; raises OnshoreError."""
    path = _inside(root, "role", role)
    if not path.is_dir():
        raise _error("role", "there is no such role", role, "paths count from the folder of onshore.yaml")
    files = {f"{ROLES}/{name}": file for name, file in _read(path.parent, "role")}
    files[GENERATED] = ContentFile(f"- hosts: {TARGETS}\n  roles:\n    - {path.name}\n".encode())
    return Content(files, GENERATED)


def _inside(root: Path, field: str, name: str) -> Path:
    if name.startswith(SHIPPED):
        root, name = _SHIPPED_FOLDER, name.removeprefix(SHIPPED)
    path = root / name
    if Path(name).is_absolute() or not path.resolve().is_relative_to(root.resolve()):
        raise _error(field, "not a path within the project", name, "put it into the project, and name it from there")
    return path


def _read(folder: Path, field: str) -> Iterator[tuple[str, ContentFile]]:
    count = size = 0
    for name, path in _walk(folder, field):
        count, size = count + 1, size + path.stat().st_size
        if count > _MOST_FILES or size > _MOST_BYTES:
            got = f"{folder.name}/ holds more than {_MOST_FILES} files or {_MOST_BYTES // 2**20} MiB"
            raise _error(field, "too much to carry to a run", got, _OWN_FOLDER)
        yield name, ContentFile(path.read_bytes(), os.access(path, os.X_OK))


def _walk(folder: Path, field: str) -> Iterator[tuple[str, Path]]:
    whole = folder.resolve()
    for current, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted([*files, *(one for one in folders if (Path(current) / one).is_symlink())]):
            path = Path(current) / name
            inner = path.relative_to(folder).as_posix()
            if not path.resolve().is_relative_to(whole):
                raise _error(field, "a link that leads out of the playbook's folder", inner, "copy what it links to")
            if path.is_dir():
                raise _error(field, "a link to a folder", inner, "put the folder itself there")
            if not path.is_file():
                raise _error(field, "neither a file nor a folder", inner, "remove it")
            if path.suffix != ".pyc":
                yield inner, path


def _error(field: str, what: str, got: str, fix: str) -> OnshoreError:
    return OnshoreError(f"the {field} cannot be used", [Fault(field, what, got, fix=fix)])
