"""Whether two databases hold the same: each side in one snapshot, computed inside the servers, both at a time."""

from __future__ import annotations

import contextlib
import queue
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql

from migration.evidence import Difference, Parity, Part, digest_of
from migration.postgres.digests import TableDigest, chunks, digest, fresh_digest
from migration.postgres.relations import Relation, foreign_tables, large_objects, relations, sequences
from migration.postgres.roles import role_differences, roles
from migration.postgres.rows import row_differences
from migration.postgres.schema import definition_differences, definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from migration.postgres.digests import Chunk
    from migration.postgres.server import Server

_MOMENT: Final = """
SELECT clock_timestamp(), (SELECT system_identifier::text FROM pg_control_system()),
  (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text,
  current_setting('server_version')"""


@dataclass
class _Side:
    """One database in one snapshot, and the sessions that share it."""

    server: Server
    database: str
    main: psycopg.Connection
    snapshot: str
    moment: dict[str, str]
    relations: dict[str, Relation]
    workers: queue.SimpleQueue[psycopg.Connection] = field(default_factory=queue.SimpleQueue)

    def digest(self, chunk: Chunk, columns: Sequence[str]) -> TableDigest:
        session = self.workers.get()
        try:
            return digest(session, chunk, columns)
        finally:
            self.workers.put(session)


def database_parity(
    source: Server, target: Server, database: str, *, jobs: int = 2, progress: Callable[[str], None] = lambda _: None
) -> Parity:
    """Compare a database on two servers; raises OnshoreError where one of them cannot be read.

    `jobs`: sessions on each side. What is compared: definitions, owners and rights (`pg_dump --schema-only`), every
    table and materialised view (rows and digest), sequences, large objects, roles. Rows of foreign tables are not.
    """
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        ours = _open(source, database, jobs, stack)
        theirs = _open(target, database, jobs, stack)
        try:
            parts, differences = _compare(ours, theirs, jobs, progress)
        except psycopg.Error as error:
            raise source.refusal("cannot be compared", database, error) from None
        left_out = [f"rows of foreign table {name}" for name in foreign_tables(ours.main)]
        left_out += [f"{part.name}: out of date at the source, computed anew at the target" for part in _stale(parts)]
        return Parity(
            kind="database",
            source=ours.moment,
            target=theirs.moment,
            parts=tuple(parts),
            differences=tuple(differences),
            left_out=tuple(left_out),
            seconds=round(time.monotonic() - started, 3),
        )


def written_since(
    server: Server, database: str, evidence: Parity, *, jobs: int = 2, anew: bool = False
) -> tuple[str, ...]:
    """What was written since the evidence was taken, one line each; none: the evidence is newer than the last write.

    A write-ahead log that stands where it stood proves that at once (but for sequences, of which not every step is
    logged); else, or where it is asked for `anew`, everything is computed again and compared.
    """
    with contextlib.ExitStack() as stack:
        side = _open(server, database, jobs, stack)
        before = {part.name: part.source for part in evidence.parts}
        if not anew and all(side.moment[name] == evidence.source.get(name) for name in ("system", "wal")):
            before = {part.name: part.source for part in evidence.parts if part.kind == "sequence"}
            after = sequences(side.main)
        else:
            try:
                after = {part.name: part.source for part in _own_parts(side, jobs)}
            except psycopg.Error as error:
                raise server.refusal("cannot be read", database, error) from None
        return tuple(
            f"{name} was {before.get(name, 'not there')}, is {after.get(name, 'not there')}"
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        )


def _open(server: Server, database: str, jobs: int, stack: contextlib.ExitStack) -> _Side:
    main = stack.enter_context(contextlib.closing(server.connect(database)))
    try:
        # read before the snapshot is taken: what is written between the two makes the evidence older, never newer
        at, system, wal, version = main.execute(_MOMENT).fetchone() or ("", "", "", "")
        main.rollback()
        main.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        main.read_only = True
        snapshot = (main.execute("SELECT pg_export_snapshot()").fetchone() or ("",))[0]
        moment = {
            "server": server.name,
            "database": database,
            "at": at.isoformat(),
            "system": system,
            "wal": wal,
            "version": version,
        }
        side = _Side(server, database, main, snapshot, moment, relations(main))
        for _ in range(jobs):
            worker = stack.enter_context(contextlib.closing(server.connect(database)))
            worker.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            worker.read_only = True
            worker.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
            side.workers.put(worker)
    except psycopg.Error as error:
        raise server.refusal("cannot be read", database, error) from None
    return side


def _compare(
    ours: _Side, theirs: _Side, jobs: int, progress: Callable[[str], None]
) -> tuple[list[Part], list[Difference]]:
    with ThreadPoolExecutor(2) as pool:
        texts = [pool.submit(definitions, side.server, side.database, side.snapshot) for side in (ours, theirs)]
        left, right = (text.result() for text in texts)
    differences = list(definition_differences(left, right))
    known = [roles(side.main) for side in (ours, theirs)]
    differences += role_differences(*known)
    digests = [_digests(side, ours.relations, jobs) for side in (ours, theirs)]
    parts = []
    for label, relation in ours.relations.items():
        progress(f"{label}: {digests[0][label].rows} rows")
        found, part = _relation(ours, theirs, relation, [side.get(label) for side in digests])
        parts.append(part)
        differences += found
    for label in theirs.relations.keys() - ours.relations.keys():
        differences.append(Difference("table", label, "at the target, but not at the source", "missing", "there"))
    for kind, read in (("sequence", sequences), ("large object", large_objects)):
        sides = [read(side.main) for side in (ours, theirs)]
        parts += [Part(name, kind, 0, 0, says, sides[1].get(name, "missing")) for name, says in sides[0].items()]
        differences += _named(kind, *sides)
    parts.append(_definitions_part(left, right))
    return parts, differences


def _own_parts(side: _Side, jobs: int) -> Iterator[Part]:
    """What one side alone holds, in the form of `_compare`'s parts."""
    for label, found in _digests(side, side.relations, jobs).items():
        yield Part(label, "table", found.rows, 0, f"{found.rows} rows, {found}", "")
    for kind, read in (("sequence", sequences), ("large object", large_objects)):
        for name, says in read(side.main).items():
            yield Part(name, kind, 0, 0, says, "")
    text = definitions(side.server, side.database, side.snapshot)
    yield _definitions_part(text, text)


def _definitions_part(left: Mapping[str, str], right: Mapping[str, str]) -> Part:
    return Part("definitions", "schema", len(left), 0, digest_of(left), digest_of(right))


def _digests(side: _Side, wanted: Mapping[str, Relation], jobs: int) -> dict[str, TableDigest]:
    """The digest of each wanted table that this side has with the same columns, largest first."""
    with ThreadPoolExecutor(jobs) as pool:
        futures = []
        for relation in sorted(wanted.values(), key=lambda each: -each.size_bytes):
            own = side.relations.get(relation.label)
            if own is not None and set(own.columns) == set(relation.columns) and own.populated:
                futures += [
                    (relation.label, pool.submit(side.digest, chunk, relation.columns))
                    for chunk in chunks(own, side.main)
                ]
            elif own is not None and not own.populated:
                futures.append((relation.label, pool.submit(TableDigest)))
        found: dict[str, TableDigest] = {}
        for label, future in futures:
            found[label] = found.get(label, TableDigest()) + future.result()
        return found


def _relation(
    ours: _Side, theirs: _Side, relation: Relation, digests: Sequence[TableDigest | None]
) -> tuple[list[Difference], Part]:
    label, one, other = relation.label, digests[0] or TableDigest(), digests[1]
    kind = "materialised view" if relation.kind == "m" else "table"
    says = f"{one.rows} rows, {one}"
    if other is None:
        there = theirs.relations.get(label)
        what = "missing at the target" if there is None else "has other columns at the target"
        columns = "missing" if there is None else ", ".join(there.columns)
        difference = Difference("table", label, what, ", ".join(relation.columns), columns)
        return [difference], Part(label, kind, one.rows, relation.size_bytes, says, "missing")
    part = Part(label, kind, one.rows, relation.size_bytes, says, f"{other.rows} rows, {other}")
    found = []
    populated = theirs.relations[label].populated
    if relation.populated != populated:
        states = ["filled" if each else "never filled" for each in (relation.populated, populated)]
        found.append(Difference("table", label, "a materialised view is filled on one side only", *states))
    elif one != other and not (relation.kind == "m" and fresh_digest(ours.main, relation, relation.columns) == other):
        found.append(Difference("table", label, "content differs", says, part.target))
        found += row_differences(ours.main, theirs.main, relation, relation.columns)
    return found, part


def _stale(parts: Sequence[Part]) -> Iterator[Part]:
    """Materialised views that differ and are no difference."""
    return (part for part in parts if part.kind == "materialised view" and part.source != part.target)


def _named(kind: str, source: Mapping[str, Any], target: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted(source.keys() | target.keys()):
        one, other = source.get(name), target.get(name)
        if one != other:
            yield Difference(kind, name, "differs", one or "missing", other or "missing")
