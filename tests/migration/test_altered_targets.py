"""A target that is not what its evidence says is never cut over; one that is used, read or tidied up still is."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from migration.discovery import Asset
from migration.proof import evidence_of, held_at_target
from migration.reach import Reach
from migration.steps import Site, check_current, copy, cutover, retire, rollback, verify
from tests.migration.odd_tree import make_tree
from tests.migration.test_steps import DATABASE, KEPT, _Elsewhere, moving, refusal, sites, steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from migration.steps import Move
    from tests.migration.postgres_servers import Cluster

ALTERED = {
    "rows deleted": ("DELETE FROM no_key WHERE word IS NULL", "public.no_key was 55 rows"),
    "a value changed": ("UPDATE citizens SET name = 'other' WHERE id = 7", "public.citizens was 50 rows"),
    "a table dropped": ("DROP TABLE no_key CASCADE", "public.no_key was 55 rows"),
    "a table made": ("CREATE TABLE more (a int)", "public.more was not there"),
    "a sequence moved": ("SELECT setval('called', 1)", "public.called was"),
    "a large object dropped": ("SELECT lo_unlink(900002)", "900002 was"),
    "rows of an unlogged table": ("DELETE FROM scratch", "public.scratch was"),
    "a right given": ("GRANT DELETE ON no_key TO PUBLIC", "definitions was"),
}  # fmt: skip


def verified(servers: tuple[Cluster, Cluster], folder: Path) -> tuple[Move, Site, Site]:
    source, target = sites(servers)
    servers[0].fill(rows=50)
    move = moving(folder)
    copy(move, DATABASE, source, target)
    assert verify(move, DATABASE, source, target)[0].differences == ()
    return move, source, target


@pytest.mark.parametrize("what", ALTERED)
def test_a_database_that_was_altered_at_the_target_is_not_cut_over(
    what: str, servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    move, source, target = verified(servers, tmp_path)
    text, says = ALTERED[what]
    servers[1].sql(text)
    said = refusal(cutover, move, DATABASE, source, target)
    assert said.refused
    assert says in str(said)
    assert "altered at the target after the evidence was taken" in str(said)
    assert "verify it again" in str(said)
    assert not {"closing", "cutover"} & set(steps(move)), "nothing was closed"
    psycopg.connect(source.postgres.dsn("registry"), user="registrar").close()  # type: ignore[union-attr]
    assert "not cut over" in str(refusal(retire, move, DATABASE, source, KEPT))


def test_a_database_that_is_gone_from_the_target_is_not_cut_over(
    servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    move, source, target = verified(servers, tmp_path)
    servers[1].sql("DROP DATABASE registry", "postgres")
    said = refusal(cutover, move, DATABASE, source, target)
    assert said.refused
    assert "database registry is there no more" in str(said)
    assert copy(move, DATABASE, source, target).state == "copied"
    assert verify(move, DATABASE, source, target)[0].equal
    cutover(move, DATABASE, source, target)


def test_a_target_that_is_only_read_tidied_up_or_set_right_again_is_cut_over_and_retired(
    servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    move, source, target = verified(servers, tmp_path)
    servers[1].sql("VACUUM FULL no_key", "registry")
    servers[1].sql("ANALYZE; REINDEX TABLE citizens; CREATE TABLE passing AS SELECT 1 AS a; DROP TABLE passing")
    servers[1].sql(
        "UPDATE citizens SET name = 'other' WHERE id = 7; UPDATE citizens SET name = 'Citizen 7' WHERE id = 7"
    )
    cutover(move, DATABASE, source, target)
    digest = held_at_target(evidence_of(move, DATABASE, move.standing(DATABASE)))
    assert move.ledger.entries()[-1].details == {"target": digest}
    assert move.standing(DATABASE).held == digest
    servers[1].sql("DELETE FROM no_key")  # the target is in use
    retire(move, DATABASE, source, KEPT)


def test_columns_in_another_order_at_the_target_are_no_alteration(
    servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    source, target = sites(servers)
    servers[0].sql("CREATE DATABASE registry", "postgres")
    servers[0].sql("CREATE TABLE one (z int); CREATE TABLE two (b int) INHERITS (one); ALTER TABLE one ADD a text")
    servers[0].sql("INSERT INTO two (z, b, a) VALUES (1, 2, 'three')")
    move = moving(tmp_path)
    copy(move, DATABASE, source, target)
    verify(move, DATABASE, source, target)
    order = "SELECT attname FROM pg_attribute WHERE attrelid = 'two'::regclass AND attnum > 0 ORDER BY attnum"
    assert servers[0].sql(order) != servers[1].sql(order)
    cutover(move, DATABASE, source, target)
    rollback(move, DATABASE, source, target)


def test_a_cutover_that_was_cut_off_looks_at_the_target_again(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    move, source, target = verified(servers, tmp_path)
    move.ledger.append("closing", asset=DATABASE.id, details={"limit_before": -1})
    servers[0].sql("ALTER DATABASE registry CONNECTION LIMIT 0", "postgres")
    servers[1].sql("DELETE FROM no_key")
    assert "public.no_key was" in str(refusal(cutover, move, DATABASE, source, target))
    psycopg.connect(source.postgres.dsn("registry"), user="registrar").close()  # type: ignore[union-attr]
    assert steps(move)[-1] == "reopened"


def test_what_was_cut_over_unseen_is_not_retired(servers: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    move, source, _ = verified(servers, tmp_path)
    move.ledger.append("cutover", asset=DATABASE.id, evidence=move.standing(DATABASE).evidence)
    said = refusal(retire, move, DATABASE, source, KEPT)
    assert said.refused
    assert "its cutover did not find at the target what the evidence says" in str(said)


def flip(path: Path) -> None:
    """One bit of a file, its times as they were."""
    before = path.stat()
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


FILES: dict[str, Callable[[Path], object]] = {
    "a file removed": lambda tree: (tree / "big").unlink(),
    "one bit flipped, the time as before": lambda tree: flip(tree / "big"),
    "a file put there": lambda tree: (tree / "more").touch(),
    "another mode": lambda tree: (tree / "big").chmod(0o666),
    "all of it gone": shutil.rmtree,
}


@pytest.mark.parametrize("step", [check_current, cutover])
@pytest.mark.parametrize("what", FILES)
def test_a_tree_that_was_altered_at_the_target_is_not_cut_over(
    what: str, step: Callable[..., None], tmp_path: Path
) -> None:
    origin = make_tree(tmp_path / "origin", 20)
    (origin / "big").write_bytes(os.urandom(1 << 20))
    asset = Asset(f"onprem/files{origin}", "files", "onprem", str(origin))
    source, target = Site(Reach("onprem")), Site(_Elsewhere("incountry", str(tmp_path / "root")))
    move = moving(tmp_path / "move")
    move.ledger.append("copy started", asset=asset.id, details={"target": "incountry"})
    copy(move, asset, source, target)
    assert verify(move, asset, source, target)[0].equal
    check_current(move, asset, source, target)
    FILES[what](tmp_path / "root" / origin.relative_to("/"))
    said = refusal(step, move, asset, source, target)
    assert said.refused
    assert said.faults[0].where == asset.id
    assert "altered at the target after the evidence was taken" in str(said)
    assert steps(move)[-1] == "outdated"
    assert not verify(move, asset, source, target)[0].equal
    copy(move, asset, source, target)
    assert verify(move, asset, source, target)[0].equal
    cutover(move, asset, source, target)
