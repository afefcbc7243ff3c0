"""How a PostgreSQL server is reached, and the programs that PostgreSQL brings."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import conninfo

from inventories.faults import Fault, OnshoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

# One form of text for every value, whatever a server's or a person's own settings; parallel plans and JIT gain nothing.
_SESSION: Final = {
    "search_path": "pg_catalog",
    "TimeZone": "UTC",
    "DateStyle": "ISO,YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "row_security": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",
    "default_transaction_read_only": "off",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server by libpq's own parameters (host or socket folder, port, user, passfile, sslmode…), without password."""

    name: str
    parameters: Mapping[str, str]

    def dsn(self, database: str, **more: str) -> str:
        """The connection string for a program; it holds no password."""
        return conninfo.make_conninfo("", **{"connect_timeout": "15", **self.parameters, **more, "dbname": database})

    def connect(self, database: str, *, autocommit: bool = False) -> psycopg.Connection:
        """A session in which every value has one form of text; raises OnshoreError when the server cannot be used."""
        options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
        try:
            return psycopg.connect(
                self.dsn(database),
                options=options,
                client_encoding="UTF8",
                application_name="onshore migrate",
                autocommit=autocommit,
            )
        except psycopg.Error as error:
            raise self.refusal("cannot be reached", database, error) from None

    def refusal(self, what: str, database: str, error: BaseException) -> OnshoreError:
        """A fault of this server, in PostgreSQL's own words."""
        said = str(error).strip().splitlines()
        fault = Fault(f"{self.name}, database {database}", what, said[0] if said else type(error).__name__)
        lost = isinstance(error, psycopg.OperationalError)
        return OnshoreError(f"PostgreSQL on {self.name} cannot be used", [fault], failed=lost)

    def has(self, database: str) -> bool:
        """Whether there is a database of that name."""
        with self.connect("postgres", autocommit=True) as session:
            found = session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        return found is not None


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs, the newest there is; raises OnshoreError where there is none.

    Debian's own `pg_dump` on PATH chooses a version by the cluster it meets: the newest can read every older server.
    """
    beside = [path / "bin" / name for path in Path("/usr/lib/postgresql").glob("[0-9]*") if path.name.isdigit()]
    newest = sorted((path for path in beside if os.access(path, os.X_OK)), key=lambda path: int(path.parts[4]))
    found = str(newest[-1]) if newest else shutil.which(name)
    if found is None:
        fix = "install PostgreSQL's client programs (Debian: apt-get install postgresql-client)"
        raise OnshoreError(f"{name} is missing", [Fault(name, "not found on this machine", fix=fix)])
    return found
