"""YAML files as data that knows where it stands: every fault of a file can name its line.

Parsing is PyYAML's (libyaml where it is built in): this module only walks the composed nodes. Refused: duplicate keys,
merge keys unless asked for, explicit tags, recursive or exploding anchors, more than one document. Keys are text.
"""

from __future__ import annotations

import difflib
import os
import re
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from inventories._wording import in_words, kind_of
from inventories._yaml_nodes import Builder, KeyPath, child, dotted_path
from inventories.faults import Fault, OnshoreError, by_line

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = [
    "Document",
    "KeyPath",
    "M",
    "display_name",
    "dotted_path",
    "misspelt",
    "nearest",
    "parse_yaml",
    "read_parts",
    "read_yaml",
    "readable",
    "validate",
    "validate_rest",
]

M = TypeVar("M", bound=BaseModel)

_MAX_NAMES: Final = 12
_DEEP: Final = "write it with fewer levels, or restore the file from its origin"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file: `data` as Python values, `raw` as bytes, and the line of everything in it.

    `faults`: what in it is not plain data; nothing stands in `data` at the paths in `broken`.
    """

    name: str
    raw: bytes
    data: Any
    _root: yaml.Node = field(repr=False)
    faults: tuple[Fault, ...] = ()
    broken: frozenset[KeyPath] = frozenset()

    def position(self, path: KeyPath) -> tuple[int, int]:
        """Line and column (from 1) of the key or item at a path, or of what comes nearest above it."""
        node = self._root
        mark = node.start_mark
        for part in path:
            found = child(node, part)
            if found is None:
                break
            mark, node = found
        return mark.line + 1, mark.column + 1

    def where(self, path: KeyPath = ()) -> str:
        """`file:line:path`, for a fault."""
        line, _ = self.position(path)
        dotted = dotted_path(path)
        return f"{self.name}:{line}:{dotted}" if dotted else f"{self.name}:{line}"

    def holds(self, path: KeyPath) -> bool:
        """Whether something stands at a path."""
        node = self._root
        for part in path:
            found = child(node, part)
            if found is None:
                return False
            _, node = found
        return True


def read_yaml(path: Path, *, name: str = "", merges: bool = False) -> Document:
    """Read one file; `name` is what faults call it (default: the path, from the current folder where inside it).

    `merges`: merge keys are read, for files that others write; files of ours say everything where it holds.

    Raises OnshoreError with every fault of its form: missing, unreadable, empty, not UTF-8, not YAML, duplicate keys...
    """
    return _whole(read_parts(path, name=name, merges=merges))


def read_parts(path: Path, *, name: str = "", merges: bool = False) -> Document:
    """`read_yaml` for a reader that goes on: where single values are not plain data, the document names them."""
    name = name or display_name(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise _unreadable(name, Fault(name, "the file is missing", fix="create it, or correct the path")) from None
    except OSError as error:
        got, fix = error.strerror or type(error).__name__, "put a readable file there, or correct the path"
        fault = Fault(name, "the file cannot be read", got, fix=fix)
        raise _unreadable(name, fault) from None
    return _parsed(raw, name, merges=merges)


def parse_yaml(raw: bytes, name: str) -> Document:
    """`read_yaml` for bytes at hand."""
    return _whole(_parsed(raw, name))


def _whole(document: Document) -> Document:
    if document.faults:
        raise _unreadable(document.name, *document.faults)
    return document


def _parsed(raw: bytes, name: str, *, merges: bool = False) -> Document:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        fault = Fault(f"{name}:{line}", "not UTF-8 text", got=f"byte 0x{raw[error.start]:02x}", fix="save it as UTF-8")
        raise _unreadable(name, fault) from None
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise _unreadable(name, _syntax_fault(name, error)) from None
    except RecursionError:
        raise _unreadable(name, Fault(name, "nested too deeply to be data", fix=_DEEP)) from None
    if root is None:
        raise _unreadable(name, Fault(name, "the file is empty", fix="fill it, or restore it from its origin"))
    builder = Builder(name, merges=merges)
    try:
        data, _ = builder.build(root, ())
    except RecursionError:
        raise _unreadable(name, Fault(name, "nested too deeply to be data", fix=_DEEP)) from None
    return Document(name, raw, data, root, tuple(builder.faults), frozenset(builder.broken))


def validate(
    model: type[M], document: Document, at: KeyPath = (), *, hidden: Collection[str] = ()
) -> tuple[M | None, list[Fault]]:
    """Make a record of a document (or of what stands at a path in it); else its faults, all of them, with lines.

    `hidden`: the fields of the record that may hold secrets; of what stands there a fault tells the kind alone.
    """
    data = document.data
    for part in at:
        data = data[part]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        found: dict[tuple[str, str], Fault] = {}
        for detail in error.errors(include_url=False):
            place = _place(document, at, detail["loc"])
            if any(place[:length] in document.broken for length in range(1, len(place) + 1)):
                continue  # named already
            if detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
                continue  # as many as are wanted stand there, and what is wrong with each is named
            fault = _fault(model, document, place, detail, hidden)
            # The branches of a union each complain about the same value: once is enough.
            found.setdefault((fault.where, "" if detail["type"].endswith(("_type", "_parsing")) else fault.what), fault)
        return None, by_line(found.values())


def validate_rest(model: type[M], document: Document) -> tuple[M | None, frozenset[KeyPath]]:
    """A record of a document without what is wrong in it, and the paths that were left out; None where nothing is left.

    For what can be said of the rest before all is right; never a record to go by.
    """
    data, without = deepcopy(document.data), set[KeyPath]()
    while True:
        try:
            return model.model_validate(data), frozenset(without)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                place = _place(document, (), detail["loc"])
                # items of a list go with it: without one, the others would stand elsewhere
                place = tuple(takewhile(lambda part: isinstance(part, str), place))
                while place in without:
                    place = place[:-1]
                if not place:
                    return None, frozenset(without)
                without.add(place)
                _drop(data, place)


def _drop(data: Any, place: KeyPath) -> None:
    for part in place[:-1]:
        data = data.get(part) if isinstance(data, dict) else None
    if isinstance(data, dict):
        data.pop(place[-1], None)


def readable(model: type[M], document: Document) -> M:
    """A record of those fields of a document that are as they should be, which alone are in its `model_fields_set`.

    For what can be said of the others before all are right; never a record to go by.
    """
    given = document.data if isinstance(document.data, dict) else {}
    good: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        if name in given and (name,) not in document.broken:
            with suppress(ValidationError):
                good[name] = TypeAdapter(info.rebuild_annotation()).validate_python(given[name])
    return model.model_construct(**good)


def nearest(name: str, names: list[str] | tuple[str, ...]) -> str:
    """`did you mean X?`, or what there is to choose from."""
    if meant := misspelt(name, names, cutoff=0.6):
        return meant
    listed = ", ".join(f"`{known}`" for known in names[:_MAX_NAMES])
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"known: {listed}{more}" if names else ""


def misspelt(name: str, names: list[str] | tuple[str, ...], *, cutoff: float = 0.9) -> str:
    """`did you mean X?`, or nothing where no name comes close."""
    close = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
    return f"did you mean `{close[0]}`?" if close else ""


def display_name(path: Path) -> str:
    """A path as people read it: from the current folder when it lies inside."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _unreadable(name: str, *faults: Fault) -> OnshoreError:
    return OnshoreError(f"{name} cannot be used", faults)


def _syntax_fault(name: str, error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None)
    where = f"{name}:{mark.line + 1}" if mark else name
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable characters"
    return Fault(where, "not YAML", got=str(problem), fix="mend the line, or restore the file if it was cut off")


def _place(document: Document, at: KeyPath, loc: KeyPath) -> KeyPath:
    """Pydantic puts the names of union branches into its path: only what stands in the file is a place."""
    kept = at
    for part in loc:
        if document.holds((*kept, part)):
            kept = (*kept, part)
    return kept


def _fault(model: type[BaseModel], document: Document, place: KeyPath, detail: Any, hidden: Collection[str]) -> Fault:
    kind: str = detail["type"]
    loc: KeyPath = detail["loc"]
    given = detail["input"]
    whole = not (place or loc)  # a file that is no record at all may be anything, a password too
    got = kind_of(given) if whole or (loc and loc[0] in hidden) else _short(given)
    if kind == "missing":
        what, got, fix = f"`{loc[-1]}` is missing", "", f"add `{loc[-1]}`"
        return Fault(document.where((*place, loc[-1])), what, got, fix=fix)
    where = document.where(place)
    if kind == "extra_forbidden":
        return Fault(where, "unknown field", str(loc[-1]), fix=nearest(str(loc[-1]), _fields_at(model, loc[:-1])))
    expected = detail.get("ctx", {}).get("expected")
    if kind in {"enum", "literal_error"} and expected:
        known = re.findall(r"'([^']*)'", str(expected)) or [str(expected)]
        return Fault(where, "not one of the known values", got, fix=nearest(str(given), known))
    what, fix = in_words(kind, detail.get("ctx", {}), str(detail["msg"]), given)
    if kind == "value_error" and isinstance(given, dict):
        got, fix = "", "correct one of them"  # fields of a record that disagree; the message names them
    return Fault(where, what, got, fix=fix)


def _short(value: object) -> str:
    if value is None or isinstance(value, dict | list):
        return kind_of(value)
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _fields_at(model: type[BaseModel], loc: KeyPath) -> list[str]:
    """The field names of the record that stands at a path of a model."""
    current: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, int) or current is None:
            continue
        info = next((f for name, f in current.model_fields.items() if part in (name, f.alias)), None)
        if info is not None:
            current = _record_in(info.annotation)
    return [info.alias or name for name, info in current.model_fields.items()] if current else []


def _record_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for inner in get_args(annotation) if (found := _record_in(inner))), None)
