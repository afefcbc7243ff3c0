"""The stacks of a wave: they bring its targets up, by the same gate as everything, before data moves there.

Who runs a stack is not known here: whoever calls hands that in.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from inventories.faults import Fault, OnshoreError
from migration.standing import Standing, standings
from migration.steps import CLOSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from migration.discovery import Asset
    from migration.plan import PlannedMove
    from migration.steps import Move

Outcome = Literal["up", "refused", "failed"]
_KINDS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("database", "host"): ("PostgresDatabase",),
    ("files", "host"): ("FileStore",),
    ("service", "host"): ("HostService",),
    ("job", "host"): ("HostService",),
    ("service", "cluster"): ("WebService", "ScheduledJob"),
    ("job", "cluster"): ("ScheduledJob", "WebService"),
}


@dataclass(frozen=True, slots=True)
class Component:
    """A component of ours in a stack, as a run of the stack tells it."""

    kind: str
    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Killed:
    """A run that was cut off: its process, and the machine that it ran on."""

    pid: int
    machine: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A planned move whose target a stack brings up, with what the plan and the law call its parts."""

    asset: Asset
    planned: PlannedMove
    department: str
    category: str


class BringUp(Protocol):
    """Whoever runs stacks: it says itself what went wrong with one."""

    def __call__(
        self, stack: str, check: Callable[[Sequence[Component]], None], killed: Killed | None
    ) -> tuple[Outcome, Sequence[Component]]:
        """Preview a stack, `check` what it would hold, and take it up; returns what it holds then.

        `killed`: an earlier run of it, which may have left a lock. Raises OnshoreError with what `check` raises, and
        for what is wrong before anything starts.
        """
        ...


def due(move: Move, moves: Iterable[Wanted], *, again: bool = False) -> dict[str, list[Wanted]]:
    """The stacks that are still to be brought up, each with its moves: once is enough, unless `again`."""
    now = standings(move.ledger.entries())
    found: dict[str, list[Wanted]] = {}
    for each in moves:
        standing, planned = now.get(each.asset.id, Standing()), each.planned
        if not planned.stack or standing.state in CLOSED:
            continue
        if again or standing.raised != (planned.stack, planned.target):
            found.setdefault(planned.stack, []).append(each)
    return found


def bring_up(move: Move, stack: str, moves: Sequence[Wanted], run: BringUp, *, wave: int = 0) -> Outcome:
    """Bring one stack up for its moves, each step of it in the ledger; where a kill cut it off, it begins again.

    Raises OnshoreError, `refused`, when the stack would not make what the plan says.
    """
    now = standings(move.ledger.entries())
    begun = next((each for one in moves if (each := now.get(one.asset.id, Standing()).begun)), None)
    _record(move, "target begun", stack, moves, wave, {"pid": os.getpid(), "machine": socket.gethostname()})
    try:
        outcome, found = run(stack, lambda parts: _check(stack, moves, parts), Killed(*begun) if begun else None)
        if outcome == "up":
            _check(stack, moves, found)
    except OnshoreError as error:
        why = {"why": [f"{fault.where}: {fault.what}"[:200] for fault in error.faults[:20]] or [error.summary]}
        _record(move, "target refused" if error.refused else "target failed", stack, moves, wave, why)
        raise
    except Exception as error:
        _record(move, "target failed", stack, moves, wave, {"why": [type(error).__name__]})
        raise
    if outcome != "up":
        _record(move, f"target {outcome}", stack, moves, wave, {})
        return outcome
    for one in moves:
        (part,) = _candidates(one, found)
        path = {"path": str(part.outputs["path"])} if part.kind == "FileStore" else {}
        _record(move, "target up", stack, [one], wave, {"component": part.name, **path})
    return outcome


def _record(move: Move, step: str, stack: str, moves: Sequence[Wanted], wave: int, details: Mapping[str, Any]) -> None:
    for each in moves:
        told = {"stack": stack, "target": each.planned.target, **details}
        move.ledger.append(step, asset=each.asset.id, wave=wave, details=told)


def _check(stack: str, moves: Sequence[Wanted], parts: Sequence[Component]) -> None:
    faults = [fault for each in moves for fault in _faults(stack, each, parts)]
    if faults:
        raise OnshoreError(f"stack {stack} does not bring up what the plan says", faults, refused=True)


def _faults(stack: str, wanted: Wanted, parts: Sequence[Component]) -> Iterator[Fault]:
    kinds = _kinds(wanted)
    found, planned = _candidates(wanted, parts), wanted.planned
    where = f"{wanted.asset.id}, stack {stack}"
    if len(found) != 1:
        named = planned.component and f" called {planned.component}"
        there = ", ".join(f"{part.kind} {part.name}" for part in parts) or "no component of ours"
        what = f"{'no' if not found else 'more than one'} {' or '.join(kinds)}{named} in it"
        fix = "say which as `component` in the plan" if found else "put one into the stack, or correct the plan"
        yield Fault(where, what, there, fix=fix)
        return
    (part,) = found
    place = part.inputs.get("cluster") if planned.to == "cluster" else next(iter(part.inputs.get("hosts") or ()), "")
    told = [
        ("target", place, planned.target),
        ("category", part.inputs.get("category"), wanted.category),
        ("department", part.inputs.get("department"), wanted.department),
    ]
    if wanted.asset.kind == "database":
        told.append(("database", part.inputs.get("database"), wanted.asset.name))
    for field, got, planned_for in told:
        if got != planned_for:
            what = f"{part.kind} {part.name} is not of the {field} that is planned"
            yield Fault(where, what, str(got), f"planned: {planned_for}", "change the stack, or the plan")


def _kinds(wanted: Wanted) -> tuple[str, ...]:
    return _KINDS.get((wanted.asset.kind, wanted.planned.to), ())


def _candidates(wanted: Wanted, parts: Sequence[Component]) -> list[Component]:
    """The components that may be an asset's target; one for a sound stack."""
    named = wanted.planned.component
    found = [part for part in parts if part.kind in _kinds(wanted) and named in ("", part.name)]
    if wanted.asset.kind == "database" and not named and len(found) > 1:
        return [part for part in found if part.inputs.get("database") == wanted.asset.name] or found
    return found
