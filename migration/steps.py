"""The steps of a move, one asset at a time: copy, verify, cut over, roll back, retire; each one in the ledger."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from inventories.faults import Fault, OnshoreError
from migration.evidence import Parity, mirrored, write_evidence
from migration.files.moving import move_tree
from migration.files.parity import check_tree_path, empty_or_absent, tree_parity
from migration.postgres.contents import holds_nothing
from migration.postgres.moving import connection_limit, copy_content, copy_roles, set_connection_limit
from migration.postgres.parity import database_parity
from migration.postgres.replication import check_replicable
from migration.proof import altered, differs, evidence_of, held_at_target, outdated, refused, written
from migration.rates import Rate
from migration.replicating import begun, caught_up, end_replication, postgres_of
from migration.standing import Standing, standings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from migration.discovery import Asset
    from migration.ledger import Ledger
    from migration.postgres.server import Server
    from migration.reach import Reach
    from migration.retention import Retention

MOVABLE: Final = ("database", "files")
CLOSED: Final = ("closing", "cut over", "retired")
LIVE: Final = ("copied", "verified", "differs")
Method = Literal["dump", "replication"]


@dataclass(frozen=True, slots=True)
class Site:
    """A machine as steps use it; `postgres`: its server, where databases move from or to it.

    `path`: where a tree lies there, if not where it lay at its source.
    `tunnel`: the machine as the login that the server's socket lets in, where it is not this one.
    """

    reach: Reach
    postgres: Server | None = None
    tunnel: Reach | None = None
    path: str = ""

    def tree(self, asset: Asset) -> str:
        """The folder of an asset there."""
        return self.path or asset.name


@dataclass(frozen=True, slots=True)
class Move:
    """A move at work: its ledger, where evidence and dumps lie, and how hard it may press on machines."""

    ledger: Ledger
    evidence: Path
    staging: Path
    jobs: int = 2
    limit_bytes_s: int = 0
    progress: Callable[[Rate], None] = field(default=lambda _: None)

    def standing(self, asset: Asset) -> Standing:
        """Where an asset stands by the ledger."""
        return standings(self.ledger.entries()).get(asset.id, Standing())


def copy(
    move: Move,
    asset: Asset,
    source: Site,
    target: Site,
    *,
    wave: int = 0,
    again: bool = False,
    method: Method = "dump",
) -> Standing:
    """Copy an asset to its target; where an earlier run was cut off, go on from its last whole step.

    What was copied already is left alone, unless it differs or `again`; what is replicated catches up. Raises
    OnshoreError when the target holds something that this move did not put there, or when what was cut over shall be
    copied `again`.
    """
    now = move.standing(asset)
    if now.state in CLOSED and again:
        raise _retired(asset) if now.state == "retired" else refused(asset, f"it is {now.state}", "roll it back first")
    target_name = target.reach.name
    if now.slot and target_name not in now.targets:
        raise refused(asset, "it is being replicated to another host", "roll it back there first")
    if now.slot and method == "replication" and now.state in LIVE and not again:
        with caught_up(move, asset, source, target):
            if now.state == "differs":
                move.ledger.append("copied", asset=asset.id, wave=wave)
        return move.standing(asset)
    if now.state in ("copied", "verified", *CLOSED) and not again:
        return now
    if now.slot and (again or method != "replication" or now.state != "copying"):
        end_replication(move, asset, source, target, wave)
        now = move.standing(asset)
    if asset.kind == "database" and method == "replication":
        check_replicable(postgres_of(source), asset.name, now.slot)
    if now.state != "copying" or target_name not in now.targets:
        _start(move, asset, source, target, wave, again=again)
    if asset.kind == "database":
        _copy_database(move, asset, source, target, wave, method)
    else:
        _copy_files(move, asset, source, target, wave)
    return move.standing(asset)


def _start(move: Move, asset: Asset, source: Site, target: Site, wave: int, *, again: bool) -> None:
    now, name = move.standing(asset), target.reach.name
    if name not in now.targets:
        _check_nothing_there(asset, target, ours=now.raised[1] == name)
    # what a verification found to differ may hide behind the same size and time
    checksum = again or now.state == "differs"
    details = {"source": source.reach.name, "target": name, "checksum": checksum}
    move.ledger.append("copy started", asset=asset.id, wave=wave, details=details)


def verify(move: Move, asset: Asset, source: Site, target: Site, *, wave: int = 0) -> tuple[Parity, str]:
    """Compare both sides and keep the evidence; returns it with its digest."""
    now = move.standing(asset)
    if now.state not in ("copied", "verified", "differs"):
        fix = "what was verified at its cutover stands" if now.state in CLOSED else "run its wave first"
        raise refused(asset, f"it is {now.state}", fix)
    with caught_up(move, asset, source, target) if now.slot else contextlib.nullcontext():
        return _evidence_taken(move, asset, source, target, wave)


def _evidence_taken(move: Move, asset: Asset, source: Site, target: Site, wave: int) -> tuple[Parity, str]:
    parity = _parity(move, asset, source, target)
    _, digest = write_evidence(move.evidence, asset.id, parity)
    details = {
        "equal": parity.equal,
        "differences": len(parity.differences),
        "rows": parity.rows,
        "bytes": parity.size_bytes,
        "seconds": parity.seconds,
    }
    move.ledger.append("verified", asset=asset.id, wave=wave, evidence=digest, details=details)
    if parity.equal:
        _dump_file(move, asset).unlink(missing_ok=True)
    return parity, digest


def check_current(move: Move, asset: Asset, source: Site, target: Site, *, wave: int = 0) -> None:
    """Raise OnshoreError when an asset could not be cut over: not verified, or altered since; nothing is closed."""
    now = move.standing(asset)
    if now.state in CLOSED or (now.slot and now.state in LIVE):
        return  # of what is replicated, the evidence that counts is taken once its source is closed
    if now.state != "verified":
        raise refused(asset, f"it is not verified (its state: {now.state})", "verify it first")
    parity = evidence_of(move, asset, now)
    late, lost = written(move, asset, source, parity), altered(move, asset, target, parity)
    if late or lost:
        details = {name: list(lines[:20]) for name, lines in (("written", late), ("altered", lost)) if lines}
        move.ledger.append("outdated", asset=asset.id, wave=wave, details=details)
        raise outdated(asset, late, lost)


def cutover(move: Move, asset: Asset, source: Site, target: Site, *, wave: int = 0) -> None:
    """Close the source and declare the target to be the one that counts.

    Raises OnshoreError, before anything is closed, when the target does not hold what the evidence says; and, with the
    source open again, when something was written there after the evidence was taken. What is replicated gets the last
    writes then, and is verified with its source closed.
    """
    now = move.standing(asset)
    if now.state == "cut over":
        return
    if now.state not in (("verified", "closing", *LIVE) if now.slot else ("verified", "closing")):
        raise refused(asset, f"it is not verified (its state: {now.state})", "verify it first")
    parity = None if now.slot and not now.evidence else evidence_of(move, asset, now)
    if parity and not now.slot and now.state == "verified" and (lost := altered(move, asset, target, parity)):
        move.ledger.append("outdated", asset=asset.id, wave=wave, details={"altered": list(lost[:20])})
        raise outdated(asset, (), lost)
    if asset.kind == "database" and now.state != "closing":
        limit = connection_limit(postgres_of(source), asset.name)
        move.ledger.append("closing", asset=asset.id, wave=wave, details={"limit_before": limit})
    try:
        if asset.kind == "database":
            set_connection_limit(postgres_of(source), asset.name, 0)
        parity = _proven_closed(move, asset, source, target, parity, now, wave)
    except OnshoreError as error:
        _reopen(move, asset, source)
        why = [": ".join(filter(None, (fault.what, fault.got))) for fault in error.faults]
        move.ledger.append("reopened", asset=asset.id, wave=wave, details={"why": why})
        raise
    if now.slot:
        end_replication(move, asset, source, target, wave)
    evidence, details = move.standing(asset).evidence, {"target": held_at_target(parity)}
    move.ledger.append("cutover", asset=asset.id, wave=wave, evidence=evidence, details=details)


def _proven_closed(
    move: Move, asset: Asset, source: Site, target: Site, parity: Parity | None, now: Standing, wave: int
) -> Parity:
    """The evidence that holds with the source closed: of what is replicated it is taken now, if need be."""
    late = written(move, asset, source, parity) if parity and parity.equal else ("never equal",)
    # what is not replicated was read before its source was closed, unless a cut came between
    read = not now.slot and now.state == "verified"
    lost = () if parity is None or read or (late and now.slot) else altered(move, asset, target, parity)
    if parity and not late and not lost:
        return parity
    if not now.slot:
        raise outdated(asset, late, lost)
    with caught_up(move, asset, source, target):
        last, _ = _evidence_taken(move, asset, source, target, wave)
    if not last.equal:
        raise differs(asset, last)
    return last


def rollback(move: Move, asset: Asset, source: Site, target: Site, *, wave: int = 0, lose_writes: bool = False) -> None:
    """Open the source again and declare it to be the one that counts.

    Raises OnshoreError when the target was written to since the cutover, unless those writes may be lost.
    """
    now = move.standing(asset)
    if now.state in ("planned", "up", "rolled back"):
        return
    if now.state == "retired":
        raise _retired(asset)
    lost: tuple[str, ...] = ()
    if now.state == "cut over":
        lost = written(move, asset, target, mirrored(evidence_of(move, asset, now)))
        if lost and not lose_writes:
            faults = [Fault(asset.id, "written at the target since the cutover", line) for line in lost[:20]]
            fix = "copy it back by hand; or add --lose-writes to give it up"
            raise OnshoreError(f"{asset.id} cannot be rolled back: {fix}", faults, refused=True)
    if now.slot:
        end_replication(move, asset, source, target, wave)
    _reopen(move, asset, source)
    move.ledger.append("rolled back", asset=asset.id, wave=wave, details={"lost": list(lost[:20])})


def retire(move: Move, asset: Asset, source: Site, retention: Retention | None, *, wave: int = 0) -> None:
    """Record that the source may be given up; nothing is deleted here.

    Refused until the asset is cut over, its evidence is at hand, equal, and what the cutover found at the target,
    nothing was written at the source since, and a retention copy is on record.
    """
    now = move.standing(asset)
    if now.state == "retired":
        return
    faults = []
    if now.state != "cut over":
        faults.append(Fault(asset.id, "not cut over", now.state, fix="cut it over first"))
    if retention is None:
        fix = "write it down in retention.yaml, with its place, digest and end"
        faults.append(Fault(asset.id, "no retention copy is on record", fix=fix))
    if now.evidence:
        parity = evidence_of(move, asset, now)
        if not parity.equal:
            faults.append(Fault(asset.id, "its evidence names differences", str(len(parity.differences))))
        else:
            late = written(move, asset, source, parity)
            what = "written at the source after the evidence was taken"
            faults += [Fault(asset.id, what, line, fix="roll back, and move it again") for line in late[:20]]
        if now.state == "cut over" and now.held != held_at_target(parity):
            what, fix = "its cutover did not find at the target what the evidence says", "roll back, and move it again"
            faults.append(Fault(asset.id, what, now.held or "not recorded", fix=fix))
    else:
        faults.append(Fault(asset.id, "no parity evidence", fix="verify it first"))
    if faults or retention is None:
        raise OnshoreError(f"{asset.id} cannot be retired", faults, refused=True)
    move.ledger.append("retention", asset=asset.id, wave=wave, details=retention.model_dump(mode="json"))
    move.ledger.append("retired", asset=asset.id, wave=wave, evidence=now.evidence)


def _copy_database(move: Move, asset: Asset, source: Site, target: Site, wave: int, method: Method) -> None:
    ours, theirs, kept = postgres_of(source), postgres_of(target), _dump_file(move, asset)
    now = move.standing(asset)
    if not now.roles:
        made = copy_roles(ours, theirs)
        move.ledger.append("roles copied", asset=asset.id, wave=wave, details={"made": list(made)})
    if method == "replication":
        begun(move, asset, source, target, wave)
        move.ledger.append("copied", asset=asset.id, wave=wave)
        return
    if not now.dump:  # what lies there is of another copy
        kept.unlink(missing_ok=True)

    def whole(size: int) -> None:
        move.ledger.append("dumped", asset=asset.id, wave=wave, details={"file": kept.name, "bytes": size})

    pressing: dict[str, Any] = {"jobs": move.jobs, "limit_bytes_s": move.limit_bytes_s}
    copy_content(ours, theirs, asset.name, kept, **pressing, progress=_told(move, asset), whole=whole)
    move.ledger.append("copied", asset=asset.id, wave=wave)


def _copy_files(move: Move, asset: Asset, source: Site, target: Site, wave: int) -> None:
    tell = _told(move, asset)
    moved = move_tree(
        source.reach,
        source.tree(asset),
        target.reach,
        target.tree(asset),
        checksum=move.standing(asset).checksum,
        limit_kib_s=move.limit_bytes_s // 1024,
        progress=lambda moved: tell("copying", moved),
    )
    move.ledger.append("copied", asset=asset.id, wave=wave, details={"bytes": moved})


def _check_nothing_there(asset: Asset, target: Site, *, ours: bool) -> None:
    """`ours`: this move brought the target up, so that a database without anything in it is its own."""
    if asset.kind == "database":
        server = postgres_of(target)
        free = not server.has(asset.name) or (ours and holds_nothing(server, asset.name))
    else:
        check_tree_path(target.tree(asset))
        free = empty_or_absent(target.reach, target.tree(asset))
    if not free:
        what = f"{target.reach.name} holds a {asset.kind} of that name already, which this move did not put there"
        raise refused(asset, what, "choose another target, or remove it there if it may go")


def _parity(move: Move, asset: Asset, source: Site, target: Site) -> Parity:
    if asset.kind == "database":
        return database_parity(postgres_of(source), postgres_of(target), asset.name, jobs=move.jobs)
    return tree_parity(source.reach, source.tree(asset), target.reach, target.tree(asset))


def _reopen(move: Move, asset: Asset, source: Site) -> None:
    limit = move.standing(asset).limit_before
    if asset.kind == "database" and limit is not None:
        set_connection_limit(postgres_of(source), asset.name, limit)


def _told(move: Move, asset: Asset) -> Callable[[str, int], None]:
    started = time.monotonic()

    def tell(phase: str, moved: int) -> None:
        move.progress(Rate(asset.id, phase, moved, time.monotonic() - started))

    return tell


def _dump_file(move: Move, asset: Asset) -> Path:
    return move.staging / f"{asset.id.replace('/', '--')}.dump"


def _retired(asset: Asset) -> OnshoreError:
    return refused(asset, "it is retired: its source may be gone", "bring it back from its retention copy by hand")
