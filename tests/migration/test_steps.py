"""The steps of a move on real servers and file trees: in order, in the ledger, and refused where proof is missing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from inventories import OnshoreError
from migration.discovery import Asset
from migration.ledger import Ledger
from migration.postgres import streaming
from migration.rates import Rate
from migration.reach import Reach
from migration.retention import Retention
from migration.steps import Move, Site, copy, cutover, retire, rollback, verify
from tests.migration.odd_tree import make_tree

if TYPE_CHECKING:
    from tests.migration.postgres_servers import Cluster

ROOT = Path(__file__).parents[2]
DATABASE = Asset("onprem/database/registry", "database", "onprem", "registry")
KEPT = Retention(
    asset=DATABASE.id, site="pk-example-site-2", reference="TAPE-1", sha256="0" * 64, keep_until=date(2036, 1, 1)
)


def moving(folder: Path, limit: int = 0) -> Move:
    return Move(Ledger(folder / "ledger.jsonl"), folder / "evidence", folder / "staging", 2, limit)


def sites(servers: tuple[Cluster, Cluster]) -> tuple[Site, Site]:
    source, target = (Site(Reach(each.server.name), each.server) for each in servers)
    return source, target


def refusal(step: object, *arguments: object, **named: object) -> OnshoreError:
    with pytest.raises(OnshoreError) as error:
        step(*arguments, **named)  # type: ignore[operator]
    return error.value


def steps(move: Move) -> list[str]:
    return [entry.step for entry in move.ledger.entries()]


def test_a_database_is_copied_verified_cut_over_and_retired(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    source, target = sites(servers)
    servers[0].fill()
    servers[0].sql("ALTER DATABASE registry CONNECTION LIMIT 50", "postgres")
    move = moving(tmp_path)
    assert copy(move, DATABASE, source, target).state == "copied"
    parity, _ = verify(move, DATABASE, source, target)
    assert parity.differences == ()
    assert not any((tmp_path / "staging").iterdir())
    assert "not verified" not in str(parity)
    cutover(move, DATABASE, source, target)
    with pytest.raises(psycopg.OperationalError, match="too many connections"):
        psycopg.connect(source.postgres.dsn("registry"), user="registrar")  # type: ignore[union-attr]
    retire(move, DATABASE, source, KEPT)
    assert steps(move) == [
        "copy started", "roles copied", "dumped", "copied", "verified", "closing", "cutover", "retention", "retired",
    ]  # fmt: skip
    retire(move, DATABASE, source, KEPT)
    assert len(steps(move)) == 9


def test_no_step_goes_before_the_one_it_needs(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=20)
    move = moving(tmp_path)
    assert "it is planned" in str(refusal(verify, move, DATABASE, source, target))
    assert "not verified" in str(refusal(cutover, move, DATABASE, source, target))
    said = str(refusal(retire, move, DATABASE, source, None))
    assert all(words in said for words in ("not cut over", "no retention copy", "no parity evidence"))
    copy(move, DATABASE, source, target)
    assert "not verified" in str(refusal(cutover, move, DATABASE, source, target))
    verify(move, DATABASE, source, target)
    assert "not cut over" in str(refusal(retire, move, DATABASE, source, KEPT))
    cutover(move, DATABASE, source, target)
    assert "no retention copy" in str(refusal(retire, move, DATABASE, source, None))
    assert copy(move, DATABASE, source, target).state == "cut over"
    assert "roll it back first" in str(refusal(copy, move, DATABASE, source, target, again=True))


def test_a_write_at_the_source_during_the_move_is_noticed(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=50)
    move = moving(tmp_path)
    copy(move, DATABASE, source, target)
    servers[0].sql("INSERT INTO citizens (name) VALUES ('late')")
    parity, _ = verify(move, DATABASE, source, target)
    said = "\n".join(map(str, parity.differences))
    assert "public.citizens id=51: a row is missing at the target" in said
    assert move.standing(DATABASE).state == "differs"
    assert copy(move, DATABASE, source, target).state == "copied"
    assert verify(move, DATABASE, source, target)[0].equal


def test_a_write_between_evidence_and_cutover_opens_the_source_again(
    servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=50)
    move = moving(tmp_path)
    copy(move, DATABASE, source, target)
    verify(move, DATABASE, source, target)
    servers[0].sql("UPDATE no_key SET amount = 7 WHERE word IS NULL")
    said = refusal(cutover, move, DATABASE, source, target)
    assert said.refused
    assert "public.no_key was 55 rows" in str(said)
    psycopg.connect(source.postgres.dsn("registry"), user="registrar").close()  # type: ignore[union-attr]
    assert steps(move)[-1] == "reopened"


def test_a_write_at_the_source_after_the_cutover_keeps_it_from_being_retired(
    servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=50)
    move = moving(tmp_path)
    copy(move, DATABASE, source, target)
    verify(move, DATABASE, source, target)
    cutover(move, DATABASE, source, target)
    servers[0].sql("SELECT nextval('called')")  # a superuser gets in still
    said = str(refusal(retire, move, DATABASE, source, KEPT))
    assert "public.called was 6, is 11" in said
    assert "retired" not in steps(move)


def test_closing_a_database_without_settings_is_no_write(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    source, target = sites(servers)
    servers[0].sql("CREATE DATABASE registry", "postgres")
    servers[0].sql("CREATE TABLE t AS SELECT 1 AS a")
    move = moving(tmp_path)
    copy(move, DATABASE, source, target)
    verify(move, DATABASE, source, target)
    cutover(move, DATABASE, source, target)
    servers[0].sql("CREATE TABLE elsewhere ()", "postgres")  # the log is not where it stood: all is read anew
    retire(move, DATABASE, source, KEPT)
    assert move.standing(DATABASE).state == "retired"
    servers[0].sql("DROP TABLE elsewhere", "postgres")


def test_a_rollback_opens_the_source_and_loses_nothing_unasked(
    servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=50)
    move = moving(tmp_path)
    copy(move, DATABASE, source, target)
    verify(move, DATABASE, source, target)
    cutover(move, DATABASE, source, target)
    servers[1].sql("INSERT INTO no_key VALUES ('new life', 1)")
    assert "written at the target since" in str(refusal(rollback, move, DATABASE, source, target))
    rollback(move, DATABASE, source, target, lose_writes=True)
    assert move.standing(DATABASE).state == "rolled back"
    psycopg.connect(source.postgres.dsn("registry"), user="registrar").close()  # type: ignore[union-attr]
    assert copy(move, DATABASE, source, target).state == "copied"
    assert verify(move, DATABASE, source, target)[0].equal


def test_a_database_that_is_not_ours_is_never_dropped(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=5)
    servers[1].sql("CREATE DATABASE registry", "postgres")
    servers[1].sql("CREATE TABLE precious AS SELECT 1 AS a")
    said = refusal(copy, moving(tmp_path), DATABASE, source, target)
    assert "which this move did not put there" in str(said)
    assert servers[1].sql("SELECT a FROM precious") == [(1,)]
    assert steps(moving(tmp_path)) == []


def test_an_empty_database_goes_where_this_move_brought_the_target_up_and_nowhere_else(
    servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=5)
    servers[1].sql("CREATE DATABASE registry", "postgres")
    move = moving(tmp_path)
    assert "did not put there" in str(refusal(copy, move, DATABASE, source, target))
    move.ledger.append("target up", asset=DATABASE.id, details={"stack": "targets/trial", "target": "incountry"})
    servers[1].sql("CREATE SCHEMA precious")
    assert "did not put there" in str(refusal(copy, move, DATABASE, source, target))
    servers[1].sql("DROP SCHEMA precious")
    assert copy(move, DATABASE, source, target).state == "copied"


def test_a_role_that_is_there_already_is_left_alone_and_named(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=5)
    servers[1].sql("CREATE ROLE auditor NOLOGIN", "postgres")
    move = moving(tmp_path)
    copy(move, DATABASE, source, target)
    parity, _ = verify(move, DATABASE, source, target)
    said = "\n".join(map(str, parity.differences))
    assert "auditor: may do or belongs to something else" in said
    assert not parity.equal


def test_no_password_hash_stands_in_ledger_evidence_or_dump(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=5)
    move = moving(tmp_path)
    copy(move, DATABASE, source, target)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert b"SCRAM-SHA-256" not in file.read_bytes(), file
    verify(move, DATABASE, source, target)
    assert not any(b"SCRAM-SHA-256" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_one_flipped_byte_in_a_staged_dump_is_found(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    from migration.postgres.moving import copy_content, copy_roles

    source, target = servers[0].server, servers[1].server
    servers[0].fill(rows=100)
    copy_roles(source, target)
    kept = tmp_path / "dump"
    copy_content(source, target, "registry", kept)
    assert kept.read_bytes().count(b"Citizen 42\t") == 1
    kept.write_bytes(kept.read_bytes().replace(b"Citizen 42\t", b"Citizen 43\t"))
    copy_content(source, target, "registry", kept)
    move = moving(tmp_path)
    move.ledger.append("copy started", asset=DATABASE.id, details={"target": "incountry"})
    move.ledger.append("copied", asset=DATABASE.id)
    parity, _ = verify(move, DATABASE, *sites(servers))
    assert "public.citizens id=42: a row differs in name, name_upper" in "\n".join(map(str, parity.differences))


def test_one_flipped_byte_in_transfer_is_found_and_mended(
    servers: tuple[Cluster, Cluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=100)
    move, tell, flipped = moving(tmp_path), streaming._Carrier._tell, b"Citizen 43\t"

    def told(carrier: streaming._Carrier, block: bytes) -> None:
        tell(carrier, block.replace(b"Citizen 42\t", flipped))

    monkeypatch.setattr(streaming._Carrier, "_tell", told)
    copy(move, DATABASE, source, target)
    parity, _ = verify(move, DATABASE, source, target)
    assert "public.citizens id=42: a row differs in name, name_upper" in "\n".join(map(str, parity.differences))
    monkeypatch.undo()
    copy(move, DATABASE, source, target)
    assert verify(move, DATABASE, source, target)[0].differences == ()


@pytest.mark.skipif(os.getuid() != 0, reason="not root: no small disk can be mounted")
def test_a_full_disk_here_is_told(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=2000)
    move = moving(tmp_path)
    move.staging.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "small", move.staging]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        assert "the disk here is full, where dumps are staged" in str(refusal(copy, move, DATABASE, source, target))
    finally:
        subprocess.run(["umount", move.staging], check=True)
    assert copy(move, DATABASE, source, target).state == "copied"
    assert verify(move, DATABASE, source, target)[0].differences == ()


def killed_at(
    folder: Path, asset: str, ends: tuple[dict[str, object], ...], phase: str, limit: int, method: str = "dump"
) -> None:
    """Start a copy and kill it, as -9 does, once it is in a phase."""
    argv = [
        sys.executable,
        "-m",
        "tests.migration.driver",
        str(folder),
        asset,
        *map(json.dumps, ends),
        str(limit),
        method,
    ]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if phase in line and " 0.0 MiB," not in line:
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("phase", ["copying", "indexing"])
def test_a_run_that_was_killed_goes_on_from_its_last_whole_step(
    phase: str, servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=10_000)
    ends = tuple({"name": each.server.name, "parameters": dict(each.server.parameters)} for each in servers)
    killed_at(tmp_path, DATABASE.id, ends, phase, 1 << 20)
    move = moving(tmp_path)
    assert move.standing(DATABASE).state == "copying"
    assert copy(move, DATABASE, source, target).state == "copied"
    assert steps(move).count("copy started") == 1
    assert steps(move).count("dumped") == 1
    assert verify(move, DATABASE, source, target)[0].differences == ()
    assert not any((tmp_path / "staging").iterdir())


def test_a_killed_copy_of_files_goes_on(tmp_path: Path) -> None:
    origin = make_tree(tmp_path / "origin", 200)
    (origin / "more").write_bytes(os.urandom(8 << 20))
    asset = Asset(f"onprem/files{origin}", "files", "onprem", str(origin))
    # both sides are this machine here: the same path would be the same folder
    source, target = Site(Reach("onprem")), Site(_Elsewhere("incountry", str(tmp_path / "root")))
    move = moving(tmp_path / "move")
    move.ledger.append("copy started", asset=asset.id, details={"target": "incountry"})
    argv = [sys.executable, "-c", _KILLED.format(root=str(ROOT), origin=str(origin), there=str(tmp_path / "root"))]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if int(line) > 2 << 20:
                process.kill()
                break
    assert copy(move, asset, source, target).state == "copied"
    parity, _ = verify(move, asset, source, target)
    assert parity.differences == ()
    (origin / "more").write_bytes(b"written late")
    assert "written at the source" in str(refusal(cutover, move, asset, source, target))


_KILLED = """
import sys
import tempfile
sys.path.insert(0, {root!r})
from migration.files.moving import move_tree
from migration.reach import Reach
from tests.migration.test_steps import _Elsewhere
move_tree(Reach("onprem"), {origin!r}, _Elsewhere("incountry", {there!r}), {origin!r}, limit_kib_s=2048,
          progress=lambda moved: print(moved, flush=True))
"""


class _Elsewhere(Reach):
    """Another machine, played by a folder of this one: every path that is told to it lies below that folder."""

    __slots__ = ("root",)

    def __init__(self, name: str, root: str) -> None:
        super().__init__(name)
        object.__setattr__(self, "root", root)

    def argv(self, command):  # type: ignore[no-untyped-def]
        at = 4 if command[3:4] == ["sh"] and len(command) == 5 else -1
        words = list(command)
        if words[:2] == ["sh", "-c"] and len(words) > 5:
            words[5] = self.root + words[5]
        else:
            words[at] = self.root + words[at]
        return words


def test_the_rate_of_a_copy_is_told() -> None:
    assert str(Rate("h/files/x", "copying", 3 << 20, 2.0)) == "h/files/x: copying, 3.0 MiB, 1.5 MiB/s"


def test_a_prepared_transaction_keeps_a_source_open(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=5)
    move = moving(tmp_path)
    copy(move, DATABASE, source, target)
    verify(move, DATABASE, source, target)
    servers[0].sql("BEGIN; INSERT INTO no_key VALUES ('late', 1); PREPARE TRANSACTION 'late'")
    try:
        assert "prepared transactions" in str(refusal(cutover, move, DATABASE, source, target))
        psycopg.connect(source.postgres.dsn("registry"), user="registrar").close()  # type: ignore[union-attr]
    finally:
        servers[0].sql("ROLLBACK PREPARED 'late'")


@pytest.mark.skipif(os.getuid() != 0, reason="not root: no small disk can be mounted")
def test_a_full_disk_at_the_target_is_told_and_nothing_is_lost(
    servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    source, target = sites(servers)
    servers[0].fill(rows=40_000)
    disk = Path(tempfile.mkdtemp(prefix="onshore-small-disk-"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0777", "small", disk], check=False).returncode:
        disk.rmdir()
        pytest.skip("no small disk can be mounted here")
    move = moving(tmp_path)
    try:
        shutil.chown(disk, "postgres")
        servers[1].sql(f"CREATE TABLESPACE small LOCATION '{disk}'", "postgres")
        servers[1].sql("ALTER DATABASE template0 SET TABLESPACE small", "postgres")  # what new databases are made from
        said = refusal(copy, move, DATABASE, source, target)
        assert "the disk there is full" in str(said)
        assert said.faults[0].where == "incountry"
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        assert copy(move, DATABASE, source, target).state == "copied"
        assert steps(move).count("dumped") == 1
        assert verify(move, DATABASE, source, target)[0].differences == ()
    finally:
        servers[1].wipe()
        servers[1].sql("ALTER DATABASE template0 SET TABLESPACE pg_default", "postgres")
        servers[1].sql("DROP TABLESPACE IF EXISTS small", "postgres")
        subprocess.run(["umount", disk], check=True)
        disk.rmdir()
