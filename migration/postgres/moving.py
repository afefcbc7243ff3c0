"""A database moved with PostgreSQL's own programs: roles by pg_dumpall, all else by pg_dump and pg_restore.

Every step can be repeated after a kill at any point: a dump counts once it bears its final name, and what a restore
left half done is dropped before the next one begins.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from inventories.faults import Fault, OnshoreError
from migration.postgres.relations import published, relations
from migration.postgres.server import program
from migration.reach import bound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from migration.postgres.server import Server

_NAME: Final = r'("(?:[^"]|"")+"|[^\s;"]+)'
_STATEMENT: Final = re.compile(rf"^(CREATE|ALTER) ROLE {_NAME}|^GRANT {_NAME} TO {_NAME}")
_GRANTOR: Final = re.compile(rf" GRANTED BY {_NAME};$")
_POLL_S: Final = 0.05
_ENDING_S: Final = 30.0
_FULL: Final = "No space left on device"


def copy_roles(source: Server, target: Server) -> tuple[str, ...]:
    """Make the source's roles that the target lacks, with passwords, settings and memberships; all or none.

    A role that is there already is left as it is: parity names what differs. Nothing of it touches a disk or a command
    line, for it holds the hashes of passwords. Returns the new roles.
    """
    argv = [program("pg_dumpall"), "--roles-only", f"--dbname={source.dsn('postgres')}"]
    done = subprocess.run(bound(argv), capture_output=True, check=False)
    if done.returncode:
        raise _failed(source, "pg_dumpall", done.stderr)
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


def dump(
    source: Server,
    database: str,
    folder: Path,
    *,
    what: Sequence[str] = ("--create",),
    jobs: int = 2,
    limit_bytes_s: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write a database's dump as a folder that bears its name once it is whole; returns its bytes.

    `what` of it, as pg_dump's options say. It lies there in clear: the folder is for its owner only, and goes once the
    asset is verified.
    """
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.parent.glob(f"{folder.name}.partial-*"):
        shutil.rmtree(left, ignore_errors=True)
    partial = folder.with_name(f"{folder.name}.partial-{uuid.uuid4().hex[:8]}")
    argv = [program("pg_dump"), "--format=directory", *what, "--no-tablespaces", "--compress=0"]
    argv += [f"--jobs={jobs}", f"--file={partial}", f"--dbname={source.dsn(database)}"]
    _governed(source, "pg_dump", argv, limit_bytes_s, progress)
    size = sum(file.stat().st_size for file in partial.iterdir())
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return size


def restore(
    target: Server,
    database: str,
    folder: Path,
    *,
    jobs: int = 2,
    limit_bytes_s: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Make the database of a dump, in place of what an earlier attempt left under its name."""
    drop(target, database)
    argv = [program("pg_restore"), "--create", "--exit-on-error", f"--jobs={jobs}"]
    argv += [f"--dbname={target.dsn('postgres', application_name=_mark(database))}", str(folder)]
    _governed(target, "pg_restore", argv, limit_bytes_s, progress)
    with contextlib.closing(target.connect(database, autocommit=True)) as session:
        session.execute("ANALYZE")


def add(target: Server, database: str, folder: Path) -> None:
    """Put a dump's data into a database that is there, in place of what an earlier attempt put; see `rest_of`."""
    with contextlib.closing(target.connect(database, autocommit=True)) as session:
        try:
            session.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
            apart = [table.only for table in published(session) if not table.carried]
            if apart:
                session.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(apart)))
        except psycopg.Error as error:
            raise target.refusal("does not take what is copied apart", database, error) from None
    argv = [program("pg_restore"), "--data-only", "--disable-triggers", "--exit-on-error"]
    argv += [f"--dbname={target.dsn(database, application_name=_mark(database))}", str(folder)]
    _governed(target, "pg_restore", argv, 0, lambda _: None)


def rest_of(source: Server, database: str) -> tuple[str, ...]:
    """pg_dump's options for all data that replication does not carry: large objects, sequences, unlogged tables."""
    with contextlib.closing(source.connect(database, autocommit=True)) as session:
        carried = [table.pattern for table in published(session) if table.carried]
    return ("--data-only", "--blobs", *(f"--exclude-table-data={pattern}" for pattern in carried))


def refresh_views(source: Server, target: Server, database: str) -> None:
    """Fill the target's materialised views, as far as the source's are filled."""
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


def _governed(server: Server, name: str, argv: list[str], limit: int, progress: Callable[[int], None]) -> None:
    """Run a program of several processes to its end, stopped now and then so that it keeps to a rate."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        # A group to be stopped as one, but in our session: when we are killed, the kernel wakes what we stopped.
        process = subprocess.Popen(
            bound(argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, process_group=0
        )
        try:
            stopped = False
            while _running(process):
                moved = _bytes_moved(process.pid)
                progress(moved)
                ahead = bool(limit) and moved > limit * (time.monotonic() - started)
                if ahead != stopped:
                    os.killpg(process.pid, signal.SIGSTOP if ahead else signal.SIGCONT)
                    stopped = ahead
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode:
            errors.seek(0)
            raise _failed(server, name, errors.read())


def _running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_POLL_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _bytes_moved(group: int) -> int:
    """What the processes of a group read from files or wrote to them (what goes through sockets is not counted)."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                counters = (status.parent / "io").read_text().split()
                total += sum(int(counters[counters.index(name) + 1]) for name in ("rchar:", "wchar:"))
    return total


def _failed(server: Server, name: str, stderr: bytes) -> OnshoreError:
    lines = [line for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    said = next((line for line in lines if _FULL in line), None) or next(iter(lines), "")
    what, fix = f"{name} failed", "mend it and run it again: what was done is kept"
    if _FULL in said:
        here = "could not write" in said or name == "pg_dump"
        what = "the disk is full here, where dumps are staged" if here else "the disk there is full"
        fix = "make room and run it again; nothing was lost at the source"
    return OnshoreError(
        f"the database cannot be moved by way of {server.name}", [Fault(server.name, what, said, fix=fix)]
    )
