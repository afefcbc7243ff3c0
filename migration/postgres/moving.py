"""A database moved with PostgreSQL's own programs: roles by pg_dumpall, all else by pg_dump and pg_restore.

Every step can be repeated after a kill at any point: a dump counts once it bears its final name, and what a restore
left half done is dropped before the next one begins.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import subprocess
import time
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from inventories.faults import Fault, OnshoreError
from migration.postgres.relations import published, relations
from migration.postgres.server import program
from migration.postgres.streaming import failed, finish, stream
from migration.reach import bound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from migration.postgres.server import Server

_NAME: Final = r'("(?:[^"]|"")+"|[^\s;"]+)'
_STATEMENT: Final = re.compile(rf"^(CREATE|ALTER) ROLE {_NAME}|^GRANT {_NAME} TO {_NAME}")
_GRANTOR: Final = re.compile(rf" GRANTED BY {_NAME};$")
_POLL_S: Final = 0.05
_ENDING_S: Final = 30.0
_READING: Final = ("--no-tablespaces",)
_WRITING: Final = ("--exit-on-error",)


def copy_roles(source: Server, target: Server) -> tuple[str, ...]:
    """Make the source's roles that the target lacks, with passwords, settings and memberships; all or none.

    A role that is there already is left as it is: parity names what differs. Nothing of it touches a disk or a command
    line, for it holds the hashes of passwords. Returns the new roles.
    """
    argv = [program("pg_dumpall"), "--roles-only", f"--dbname={source.dsn('postgres')}"]
    done = subprocess.run(bound(argv), capture_output=True, check=False)
    if done.returncode:
        raise failed(source, "pg_dumpall", done.stderr)
    with contextlib.closing(target.connect("postgres")) as session:
        try:
            known = {name for (name,) in session.execute("SELECT quote_ident(rolname) FROM pg_roles").fetchall()}
            made: list[str] = []
            for line in done.stdout.decode().splitlines():
                statement = _STATEMENT.match(line)
                if statement is None:
                    continue
                verb, name, group, member = statement.groups()
                if verb == "CREATE" and name not in known:
                    made.append(name)
                if name in made or group in made or member in made:
                    session.execute(sql.SQL(_GRANTOR.sub(";", line)))
            session.commit()
        except psycopg.Error as error:
            raise target.refusal("the roles cannot be made", "postgres", error) from None
    return tuple(made)


def copy_content(
    source: Server,
    target: Server,
    database: str,
    kept: Path,
    *,
    jobs: int = 2,
    limit_bytes_s: int = 0,
    progress: Callable[[str, int], None] = lambda _, __: None,
    whole: Callable[[int], None] = lambda _: None,
) -> None:
    """Make the database at the target, in place of what an earlier attempt left under its name.

    `kept`: the dump, in clear, which goes once the asset is verified; one that is there is not made anew. `whole` is
    told its bytes once it is.
    """
    drop(target, database)
    parts = ["--section=pre-data", "--section=data"]
    reading, writing = (
        [*_READING, "--create", _at(source, database)],
        [*_WRITING, "--create", *parts, _at(target, "postgres", database)],
    )
    stream(source, target, reading, writing, kept=kept, limit_bytes_s=limit_bytes_s, progress=progress, whole=whole)
    size = kept.stat().st_size
    last = [*_WRITING, "--section=post-data", f"--jobs={jobs}", _at(target, database, database)]
    finish(target, last, kept, lambda: progress("indexing", size))
    with contextlib.closing(target.connect(database, autocommit=True)) as session:
        session.execute("ANALYZE")


def copy_definitions(source: Server, target: Server, database: str) -> None:
    """Make the database at the target without any row, in place of what an earlier attempt left under its name."""
    drop(target, database)
    reading = [*_READING, "--create", "--schema-only", _at(source, database)]
    stream(source, target, reading, [*_WRITING, "--create", _at(target, "postgres", database)])


def copy_rest(source: Server, target: Server, database: str, *, limit_bytes_s: int = 0) -> None:
    """Copy all data that replication does not carry, in place of what an earlier attempt put there.

    Large objects, sequences, unlogged tables and tables without columns; then materialised views are filled, as far as
    the source's are.
    """
    with contextlib.closing(source.connect(database, autocommit=True)) as session:
        carried = [table.pattern for table in published(session) if table.carried]
    _clear_rest(target, database)
    reading = ["--data-only", "--blobs", *(f"--exclude-table-data={pattern}" for pattern in carried)]
    writing = [*_WRITING, "--data-only", "--disable-triggers", _at(target, database, database)]
    stream(source, target, [*reading, _at(source, database)], writing, limit_bytes_s=limit_bytes_s)
    _fill_views(source, target, database)


def _clear_rest(target: Server, database: str) -> None:
    with contextlib.closing(target.connect(database, autocommit=True)) as session:
        try:
            session.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
            apart = [table.only for table in published(session) if not table.carried]
            if apart:
                session.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(apart)))
        except psycopg.Error as error:
            raise target.refusal("does not take what is copied apart", database, error) from None


def _fill_views(source: Server, target: Server, database: str) -> None:
    with contextlib.closing(source.connect(database, autocommit=True)) as session:
        filled = {label for label, each in relations(session).items() if each.kind == "m" and each.populated}
    with contextlib.closing(target.connect(database, autocommit=True)) as session:
        # pg_restore made them in an order in which none comes before one that it reads
        made = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        for schema, name in session.execute(f"{made} WHERE c.relkind = 'm' ORDER BY c.oid").fetchall():
            if f"{schema}.{name}" in filled:
                view = sql.Identifier(schema, name)
                try:
                    session.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(view))
                except psycopg.Error as error:
                    raise target.refusal("cannot fill a materialised view", database, error) from None
        session.execute("ANALYZE")


def drop(target: Server, database: str) -> None:
    """Remove a database that this move made, whoever is connected to it.

    Sessions of a restore that was killed are ended first: one of them may be about to make the database.
    """
    with contextlib.closing(target.connect("postgres", autocommit=True)) as session:
        _end_sessions(target, session, database, sql.SQL("application_name = {}").format(_mark(database)))
        session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def _mark(database: str) -> str:
    """The application name of a restore's sessions, of at most 63 bytes as the server keeps it."""
    return f"onshore migrate {hashlib.sha256(database.encode()).hexdigest()[:16]}"


def connection_limit(server: Server, database: str) -> int:
    """How many sessions a database lets in; -1: any number."""
    with contextlib.closing(server.connect("postgres", autocommit=True)) as session:
        row = session.execute("SELECT datconnlimit FROM pg_database WHERE datname = %s", [database]).fetchone()
    if row is None:
        raise OnshoreError(f"PostgreSQL on {server.name} cannot be used", [Fault(database, "no such database there")])
    return int(row[0])


def set_connection_limit(server: Server, database: str, limit: int) -> None:
    """Let that many sessions in; with 0 the database is closed to all but superusers, and who is in is sent away.

    Returns once everybody is gone. Raises OnshoreError when somebody does not go, or when a prepared transaction could
    still be committed; then the caller opens it again.
    """
    with contextlib.closing(server.connect("postgres", autocommit=True)) as session:
        session.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(sql.Identifier(database), limit))
        if limit == 0:
            mark = sql.SQL("SELECT gid FROM pg_prepared_xacts WHERE database = {}").format(database)
            others = "datname = {} AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            _end_sessions(server, session, database, sql.SQL(others).format(database))
            if prepared := [gid for (gid,) in session.execute(mark).fetchall()]:
                fix = "commit them or roll them back at the source"
                fault = Fault(
                    f"{server.name}, database {database}", "prepared transactions", ", ".join(prepared), fix=fix
                )
                raise OnshoreError(f"{database} cannot be closed", [fault])


def _end_sessions(server: Server, session: psycopg.Connection, database: str, which: sql.Composed) -> None:
    """End sessions and wait until they are gone."""
    end = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {}").format(which)
    deadline = time.monotonic() + _ENDING_S
    while session.execute(end).fetchall():
        if time.monotonic() > deadline:
            fault = Fault(f"{server.name}, database {database}", "sessions there do not end")
            raise OnshoreError(f"PostgreSQL on {server.name} cannot be used", [fault])
        time.sleep(_POLL_S)


def _at(server: Server, database: str, marked: str = "") -> str:
    """Where a program works; `marked`: the database whose restore its sessions are known by."""
    return f"--dbname={server.dsn(database, **({'application_name': _mark(marked)} if marked else {}))}"
