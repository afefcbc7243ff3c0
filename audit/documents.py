"""Reads state exports, checkpoints and previews, one resource after the other: a file is never held whole."""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import ijson

from audit.values import text
from inventories.faults import Fault, OnshoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedReader
    from pathlib import Path

_GZIP: Final = b"\x1f\x8b"
_PENDING: Final = "pending_operations"
# Of a deployment and a checkpoint, in Pulumi's sdk/go/common/apitype/core.go; the lists of the first are to be empty.
_LISTS: Final = ("resources", _PENDING)
_OF_NONE: Final = {
    "deployment": frozenset({"manifest", "secrets_providers", "metadata", *_LISTS}),
    "checkpoint": frozenset({"stack", "config", "latest"}),
}
_NEWEST: Final = 4  # version of a deployment; the engine writes 3
_DEEPEST: Final = 1000  # the reader names every place by its whole path
_NO_LIST: Final = "no list"
_CHUNK: Final = 1 << 20  # bytes read at once: for each, the parser begins a string anew that goes on
_STARTS: Final = frozenset({"start_map", "start_array"})
_ENDS: Final = frozenset({"end_map", "end_array"})
_OF_A_MAP: Final = frozenset({"start_map", "map_key", "end_map", "null"})
_OF_A_LIST: Final = frozenset({"start_array", "null"})
_DEPTHS_OF_A_STATE: Final = (2, 3)
_OF_AN_EMPTY_LIST: Final = frozenset({"start_array", "end_array", "null"})
_KEPT: Final = frozenset({"same", "update"})  # steps that leave a resource its id
_GONE: Final = frozenset({"delete", "delete-replaced", "discard", "discard-replaced", "read", "read-replacement"})


@dataclass(frozen=True, slots=True)
class Form:
    """Where a kind of document has its state; a preview has none, only steps."""

    state: str = ""

    @property
    def resources(self) -> str:
        return f"{self.state}.resources.item" if self.state else "steps.item"

    @property
    def pending(self) -> str:
        """What an engine had begun."""
        return f"{self.state}.{_PENDING}.item"


_FORMS: Final = {"deployment": Form("deployment"), "checkpoint": Form("checkpoint.latest"), "steps": Form()}


class MalformedError(ValueError):
    """What stands in a document and does not belong there; its words are for people."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file whose form is known; `has_begun`: whether it holds anything that an engine had begun."""

    path: Path
    form: Form
    has_begun: bool

    def records(self) -> Iterator[dict[str, Any]]:
        """Each resource that the stack has, or that an engine was about to make when it was cut short."""
        if not self.form.state:
            yield from map(_planned, filter(_stays, self._items(self.form.resources)))
            return
        pending = self._items(self.form.pending) if self.has_begun else ()
        begun = (op for op in pending if op.get("type") not in ("deleting", "reading"))
        yield from chain(self._items(self.form.resources), map(_begun, begun))

    def is_of_nothing(self) -> bool:
        """Whether it is, for certain, the state of a stack that has no resources: destroyed, or never brought up."""
        if not self.form.state:
            return False
        with _opened(self.path) as file:
            return _holds_nothing(ijson.parse(file, buf_size=_CHUNK), self.form.state)

    def config(self) -> dict[str, Any]:
        """The stack's configuration, which only a preview holds."""
        found: dict[str, Any] = {}
        if not self.form.state:
            with _opened(self.path) as file:
                found = next(ijson.items(file, "config", buf_size=_CHUNK), {})
        return found if isinstance(found, dict) else {}

    def _items(self, prefix: str) -> Iterator[dict[str, Any]]:
        with _opened(self.path) as file:
            for item in ijson.items(file, prefix, use_float=True, buf_size=_CHUNK):
                if not isinstance(item, dict):
                    raise MalformedError("a resource that is no mapping")
                yield item


def open_document(path: Path) -> Document:
    """A file, by what it says it is; raises OnshoreError for what is no such document."""
    if not path.is_file():
        raise unreadable(path, _no_file(path))
    keys: set[str] = set()
    version: int | Decimal = 0
    has_begun = False
    with _opened(path) as file:
        for key, value in _top(ijson.basic_parse(file, buf_size=_CHUNK)):
            keys.add(key)
            version = value if key == "version" and isinstance(value, int | Decimal) else version
            has_begun = has_begun or key == _PENDING
    forms = [form for key, form in _FORMS.items() if key in keys]
    if len(forms) != 1:
        what = "more than one of these: a" if forms else "no"
        raise unreadable(path, f"{what} state export, checkpoint or preview")
    (found,) = forms
    if found.state and _NO_LIST in keys:
        raise unreadable(path, f"a state whose {' or '.join(_LISTS)} are no list")
    if found.state and not 0 < version <= _NEWEST:
        raise unreadable(path, f"a document of version {version}")
    if not found.state and (fault := _left_out(path)):
        raise unreadable(path, fault)
    return Document(path, found, has_begun)


def _no_file(path: Path) -> str:
    if path.is_dir():
        return "a folder without a *.json below it"
    # of a pipe there is one reading only, and it may never end
    return "neither a file nor a folder" if path.exists() else "there is no such file"


def _holds_nothing(events: Iterable[tuple[str, str, Any]], state: str) -> bool:
    """Whether every event is one of a state without resources; on a key that nobody knows anything may hang."""
    lists = tuple(f"{state}.{key}" for key in _LISTS)
    seen: set[tuple[str, str]] = set()
    for prefix, event, value in events:
        known = _OF_NONE["deployment"] if prefix == state else _OF_NONE.get(prefix)
        if known and ((event == "map_key" and value not in known) or event not in _OF_A_MAP):
            return False
        if prefix.startswith(lists) and (prefix not in lists or event not in _OF_AN_EMPTY_LIST):
            return False
        seen.add((prefix, event))
    is_none = (state, "null") in seen or (("checkpoint.stack", "string") in seen and (state, "start_map") not in seen)
    return is_none or (f"{state}.manifest", "start_map") in seen


def _left_out(path: Path) -> str:
    """Why a preview does not show the whole program; empty if it does."""

    def all_of(prefix: str) -> list[Any]:
        with _opened(path) as file:
            return list(ijson.items(file, prefix, buf_size=_CHUNK))

    if all_of("result") not in ([], ["succeeded"]) or "error" in all_of("diagnostics.item.severity"):
        return "a preview that failed, so that it shows a part of its program"
    summary, shown = all_of("changeSummary"), Counter(all_of("steps.item.op"))
    if not summary or not isinstance(summary[0], dict):
        return "a preview without a summary of its steps"
    hidden = sum(max(0, count - shown[op]) for op, count in summary[0].items() if op not in _GONE)
    return f"a preview that leaves out {hidden} resources, unlike one with --show-sames" if hidden else ""


def _opened(path: Path) -> BufferedReader | gzip.GzipFile:
    """A file's content; backends may write it compressed, under any name."""
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
    return gzip.open(path) if packed else path.open("rb")


def _top(events: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The keys of the document itself with their values, None for what is no plain one; reads it to its end.

    Wherever it stands, `_PENDING` is among them: to look for it costs one more reading of the whole file. So is
    `_NO_LIST`, where something else stands for one of the lists of a state.
    """
    depth, key, wants_list = 0, "", False
    for event, value in events:
        if wants_list and event not in _OF_A_LIST:
            yield _NO_LIST, None
        wants_list = False
        if event == "map_key":
            wants_list = depth in _DEPTHS_OF_A_STATE and value in _LISTS
            key = value if depth == 1 else key
            if _PENDING in value:
                yield _PENDING, None
        elif event in _STARTS:
            depth += 1
            if depth > _DEEPEST:
                raise RecursionError
            if depth == 2 and key:
                yield key, None
        elif event in _ENDS:
            depth -= 1
        elif depth == 1 and key:
            yield key, value


def _stays(step: dict[str, Any]) -> bool:
    return step.get("op") not in _GONE


def _planned(step: dict[str, Any]) -> dict[str, Any]:
    """What a step of a preview leads to."""
    state = step.get("newState")
    if not isinstance(state, dict):
        raise MalformedError("a step that leads to no resource")
    # Of what stays where it is, the id stands in the old state only.
    old = step.get("oldState") if step.get("op") in _KEPT else None
    own = {"id": old["id"]} if isinstance(old, dict) and "id" in old and not text(state.get("id")) else {}
    return {"provider": text(step.get("provider")), **state, **own}


def _begun(operation: dict[str, Any]) -> dict[str, Any]:
    resource = operation.get("resource")
    if not isinstance(resource, dict):
        raise MalformedError("an operation on no resource")
    return {**resource, "external": False}  # what is only read is not begun


def unreadable(path: Path, what: str) -> OnshoreError:
    """The error about a file that cannot be judged."""
    fix = "give the output of `pulumi stack export`, `onshore stack export` or `pulumi preview --json`, whole"
    return OnshoreError("a file cannot be audited", [Fault(str(path), what, fix=fix)])
