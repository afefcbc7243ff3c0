"""A large state is not written whole at every change: what changed stands in a journal beside it, one line a save.

The document of such a run says version 4 and a feature that names its journal, so that no other engine continues from
half of a state; whoever reads it through `FileBackend` gets the whole. A run that ends, in whatever way but a kill,
writes the plain document again, and the next run after a kill does so before anything else.

The first line says what the document's resources are called: numbers in order, the first `new` of them recorded in this
run. Each further line holds records by number (an unknown number is a new one), the numbers that are gone, and the
operations that began and ended. Pure: texts in, texts out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD: Final = '{{"version":4,"features":["onshore-journal-{}"],'
_NAMED: Final = re.compile(r'\{"version":4,"features":\["onshore-journal-([0-9a-f]{32})"\],')
_PLAIN: Final = '{"version":3,'


@dataclass(slots=True)
class Change:
    """What one line records. Resources are JSON texts by number, operations JSON texts by key."""

    records: dict[int, str] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    begun: dict[str, str] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    def line(self) -> bytes:
        """The line, with its end."""
        records = ",".join(f'"{number}":{text}' for number, text in self.records.items())
        begun = ",".join(f'"{key}":{text}' for key, text in self.begun.items())
        gone, ended = json.dumps(self.gone), json.dumps(self.ended)
        return f'{{"records":{{{records}}},"gone":{gone},"begun":{{{begun}}},"ended":{ended}}}\n'.encode()


def opening(new: int, pending: Sequence[str]) -> bytes:
    """The first line: how many of the document's resources are new, and the keys of its pending operations in order."""
    return f"{json.dumps({'new': new, 'pending': list(pending)})}\n".encode()


def marked(document: bytes, name: str) -> bytes:
    """A plain document that says it has the journal of that name, 32 hexadecimal digits."""
    return document.replace(_PLAIN.encode(), _HEAD.format(name).encode(), 1)


def named_in(document: str) -> str:
    """The journal that a document says it has; "" for a whole one."""
    found = _NAMED.match(document)
    return found.group(1) if found else ""


def whole(document: str, journal: str, source: str) -> str:
    """The plain document that both amount to; a last line without its end was never promised to anybody.

    Raises EngineError when the journal is damaged.
    """
    try:
        return _whole(json.loads(document), [json.loads(line) for line in journal.split("\n")[:-1]])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise EngineError(
            f"the journal of {source} is damaged ({type(error).__name__}: {error}); refusing to use the state",
            fix="Restore the .bak file beside the state, or one from the backups folder; then refresh.",
        ) from error


def _whole(document: dict[str, Any], lines: list[dict[str, Any]]) -> str:
    latest = document["checkpoint"]["latest"]
    header, *changes = lines
    resources = latest.get("resources") or []
    new = {str(number): record for number, record in enumerate(resources[: header["new"]])}
    base = {str(number): record for number, record in enumerate(resources) if number >= header["new"]}
    pending = dict(zip(header["pending"], latest.get("pending_operations") or [], strict=True))
    for change in changes:
        for number, record in change["records"].items():
            (base if number in base else new)[number] = record
        for number in change["gone"]:
            del (base if str(number) in base else new)[str(number)]
        pending.update(change["begun"])
        for key in change["ended"]:
            del pending[key]
    order = ("manifest", "secrets_providers")
    joined: dict[str, Any] = {key: latest[key] for key in order if key in latest}
    if records := [*new.values(), *base.values()]:
        joined["resources"] = records
    if pending:
        joined["pending_operations"] = list(pending.values())
    joined["metadata"] = latest["metadata"]
    plain = {"version": 3, "checkpoint": {**document["checkpoint"], "latest": joined}}
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False)
