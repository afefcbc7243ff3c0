"""Where each asset stands, told by the ledger alone: pure, so that whoever holds the ledger comes to the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from migration.ledger import Entry

State = Literal[
    "planned", "up", "copying", "copied", "differs", "verified", "closing", "cut over", "rolled back", "retired"
]


@dataclass(frozen=True, slots=True)
class Standing:
    """An asset's state, and what later steps need to know of earlier ones.

    `raised`: the stack that brought the target up, and where; `path`: the folder that it made there for files.
    `begun`: the process and its machine that bring it up, or were cut off while they did.
    `targets`: hosts on which a copy was begun, so that what lies there is ours. `dump`: the dump that is whole.
    `checksum`: the copy under way reads every file, because a difference was found.
    `slot`: what a replication that is under way is called at the source, whose log it holds.
    `evidence`: of the last verification. `held`: the digest of what the cutover found at the target.
    `limit_before`: how many sessions the source let in before it was closed.
    """

    state: State = "planned"
    raised: tuple[str, str] = ("", "")
    path: str = ""
    begun: tuple[int, str] | None = None
    targets: frozenset[str] = frozenset()
    roles: bool = False
    dump: str = ""
    checksum: bool = False
    slot: str = ""
    evidence: str = ""
    held: str = ""
    limit_before: int | None = None
    at: str = ""


def standings(entries: Iterable[Entry]) -> dict[str, Standing]:
    """The standing of every asset that the ledger names."""
    found: dict[str, Standing] = {}
    for entry in entries:
        if entry.asset:
            found[entry.asset] = _after(found.get(entry.asset, Standing()), entry)
    return found


def _after(now: Standing, entry: Entry) -> Standing:
    change = _CHANGES.get(entry.step)
    return replace(now, at=entry.at, **change(now, entry)) if change else now


def _target_up(now: Standing, entry: Entry) -> dict[str, Any]:
    told = entry.details
    state = "up" if now.state == "planned" else now.state
    return {"state": state, "raised": (told["stack"], told["target"]), "path": told.get("path", ""), "begun": None}


def _copy_started(now: Standing, entry: Entry) -> dict[str, Any]:
    fresh = {"state": "copying", "roles": False, "dump": "", "evidence": ""}
    checksum = bool(entry.details.get("checksum"))
    return {**fresh, "targets": now.targets | {entry.details["target"]}, "checksum": checksum}


def _verified(now: Standing, entry: Entry) -> dict[str, Any]:
    equal: State = "closing" if now.state == "closing" else "verified"
    return {"state": equal if entry.details["equal"] else "differs", "evidence": entry.evidence}


_CHANGES: Final[Mapping[str, Callable[[Standing, Entry], dict[str, Any]]]] = {
    "target begun": lambda _, entry: {"begun": (entry.details["pid"], entry.details["machine"])},
    "target up": _target_up,
    "target refused": lambda _, __: {"begun": None},
    "target failed": lambda _, __: {"begun": None},
    "copy started": _copy_started,
    "roles copied": lambda _, __: {"roles": True},
    "replication begun": lambda _, entry: {"slot": entry.details["slot"]},
    "replication ended": lambda _, __: {"slot": ""},
    "dumped": lambda _, entry: {"dump": entry.details["file"]},
    "copied": lambda _, __: {"state": "copied", "dump": ""},
    "verified": _verified,
    "closing": lambda _, entry: {"state": "closing", "limit_before": entry.details.get("limit_before")},
    "outdated": lambda _, __: {"state": "differs"},
    "reopened": lambda _, __: {"state": "differs", "limit_before": None},
    "cutover": lambda _, entry: {"state": "cut over", "held": entry.details.get("target", "")},
    "rolled back": lambda _, __: {"state": "rolled back", "limit_before": None},
    "retired": lambda _, __: {"state": "retired"},
}
