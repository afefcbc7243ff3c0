"""A move against the plain tools: `python -m benchmarks.migration [MIB] [FILES]` alone, or as part of `make bench`.

The worked example of docs/migration.md at full size, on machines of its own: a database with every odd type on one
machine on premises, a file tree with odd names on the other, moved to two machines in the country over SSH, verified,
cut over and retired. Beside it, on the same machines and with the same data, what people type instead: `pg_dump` into
`pg_restore`, and rsync, by a key that lets one machine into the other. Ours lets neither into the other: what it moves
is encrypted twice. Verification is counted by itself. Servers wait for the disk (fsync is on; disks are in memory).
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from migration.access import Access, open_site
from migration.discovery import Asset
from migration.ledger import Ledger
from migration.postgres.moving import drop
from migration.retention import Retention
from migration.steps import Move, Site, copy, cutover, retire, verify
from sandbox import hosts_down, hosts_unavailable, hosts_up
from tests.hosts import PLACE, Hosts, in_register
from tests.migration import odd_tree
from tests.migration.postgres_servers import ODD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migration.evidence import Parity

Row = tuple[str, str]
USUAL_MIB = 1024
USUAL_FILES = 100_000
BENCH_HOSTS = Path(__file__).parents[1] / ".onshore" / "bench" / "hosts"
_NAMES = ("onprem-1", "onprem-2", "host-1", "host-2")
_SOCKET = "/var/lib/postgresql/socket"
_TREE = "/srv/portal"
_ROWS_A_MIB = 1250
_BIN = "bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)"
_START = f"""set -e; {_BIN}
mkdir -p ~/socket
$bin/initdb -D ~/data --encoding UTF8 --locale C.UTF-8 -A peer --no-sync >/dev/null
$bin/pg_ctl -D ~/data -l ~/log -w -o "-k $HOME/socket -c listen_addresses= -c max_wal_size=512MB" start >/dev/null"""
_FILL = f"cat > ~/odd.sql; psql -q -X -h {_SOCKET} -v ON_ERROR_STOP=1 -v rows=%d -f ~/odd.sql postgres >/dev/null"
_KEY = "umask 077; cat > ~/key"
_DIRECT = "ssh -F none -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR -i ~/key"
_SIZE = f"psql -q -X -A -t -h {_SOCKET} -c \"SELECT pg_database_size('registry') / 1048576.0\" registry"


@dataclass(frozen=True, slots=True)
class _Case:
    """One asset of the example, from which machine to which, and how the plain tools move it."""

    what: str
    source: str
    target: str
    kind: str
    name: str

    @property
    def asset(self) -> Asset:
        return Asset(f"{self.source}/{self.kind}/{self.name.lstrip('/')}", self.kind, self.source, self.name)  # type: ignore[arg-type]


def rows(mib: int = USUAL_MIB, files: int = USUAL_FILES) -> list[Row]:
    """Name and figure of each measurement; one row that says why where there can be no machines."""
    if reasons := hosts_unavailable():
        return [("a move", f"not measured: {'; '.join(what for what, _ in reasons)}")]
    with _machines() as hosts, tempfile.TemporaryDirectory(prefix="onshore-bench-") as name:
        return [*_database(hosts, Path(name), mib), *_tree(hosts, Path(name), files)]


@contextlib.contextmanager
def _machines() -> Iterator[Hosts]:
    info = hosts_up("bench", home=BENCH_HOSTS, in_country=2, on_premises=2, **PLACE, disk_mib=8192, progress=say)
    try:
        yield in_register(info)
    finally:
        hosts_down("bench", home=BENCH_HOSTS)


def _database(hosts: Hosts, folder: Path, mib: int) -> list[Row]:
    case = _Case("", "bench-onprem-1", "bench-host-1", "database", "registry")
    for name in (case.source, case.target):
        hosts.ssh(name, _START, user="postgres")
    script = b"CREATE DATABASE registry;\n\\c registry\n" + ODD.read_bytes() + b"CHECKPOINT;\n"
    _login(hosts, case.source, _FILL % (mib * _ROWS_A_MIB), stdin=script)
    mebibytes = float(hosts.ssh(case.source, _SIZE, user="postgres").stdout)
    say(f"a database of {mebibytes:.0f} MiB")
    there = f"{_DIRECT} postgres@{hosts[case.target].address}"
    line = f"""{_KEY}; {_BIN}
pg_dumpall --roles-only -h {_SOCKET} | grep -v 'ROLE postgres' | {there} psql -q -X -h {_SOCKET} postgres >/dev/null
$bin/pg_dump -Fc -Z0 -C -h {_SOCKET} registry | {there} pg_restore -C -e -h {_SOCKET} -d postgres"""
    plain = _timed("pg_dump | pg_restore", lambda: _login(hosts, case.source, line, stdin=_key(hosts)))
    with _sites(hosts, folder, case) as (source, target):
        assert target.postgres is not None
        drop(target.postgres, "registry")
        own, parity, cut = _moved(folder, case, source, target)
    return [
        (f"move of a database of {mebibytes:.0f} MiB, pg_dump piped into pg_restore", f"{mebibytes / plain:.1f} MiB/s"),
        (f"the same by `migrate run` ({plain / own:.2f} of that rate)", f"{mebibytes / own:.1f} MiB/s"),
        ("its verification, both sides at a time", _rate(parity, mebibytes, "rows")),
        ("its cutover and retirement", f"{cut:.1f} s"),
    ]


def _tree(hosts: Hosts, folder: Path, files: int) -> list[Row]:
    case = _Case("", "bench-onprem-2", "bench-host-2", "files", _TREE)
    program = Path(odd_tree.__file__).read_text(encoding="utf-8")
    program += f"\nfrom pathlib import Path\nmake_tree(Path({_TREE!r}), {files})\n"
    _login(hosts, case.source, "python3 -", user="root", stdin=program.encode())
    line = f"rsync -aHAXS --numeric-ids -e '{_DIRECT}' {_TREE}/ root@{hosts[case.target].address}:{_TREE}/"
    plain = _timed("rsync", lambda: _login(hosts, case.source, f"{_KEY}; {line}", user="root", stdin=_key(hosts)))
    hosts.ssh(case.target, f"rm -rf {_TREE}")
    with _sites(hosts, folder, case) as (source, target):
        own, parity, cut = _moved(folder, case, source, target)
    return [
        (f"move of {parity.rows:,} files, plain rsync", f"{parity.rows / plain:,.0f} files/s"),
        (f"the same by `migrate run` ({plain / own:.2f} of that rate)", f"{parity.rows / own:,.0f} files/s"),
        ("their verification, both sides at a time", _rate(parity, parity.size_bytes / 2**20, "files")),
        ("their cutover and retirement", f"{cut:.1f} s"),
    ]  # fmt: skip


def _moved(folder: Path, case: _Case, source: Site, target: Site) -> tuple[float, Parity, float]:
    """The whole way of an asset: seconds of the copy, the evidence, seconds of cutover and retirement."""
    move, asset = Move(Ledger(folder / "ledger.jsonl"), folder / "evidence", folder / "staging"), case.asset
    own = _timed("migrate run", lambda: copy(move, asset, source, target))
    parity, _ = verify(move, asset, source, target)
    assert parity.equal, parity.differences
    kept = Retention(asset=asset.id, site="x", reference="BENCH", sha256="0" * 64, keep_until=date(2040, 1, 1))

    def closed() -> None:
        cutover(move, asset, source, target)
        retire(move, asset, source, kept)

    return own, parity, _timed("cutover and retire", closed)


def _key(hosts: Hosts) -> bytes:
    return hosts.identity.read_bytes()


def _login(hosts: Hosts, name: str, command: str, *, user: str = "postgres", stdin: bytes) -> None:
    subprocess.run(_ssh(hosts, name, command, user), input=stdin, check=True)


def _ssh(hosts: Hosts, name: str, command: str, user: str) -> list[str]:
    pinned = ["ssh", "-F", "none", "-o", f"UserKnownHostsFile={hosts.known_hosts}", "-i", str(hosts.identity)]
    return [*pinned, f"{user}@{hosts[name].address}", command]


@contextlib.contextmanager
def _sites(hosts: Hosts, folder: Path, case: _Case) -> Iterator[tuple[Site, Site]]:
    postgresql = {"socket_folder": _SOCKET}
    named = [
        {"host": name, "identity": str(hosts.identity), "postgresql": postgresql} for name in (case.source, case.target)
    ]
    access = Access.model_validate({"hosts": named})
    with contextlib.ExitStack() as stack:
        ends = [
            open_site(access, folder, hosts.register, name, stack, database=case.kind == "database")
            for name in (case.source, case.target)
        ]
        yield ends[0], ends[1]


def _rate(parity: Parity, mebibytes: float, unit: str) -> str:
    return f"{mebibytes / parity.seconds:.0f} MiB/s, {parity.rows / parity.seconds:,.0f} {unit}/s"


def _timed(what: str, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    say(f"{what}: {seconds:.1f} s")
    return seconds


def say(line: str) -> None:
    """A line for who looks on."""
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    for name, figure in rows(*map(int, sys.argv[1:])):
        sys.stdout.write(f"{name}: {figure}\n")
