"""Two PostgreSQL servers of the tests' own: sockets only, in a folder of their own, gone at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from inventories import OnshoreError
from migration.postgres.server import Server, program

if TYPE_CHECKING:
    from collections.abc import Iterator

ODD = Path(__file__).with_name("odd_data.sql")


@dataclass(frozen=True)
class Cluster:
    """A running server and the folder of its data."""

    server: Server
    folder: Path

    def sql(self, text: str, database: str = "registry") -> list[tuple[object, ...]]:
        """Run statements; the rows of the last one."""
        with contextlib.closing(psycopg.connect(self.server.dsn(database), autocommit=True)) as session:
            cursor = session.execute(text)  # type: ignore[call-overload]
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def fill(self, database: str = "registry", rows: int = 500) -> None:
        """Make a database full of odd types."""
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", "postgres")
        self.sql(f"CREATE DATABASE {database}", "postgres")
        dsn = self.server.dsn(database)
        argv = [program("psql"), "-q", "-X", "-v", "ON_ERROR_STOP=1", "-v", f"rows={rows}", "-f", str(ODD), dsn]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)

    def copy_to(self, other: Cluster, database: str = "registry") -> None:
        """What a move does, in two pipes: roles, then the database with all in it."""
        mine, its = self.server, other.server
        roles = subprocess.run(
            [program("pg_dumpall"), "--roles-only", "-d", mine.dsn("postgres")], check=True, capture_output=True
        ).stdout.replace(b"CREATE ROLE postgres;", b"")
        psql = [program("psql"), "-q", "-X", "-v", "ON_ERROR_STOP=1", its.dsn("postgres")]
        subprocess.run(psql, input=roles, check=True, stdout=subprocess.DEVNULL)
        dump = subprocess.run(
            [program("pg_dump"), "-Fc", "-C", "-d", mine.dsn(database)], check=True, capture_output=True
        ).stdout
        subprocess.run([program("pg_restore"), "-C", "-e", "-d", its.dsn("postgres")], input=dump, check=True)

    def wipe(self) -> None:
        """Remove what tests made: databases and roles."""
        for (name,) in self.sql("SELECT datname FROM pg_database WHERE datname !~ '^(postgres|template)'", "postgres"):
            self.sql(f'DROP DATABASE "{name}" WITH (FORCE)', "postgres")
        for (name,) in self.sql("SELECT rolname FROM pg_roles WHERE oid <> 10 AND rolname !~ '^pg_'", "postgres"):
            self.sql(f'DROP ROLE "{name}"', "postgres")


def missing() -> str:
    """Why there can be no servers here, if so."""
    try:
        program("initdb")
    except OnshoreError:
        return "no PostgreSQL server (Debian: apt-get install --no-install-recommends postgresql)"
    if os.getuid() == 0 and subprocess.run(["id", "postgres"], capture_output=True, check=False).returncode:
        return "no user `postgres` to run a server as"
    return ""


@contextlib.contextmanager
def running(
    name: str, port: int, *, data: Path | None = None, careful: bool = False, more: str = ""
) -> Iterator[Cluster]:
    """A server on a socket of its own; `data`: where its files go; `careful`: it waits for the disk."""
    if why := missing():
        pytest.skip(why)
    home = Path(tempfile.mkdtemp(prefix=f"onshore-pg-{name}-"))
    folder = data or home / "data"
    if os.getuid() == 0:
        shutil.chown(home, "postgres")
    # `fsync=off`: a test's server is thrown away whatever happens to it
    settings = f"-k {home} -p {port} -c listen_addresses= -c max_connections=60 -c shared_buffers=32MB"
    settings += " -c max_prepared_transactions=2"
    settings += f" {more}"
    settings += "" if careful else " -c fsync=off"
    try:
        _as_postgres(program("initdb"), "-D", str(folder), "-A", "trust", "-U", "postgres", "-E", "UTF8",
                     "--locale=C.UTF-8", "--no-sync")  # fmt: skip
        _as_postgres(program("pg_ctl"), "-D", str(folder), "-w", "-l", str(home / "log"), "-o", settings, "start")
        yield Cluster(Server(name, {"host": str(home), "port": str(port), "user": "postgres"}), folder)
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            _as_postgres(program("pg_ctl"), "-D", str(folder), "-m", "immediate", "-w", "stop")
        shutil.rmtree(home, ignore_errors=True)


def _as_postgres(*argv: str) -> None:
    other = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd="/", **other)  # type: ignore[call-overload]
