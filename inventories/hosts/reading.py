"""An inventory folder as it lies on disk: the hosts and variables in it, each with where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from inventories.faults import Fault, OnshoreError
from inventories.hosts.rendering import GROUP_VARS, HOST_VARS, KNOWN_HOSTS
from inventories.yaml_source import display_name, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inventories.yaml_source import Document, KeyPath

_PARTS: Final = ("hosts", "children", "vars")
_READ: Final = {"", ".yaml", ".yml", ".json"}  # the endings of variable files that Ansible reads


@dataclass(frozen=True, slots=True)
class Named:
    """A host in a group, with the variables it is given there (None: it is only named)."""

    where: str
    host: str
    facts: dict[str, tuple[str, Any]] | None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a group or host; `for_all`: of every host."""

    where: str
    name: str
    value: Any
    for_all: bool = False


@dataclass(slots=True)
class Inventory:
    """What an inventory folder says. `known_hosts` is None when there is none, `readable` whether the inventory is."""

    name: str
    readable: bool = False
    hosts: list[Named] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    known_hosts: str | None = None
    known_hosts_name: str = ""


def read_inventory(file: Path) -> Inventory:
    """Read an inventory and what lies beside it; what cannot be read, or read as Ansible would, is among its faults."""
    inventory = Inventory(display_name(file), known_hosts_name=display_name(file.parent / KNOWN_HOSTS))
    if (document := _document(file, inventory)) is not None:
        inventory.readable = True
        for name in _keys(document, (), "a mapping of groups", inventory):
            _group(document, (name,), inventory, for_all=name == "all")
    for path in sorted(file.parent.rglob("*")):
        inside = path.relative_to(file.parent)
        if path == file or path.suffix == ".md" or (path.is_dir() and not path.is_symlink()):
            continue
        if not path.is_file():  # Ansible follows links to folders
            fault = Fault(display_name(path), "neither a file nor a folder", fix="put what it leads to in its place")
            inventory.faults.append(fault)
        elif inside.as_posix() == KNOWN_HOSTS:
            _known_hosts(path, inventory)
        elif inside.parts[0] in (GROUP_VARS, HOST_VARS) and len(inside.parts) > 1 and path.suffix in _READ:
            if (variables := _document(path, inventory)) is not None:
                of_all = inside.parts[0] == GROUP_VARS and inside.parts[1].split(".")[0] == "all"
                _variables(variables, (), inventory, for_all=of_all)
        else:
            fault = Fault(display_name(path), "a file that nobody checks", fix="remove it, or name it .md")
            inventory.faults.append(fault)
    return inventory


def _known_hosts(path: Path, inventory: Inventory) -> None:
    try:
        inventory.known_hosts = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        inventory.faults.append(Fault(display_name(path), "the file cannot be read", error.strerror or ""))


def _document(path: Path, inventory: Inventory) -> Document | None:
    try:
        return read_yaml(path)
    except OnshoreError as error:
        inventory.faults += error.faults
        return None


def _group(document: Document, path: KeyPath, inventory: Inventory, *, for_all: bool = False) -> None:
    for part in _keys(document, path, "a group of hosts", inventory):
        if part not in _PARTS:
            fix = f"a group has {', '.join(_PARTS)}"
            inventory.faults.append(Fault(document.where((*path, part)), "not a part of a group", part, fix=fix))
    for name in _keys(document, (*path, "hosts"), "hosts by name", inventory):
        place = (*path, "hosts", name)
        own = list(_keys(document, place, "variables by name", inventory))
        facts = {key: (document.where((*place, key)), _at(document, (*place, key))) for key in own}
        inventory.hosts.append(Named(document.where(place), name, facts or None))
    for name in _keys(document, (*path, "children"), "groups by name", inventory):
        _group(document, (*path, "children", name), inventory)
    _variables(document, (*path, "vars"), inventory, for_all=for_all)


def _variables(document: Document, path: KeyPath, inventory: Inventory, *, for_all: bool) -> None:
    for name in _keys(document, path, "variables by name", inventory):
        place = (*path, name)
        inventory.variables.append(Variable(document.where(place), name, _at(document, place), for_all))


def _keys(document: Document, path: KeyPath, wanted: str, inventory: Inventory) -> Iterator[str]:
    """The keys of a mapping; nothing where nothing stands, and a fault where something else does."""
    found = _at(document, path)
    if isinstance(found, dict):
        yield from found
    elif found is not None:
        inventory.faults.append(Fault(document.where(path), f"not {wanted}", fix=f"write {wanted}"))


def _at(document: Document, path: KeyPath) -> Any:
    found = document.data
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found
