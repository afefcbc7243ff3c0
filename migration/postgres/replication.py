"""Logical replication: a database that is written to while it moves, by PostgreSQL's own publication and subscription.

One name stands for all three that are made: publication and slot at the source, subscription at the target. A slot
keeps the source's log until the target has it, so one that is left behind fills the source's disk: `end` makes sure
that none is, and `check_replicable` names one that nobody knows.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql

from inventories.faults import Fault, OnshoreError
from migration.postgres.relations import Published, published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from migration.postgres.server import Server

PREFIX: Final = "onshore_move_"
_POLL_S: Final = 0.1
_ENDING_S: Final = 30.0
_TORN_S: Final = 5.0  # a table that has gone on drops its slot shortly before it says so
_MOST_ERRORS: Final = 3  # a worker is started again after each; one that failed once may succeed
_SLOTS: Final = """
SELECT slot_name::text, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint
FROM pg_replication_slots WHERE slot_name LIKE 'onshore\\_move\\_%%' AND database = %s AND slot_name <> %s ORDER BY 1"""
_SLOT: Final = """
SELECT confirmed_flush_lsn >= %s::pg_lsn, greatest(pg_wal_lsn_diff(%s::pg_lsn, confirmed_flush_lsn), 0)::bigint,
  coalesce(wal_status, 'reserved') FROM pg_replication_slots WHERE slot_name = %s"""
_SYNC: Final = """
SELECT (SELECT count(*) FROM pg_subscription_rel r WHERE r.srsubid = s.oid AND r.srsubstate <> 'r'),
  pg_database_size(current_database()),
  coalesce((SELECT apply_error_count + sync_error_count FROM pg_stat_subscription_stats t WHERE t.subid = s.oid), 0)
FROM pg_subscription s WHERE s.subname = %s AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = %s)"""
_COPIED: Final = """
SELECT format('pg_%%s_sync_%%s_%%s', r.srsubid, r.srrelid, c.system_identifier)
FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid, pg_control_system() c
WHERE s.subname = %s AND r.srsubstate = 'f'"""


class TornError(OnshoreError):
    """A table was copied, and the slot by which the server would go on with it is gone: it tries for ever."""


@dataclass(frozen=True, slots=True)
class Link:
    """A database on its way; `publisher`: its source, as the target's own server reaches it as long as we are here."""

    source: Server
    target: Server
    publisher: Server
    database: str
    name: str


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the target is behind: tables that are not there yet as a whole, bytes of log; what it holds already."""

    tables: int
    log_bytes: int
    held_bytes: int

    def __str__(self) -> str:
        first = f"{self.tables} tables to go, " if self.tables else ""
        return f"replicating, {first}{self.log_bytes / 2**20:.1f} MiB behind"


def name_for(asset: str) -> str:
    """What an asset's publication, slot and subscription are called."""
    return f"{PREFIX}{hashlib.sha256(asset.encode()).hexdigest()[:16]}"


def check_replicable(source: Server, database: str, name: str = "") -> None:
    """Raise OnshoreError with all that keeps a database from being replicated; `name`: the slot that is known.

    Nothing of it is set here: what a table is known by, and how the server logs, are its owner's to change.
    """
    faults = []
    with _session(source, database) as session:
        (level,) = session.execute("SELECT current_setting('wal_level')").fetchone() or ("",)
        if level != "logical":
            fix = "set wal_level = logical there and restart it, or write `method: dump` into the plan"
            faults.append(Fault(source.name, "its log cannot be replicated", f"wal_level = {level}", fix=fix))
        for table in published(session):
            faults += _table_faults(table)
        for slot, kept in session.execute(_SLOTS, [database, name]).fetchall():
            what = "a replication slot that no move here knows keeps the log, which fills the disk there"
            fix = f"end the move that made it, or: SELECT pg_drop_replication_slot('{slot}')"
            faults.append(
                Fault(f"{source.name}, database {database}", what, f"{slot}, {kept / 2**20:.1f} MiB", "", fix)
            )
    if faults:
        raise OnshoreError(f"{database} on {source.name} cannot be replicated", faults, refused=True)


def begin(link: Link) -> None:
    """Make publication, slot and subscription; the target's database has its definitions already, and no rows."""
    with _session(link.source, link.database) as session:
        tables = [table.only for table in published(session) if table.carried]
        what = sql.SQL(" FOR TABLE {}").format(sql.SQL(", ").join(tables)) if tables else sql.SQL("")
        session.execute(sql.SQL("CREATE PUBLICATION {}{}").format(sql.Identifier(link.name), what))
        session.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [link.name])
    with _session(link.target, link.database) as session:
        made = sql.SQL(
            "CREATE SUBSCRIPTION {n} CONNECTION {c} PUBLICATION {n} WITH (create_slot = false, slot_name = {n})"
        )
        where = link.publisher.dsn(link.database)
        session.execute(made.format(n=sql.Identifier(link.name), c=where))


def is_begun(link: Link) -> bool:
    """Whether both ends are there, so that what was cut off can go on."""
    if not link.target.has(link.database):
        return False
    with _session(link.source, link.database) as ours, _session(link.target, link.database) as theirs:
        slot = ours.execute("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", [link.name]).fetchone()
        return slot is not None and theirs.execute(_SYNC, [link.name, link.database]).fetchone() is not None


def attach(link: Link) -> None:
    """Tell the target's server the way to the source that holds now."""
    with _session(link.target, link.database) as session:
        told = sql.SQL("ALTER SUBSCRIPTION {} CONNECTION {}")
        where = link.publisher.dsn(link.database)
        session.execute(told.format(sql.Identifier(link.name), where))


def catch_up(
    link: Link, *, alive: Callable[[], None] = lambda: None, progress: Callable[[Lag], None] = lambda _: None
) -> None:
    """Wait until the target holds what was committed at the source before this call.

    Raises OnshoreError when it cannot come to that: the way is lost (`alive` raises), the slot is, or the target's
    server fails at applying again and again.
    """
    with _session(link.source, link.database) as ours, _session(link.target, link.database) as theirs:
        # a mark of our own, for a log that ends in something unflushed never counts as read to its end
        ours.execute("SELECT pg_logical_emit_message(true, 'onshore', '')")
        (end,) = ours.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone() or ("",)
        failed_before: int | None = None
        since: dict[str, float] = {}
        while True:
            slot = ours.execute(_SLOT, [end, end, link.name]).fetchone()
            sync = theirs.execute(_SYNC, [link.name, link.database]).fetchone()
            _check_whole(link, slot, sync)
            assert slot is not None and sync is not None  # noqa: S101, PT018 - checked right above
            tables, held, failed = sync
            progress(Lag(tables, slot[1], held))
            if slot[0] and not tables:
                return
            failed_before = failed if failed_before is None else failed_before
            fails = failed - failed_before >= _MOST_ERRORS
            since = {name: since.get(name, time.monotonic()) for name in _slotless(link, ours, theirs)}
            _check_not_torn(link, since, 0.0 if fails else _TORN_S)
            if fails:
                what, fix = "cannot apply what the source sends", "its log says why; mend it and run it again"
                raise _unusable(link, link.target, what, f"{failed - failed_before} attempts", fix)
            alive()
            time.sleep(_POLL_S)


def end(source: Server, target: Server, database: str, name: str) -> None:
    """Remove subscription, slots and publication, whatever there is of them; nothing is left when this returns."""
    with _session(target, "postgres") as session:
        (system,) = session.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone() or ("",)
    if target.has(database):
        with _session(target, database) as session:
            if session.execute(_SYNC, [name, database]).fetchone():
                for change in ("DISABLE", "SET (slot_name = NONE)"):
                    session.execute(sql.SQL("ALTER SUBSCRIPTION {} ").format(sql.Identifier(name)) + sql.SQL(change))
                session.execute(sql.SQL("DROP SUBSCRIPTION {}").format(sql.Identifier(name)))
    drop_slots(source, database, name, f"^pg_[0-9]+_sync_[0-9]+_{system}$")
    with _session(source, database) as session:
        session.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(sql.Identifier(name)))


def drop_slots(source: Server, database: str, name: str, of_tables: str) -> None:
    """Drop the slot, and those by which the target's server fetched tables; raises OnshoreError naming what stays."""
    find = "SELECT slot_name::text, active_pid FROM pg_replication_slots WHERE database = %s"
    find += " AND (slot_name = %s OR slot_name ~ %s)"
    deadline = time.monotonic() + _ENDING_S
    with _session(source, database) as session:
        while found := session.execute(find, [database, name, of_tables]).fetchall():
            for slot, pid in found:
                if pid is not None:
                    session.execute("SELECT pg_terminate_backend(%s)", [pid])
                with contextlib.suppress(psycopg.errors.ObjectInUse, psycopg.errors.UndefinedObject):
                    session.execute("SELECT pg_drop_replication_slot(%s)", [slot])
            if time.monotonic() > deadline:
                what = "a replication slot is left, which fills the disk there"
                faults = [
                    Fault(source.name, what, slot, fix=f"SELECT pg_drop_replication_slot('{slot}')")
                    for slot, _ in found
                ]
                raise OnshoreError(f"{database} is still held by its replication", faults)
            time.sleep(_POLL_S)


def _table_faults(table: Published) -> Iterator[Fault]:
    if not table.carried or table.identified:
        if table.carried and table.incomparable:
            what, fix = "its rows have no key, and cannot be told apart by", "add a primary key at the source"
            yield Fault(table.label, what, ", ".join(table.incomparable), fix=f"{fix}, or write `method: dump`")
        return
    fix = f"ALTER TABLE {table.label} REPLICA IDENTITY FULL, or add a key, at the source; or write `method: dump`"
    yield Fault(table.label, "has no primary key: updates and deletes could not be replicated", fix=fix)


def _check_whole(link: Link, slot: tuple[Any, ...] | None, sync: tuple[Any, ...] | None) -> None:
    again = "copy it anew: onshore migrate run WAVE --again"
    if slot is None:
        raise _unusable(link, link.source, "the replication slot is gone", link.name, again)
    if slot[2] == "lost":
        raise _unusable(link, link.source, "the log that the target lacks was removed", link.name, again)
    if sync is None:
        raise _unusable(link, link.target, "the subscription is gone", link.name, again)


def _slotless(link: Link, ours: psycopg.Connection, theirs: psycopg.Connection) -> set[str]:
    """The slots of tables that were copied and have not gone on yet, which are not there."""
    copied = {name for (name,) in theirs.execute(_COPIED, [link.name])}
    return copied - {name for (name,) in ours.execute("SELECT slot_name::text FROM pg_replication_slots")}


def _check_not_torn(link: Link, since: Mapping[str, float], after_s: float) -> None:
    if torn := [name for name, seen in since.items() if time.monotonic() - seen >= after_s]:
        what, fix = "the slot of a table's copy is gone", "copy it anew: onshore migrate run WAVE --again"
        raise TornError(
            f"{link.database} cannot be replicated",
            [Fault(f"{link.source.name}, database {link.database}", what, name, fix=fix) for name in sorted(torn)],
        )


def _unusable(link: Link, server: Server, what: str, got: str, fix: str) -> OnshoreError:
    fault = Fault(f"{server.name}, database {link.database}", what, got, fix=fix)
    return OnshoreError(f"{link.database} cannot be replicated", [fault])


@contextlib.contextmanager
def _session(server: Server, database: str) -> Iterator[psycopg.Connection]:
    """A session without transactions; what the server says against a statement is a fault in its words."""
    with contextlib.closing(server.connect(database, autocommit=True)) as session:
        try:
            yield session
        except psycopg.Error as error:
            raise server.refusal("does not replicate", database, error) from None
