"""The files a run reads, as digests: what is bound, and why, stands in `docs/decisions` (what a receipt binds).

The gate's edge to files. Other rooms are named by their folders, so that nothing here has to know them.
"""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gate.plan import blinded, digest_of
from inventories.faults import Fault, OnshoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gate.receipt import Materials
    from inventories.models import Profile, Register

# What a run makes itself, or never reads: state, environments, caches and the history of files.
_LEFT_OUT: Final = frozenset(
    {"__pycache__", ".git", ".venv", ".onshore", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
)
_LAW: Final = ("rules", "waivers", "declassifications")  # folders of the inventories with groups of their own
_ALSO_LAW: Final = ("profiles", "registers")  # read as what they say, not as files: a profile extends another
SALT: Final = "encryptionsalt"
_NEVER: Final = "0001-01-01T00:00:00Z"  # the time of a manifest that the Pulumi CLI gives a stack without a run
_PROJECT_FILES: Final = ("Pulumi.yaml", "pyproject.toml", "uv.lock")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a run reads from. `rooms`: the folders of components, engine, inventories and policies, as imported."""

    root: Path
    program: Path
    stack_file: Path
    settings_file: Path
    pack: Path
    register_folder: Path
    waivers_folder: Path
    declassifications_folder: Path
    rooms: Mapping[str, Path]
    register: Register
    profile: Profile


def collect(sources: Sources) -> Materials:
    """Everything that files say about a run; raises OnshoreError when one cannot be read."""
    rooms = sources.rooms
    program = sources.program if sources.program.is_dir() else sources.program.parent
    inventories = _tree(rooms["inventories"], "inventories", without=(*_LAW, *_ALSO_LAW))
    project = [sources.root / name for name in _PROJECT_FILES]
    return {
        "program": {
            **{path.name: _file(path) for path in project if path.is_file()},
            **{name: digest for name, digest in _tree(program, "program").items() if not _is_stack_file(name)},
            **_tree(rooms["components"], "components"),
        },
        "configuration": _configuration(sources.stack_file) if sources.stack_file.is_file() else {},
        "settings": {sources.settings_file.name: _file(sources.settings_file)},
        "register": {
            "version": sources.register.version,
            "digest": sources.register.digest,
            "overlays": ", ".join(sources.register.overlays),
            **_tree(sources.register_folder, "register"),
        },
        "profile": {
            "id": sources.profile.id,
            "version": sources.profile.version,
            "digest": digest_of(_sorted(sources.profile.model_dump(mode="json"))),
        },
        "rules": _tree(rooms["inventories"] / "rules", "rules"),
        **{
            name: _tree(folder, name) if folder.is_dir() else {}
            for name, folder in (
                ("waivers", sources.waivers_folder),
                ("declassifications", sources.declassifications_folder),
            )
        },
        "engine": _tree(rooms["engine"], "engine"),
        "pack": {**_tree(sources.pack, "pack"), **_tree(rooms["policies"], "policies"), **inventories},
    }


def engine_materials(name: str, version: str) -> dict[str, str]:
    """What runs the program: the engine, Python, and every Pulumi package in this environment."""
    packages = {
        found: distribution.version
        for distribution in distributions()
        if (found := str(distribution.metadata["Name"]).lower().replace("_", "-")).startswith("pulumi")
    }
    return {"engine": name, "version": version, "python": platform.python_version(), **dict(sorted(packages.items()))}


def state_materials(deployment: Mapping[str, Any]) -> dict[str, str]:
    """What is recorded of the stack, without what another export of the same state says otherwise (ciphertexts).

    `saved` moves with every run, whatever it leaves: a stack that was made and destroyed holds as little as before.
    """
    resources = deployment.get("resources") or []
    pending = deployment.get("pending_operations") or []
    saved = str((deployment.get("manifest") or {}).get("time") or _NEVER)
    return {
        "resources": str(len(resources)),
        "digest": digest_of(blinded([resources, pending])),
        "saved": "never" if saved == _NEVER else saved,
    }


def holds(sources: Sources, path: Path) -> bool:
    """Whether a file lies among those that a receipt binds: there it would bind itself."""
    program = sources.program if sources.program.is_dir() else sources.program.parent
    folders = (program, sources.pack, sources.register_folder, *sources.rooms.values())
    lies_in = path.resolve()
    inside = [folder for folder in folders if lies_in.is_relative_to(folder.resolve())]
    return any(not _LEFT_OUT & set(lies_in.relative_to(folder.resolve()).parts) for folder in inside)


def _is_stack_file(name: str) -> bool:
    """Stack files have a group of their own, and other stacks' are nobody's business here."""
    file = name.rpartition("/")[2]
    return file.startswith("Pulumi.") and file.endswith((".yaml", ".yml")) and file != "Pulumi.yaml"


def _tree(folder: Path, label: str, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Every file below a folder by `<label>/<path>`; a folder that is not there has none."""
    return {
        f"{label}/{path.relative_to(folder).as_posix()}": _file(path)
        for path in sorted(_walk(folder, frozenset()))
        if path.relative_to(folder).parts[0] not in without
    }


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Links are followed, since Python follows them; not into a folder that leads here."""
    here = folder.resolve()
    if here in above:
        return
    try:
        found = sorted(os.scandir(folder), key=lambda entry: entry.name) if folder.is_dir() else []
    except OSError as error:
        raise _unreadable(folder, error) from None
    for entry in found:
        if entry.is_dir():
            if entry.name not in _LEFT_OUT:
                yield from _walk(Path(entry.path), above | {here})
        else:
            yield Path(entry.path)


def _file(path: Path) -> str:
    return hashlib.sha256(_content(path)).hexdigest()


def _configuration(path: Path) -> dict[str, str]:
    """A stack file, its salt by itself: the Pulumi CLI writes one where there is none, even at a preview."""
    lines = _content(path).splitlines(keepends=True)
    salts = [line for line in lines if line.startswith(b"encryptionsalt:")]
    rest = b"".join(line for line in lines if line not in salts)
    found = {path.name: hashlib.sha256(rest).hexdigest()}
    return found | ({SALT: hashlib.sha256(b"".join(salts)).hexdigest()} if salts else {})


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> OnshoreError:
    fault = Fault(str(path), f"cannot be read: {error.strerror}", fix="make it readable, or remove it")
    return OnshoreError("what a run reads cannot be bound", [fault], refused=True)


def _sorted(value: Any) -> Any:
    """Sets of words become lists in any order; here they have one."""
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [_sorted(item) for item in value]
        return sorted(items) if all(isinstance(item, str) for item in items) else items
    return value
