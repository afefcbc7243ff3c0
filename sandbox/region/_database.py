"""A PostgreSQL server of a region's own: where its programs are, how it is made, started and made ready for use."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox._processes import start
from sandbox.errors import SandboxError
from sandbox.region._layout import DATABASE, DATABASES

if TYPE_CHECKING:
    from sandbox.region._layout import RegionLayout

OWNER: Final = "openstack"
_LEAST: Final = 15
_INSTALLED: Final = ("/usr/lib/postgresql/*/bin/postgres", "/usr/pgsql-*/bin/postgres")
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "48MB",
    "jit": "off",
    # data of a sandbox may be lost with the machine's power, not with a killed process: do not wait for the disk
    "fsync": "off",
    "full_page_writes": "off",
    "min_wal_size": "32MB",
    "max_wal_size": "128MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "logging_collector": "off",
}


def find_programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs, of version 15 or later; None when there is none."""
    found = [path.parent for pattern in _INSTALLED for path in Path("/").glob(pattern.lstrip("/"))]
    if on_path := shutil.which("postgres"):
        found.append(Path(on_path).resolve().parent)
    able = {folder: version for folder in found if (version := _version(folder)) >= _LEAST}
    return max(able, key=lambda folder: able[folder], default=None)


def make(layout: RegionLayout, programs: Path, password: str) -> None:
    """Make the server's files; `password` is the one of the only role, which owns everything. Raises SandboxError."""
    secret = layout.store / ".database-password"
    secret.write_text(password, encoding="utf-8")
    secret.chmod(0o600)
    command = [str(programs / "initdb"), "-D", str(layout.database), "-U", OWNER, f"--pwfile={secret}"]
    command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--wal-segsize=4"]
    done = subprocess.run([*_as_somebody(), *command], capture_output=True, text=True, check=False, timeout=300)
    secret.unlink()
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise SandboxError(f"PostgreSQL cannot make a database in {layout.database}: {said}.", "Try again.")


def begin(layout: RegionLayout, programs: Path, port: int) -> None:
    """Start the server."""
    _forget_stale_lock(layout)
    given = [part for name, value in (_SETTINGS | {"port": str(port)}).items() for part in ("-c", f"{name}={value}")]
    command = [*_as_somebody(), str(programs / "postgres"), "-D", str(layout.database), *given]
    start(DATABASE, command, layout.directory, layout.log(DATABASE))


def answers(port: int, password: str) -> bool:
    """Whether the server lets us in."""
    import psycopg  # noqa: PLC0415 - a quarter of a second that only a region costs

    try:
        with _connect(port, password):
            return True
    except psycopg.OperationalError:
        return False


def create_databases(port: int, password: str) -> None:
    """Make the services' databases, those that are not there yet."""
    from psycopg import sql  # noqa: PLC0415 - as above

    with _connect(port, password) as connection:
        known = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        for name in DATABASES:
            if name not in known:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def userns_refused() -> str:
    """Why PostgreSQL, which does not run as root, cannot run here; '' when it can."""
    if os.geteuid() != 0:
        return ""
    done = subprocess.run([*_as_somebody(), "true"], capture_output=True, text=True, check=False, timeout=60)
    return "" if done.returncode == 0 else done.stderr.strip() or "no reason given"


def _as_somebody() -> list[str]:
    """What goes before a command that refuses to run as root.

    A user namespace of its own: there it is nobody special and has no rights over others' files, yet those it makes
    remain ours; an account of its own could not even reach them below a home folder that is closed to others.
    """
    if os.geteuid() != 0:
        return []
    unshare = shutil.which("unshare", path="/usr/bin:/bin") or "unshare"
    return [unshare, "--user", "--map-user=1000", "--map-group=1000", "--"]


def _connect(port: int, password: str):  # type: ignore[no-untyped-def] # noqa: ANN202 - its type costs the import
    import psycopg  # noqa: PLC0415 - as above

    return psycopg.connect(
        host="127.0.0.1",
        port=port,
        user=OWNER,
        password=password,
        dbname="postgres",
        autocommit=True,
        connect_timeout=5,
    )


def _version(folder: Path) -> int:
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError, IndexError):
        if not (folder / "initdb").exists():
            return 0
        command = [folder / "postgres", "--version"]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
        return int(said.split()[2].split(".")[0])
    return 0


def _forget_stale_lock(layout: RegionLayout) -> None:
    """Remove the mark of a killed server when its process id is now another program's: PostgreSQL would not dare."""
    lock = layout.database / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(lock.read_text(encoding="utf-8").split()[0])
        try:
            program = Path(f"/proc/{pid}/exe").readlink().name
        except FileNotFoundError:
            return  # PostgreSQL sees as well as we do that nobody has this id
        if program != "postgres":
            lock.unlink()
