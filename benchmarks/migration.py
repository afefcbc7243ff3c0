"""A move against the plain tools: `python -m benchmarks.migration [MIB]` alone, or as part of `make bench`.

The same data, the same two servers on this machine: pg_dump into pg_restore in one pipe, and rsync, beside the steps of
`onshore migrate`. Verification is counted by itself. Servers write as carefully as in production (fsync is on).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from migration.files.moving import move_tree
from migration.files.parity import tree_parity
from migration.postgres.moving import drop, dump, restore
from migration.postgres.parity import database_parity
from migration.postgres.server import program
from migration.reach import Reach
from tests.migration.postgres_servers import missing, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.migration.postgres_servers import Cluster

Row = tuple[str, str]
USUAL_MIB = 1024
_FILES = 20_000
_ROW_BYTES = 330
_TABLES = 4
_FILL = """
CREATE TABLE IF NOT EXISTS {name} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n numeric(12, 3), photo bytea,
  facts jsonb, seen timestamptz, tags text[], note text);
INSERT INTO {name} (n, photo, facts, seen, tags, note) SELECT i * 1.5, decode(md5(i::text) || md5(i::text), 'hex'),
  jsonb_build_object('a', i, 'b', md5(i::text)), timestamptz '2026-01-01Z' + i * interval '1 s',
  ARRAY[md5(i::text), NULL], repeat(md5(i::text), 4) FROM generate_series(1, {rows}) i"""


def rows(mib: int = USUAL_MIB) -> list[Row]:
    """Name and figure of each measurement; one row that says why where there can be no servers."""
    if why := missing():
        return [("a move", f"not measured: {why}")]
    with running("bench-source", 54121, careful=True) as source, running("bench-target", 54122, careful=True) as target:
        found = _database(source, target, mib)
    return [*found, *_tree()]


def _database(source: Cluster, target: Cluster, mib: int) -> list[Row]:
    source.sql("CREATE DATABASE registry", "postgres")
    for number in range(_TABLES):
        source.sql(_FILL.format(name=f"t{number}", rows=mib * 2**20 // _ROW_BYTES // _TABLES))
    source.sql("CHECKPOINT")
    ((size,),) = source.sql("SELECT pg_database_size('registry') / 1048576.0")
    mebibytes = float(str(size))
    ours, theirs = source.server, target.server
    pipe = [
        f"'{program('pg_dump')}' -Fc -Z0 -C -d '{ours.dsn('registry')}'",
        f"'{program('pg_restore')}' -C -e -d '{theirs.dsn('postgres')}'",
    ]
    plain = _timed(lambda: subprocess.run(["sh", "-c", " | ".join(pipe)], check=True))
    drop(theirs, "registry")
    staging = Path(tempfile.mkdtemp(prefix="onshore-bench-"))

    def moved() -> None:
        dump(ours, "registry", staging / "dump", jobs=2)
        restore(theirs, "registry", staging / "dump", jobs=2)

    own = _timed(moved)
    shutil.rmtree(staging)
    parity = database_parity(ours, theirs, "registry", jobs=2)
    assert parity.equal, parity.differences
    rate = f"{mebibytes / parity.seconds:.0f} MiB/s, {parity.rows / parity.seconds:,.0f} rows/s"
    return [
        (f"move of a database of {mebibytes:.0f} MiB, pg_dump piped into pg_restore", f"{mebibytes / plain:.1f} MiB/s"),
        (f"the same by `migrate run` ({plain / own:.2f} of that rate)", f"{mebibytes / own:.1f} MiB/s"),
        ("its verification, both sides at a time", rate),
    ]


def _tree() -> list[Row]:
    home = Path(tempfile.mkdtemp(prefix="onshore-bench-"))
    try:
        for number in range(_FILES):
            folder = home / "source" / str(number % 500)
            if number < 500:
                folder.mkdir(parents=True)
            (folder / str(number)).write_bytes(b"%d" % number * 50)
        argv = ["rsync", "-aHAXS", "--numeric-ids", f"{home}/source/", f"{home}/plain/"]
        plain = _timed(lambda: subprocess.run(argv, check=True))
        source, target = Reach("source"), Reach("target")
        own = _timed(lambda: move_tree(source, f"{home}/source", target, f"{home}/own"))
        parity = tree_parity(source, f"{home}/source", target, f"{home}/own")
        assert parity.equal, parity.differences
    finally:
        shutil.rmtree(home)
    return [
        (f"move of {_FILES:,} small files, plain rsync", f"{_FILES / plain:,.0f} files/s"),
        (f"the same by `migrate run` ({plain / own:.2f} of that rate)", f"{_FILES / own:,.0f} files/s"),
        ("their verification, both sides at a time", f"{_FILES / parity.seconds:,.0f} files/s"),
    ]


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    for name, figure in rows(int(sys.argv[1]) if len(sys.argv) > 1 else USUAL_MIB):
        sys.stdout.write(f"{name}: {figure}\n")
