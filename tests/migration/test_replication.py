"""A database that is written to while it moves: whole when it is cut over, and no slot left behind, however it ends."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from inventories import OnshoreError
from migration.postgres import replication
from migration.postgres.replication import name_for
from migration.steps import copy, cutover, retire, rollback, verify
from tests.migration.test_steps import DATABASE, KEPT, killed_at, moving, refusal, sites, steps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.migration.postgres_servers import Cluster

NAME = name_for(DATABASE.id)
KEYED = "ALTER TABLE no_key REPLICA IDENTITY FULL; ALTER TABLE child REPLICA IDENTITY FULL"
SLOTS = "SELECT slot_name::text FROM pg_replication_slots"

TORN = "UPDATE pg_subscription_rel SET srsubstate = 'f', srsublsn = NULL WHERE srrelid = 'citizens'::regclass"
"""What a cut at the worst moment leaves: a table that was copied, without the slot by which it would go on."""


@pytest.fixture
def pair(servers: tuple[Cluster, Cluster]) -> Iterator[tuple[Cluster, Cluster]]:
    """Both servers, the first one with a database that can be replicated; what replication leaves fails the test."""
    source, target = servers
    source.fill(rows=200)
    source.sql(KEYED)
    yield servers
    left = [source.sql(SLOTS, "postgres"), source.sql("SELECT pubname FROM pg_publication")]
    left.append(target.sql("SELECT subname FROM pg_subscription", "postgres"))
    if target.server.has("registry"):
        replication.end(source.server, target.server, "registry", NAME)
    for (slot,) in source.sql(SLOTS, "postgres"):
        source.sql(f"SELECT pg_drop_replication_slot('{slot}')", "postgres")
    assert left == [[], [], []]


def disabled(target: Cluster) -> None:
    """Its workers are told to end, and have ended."""
    target.sql(f"ALTER SUBSCRIPTION {NAME} DISABLE")
    while target.sql("SELECT 1 FROM pg_stat_subscription WHERE pid IS NOT NULL"):
        time.sleep(0.05)


def test_a_database_that_is_written_to_is_replicated_cut_over_and_retired(
    pair: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    (source, target), move = sites(pair), moving(tmp_path)
    assert copy(move, DATABASE, source, target, method="replication").state == "copied"
    assert verify(move, DATABASE, source, target)[0].differences == ()
    pair[0].sql(
        "INSERT INTO citizens (name) VALUES ('late'); DELETE FROM no_key WHERE word IS NULL; UPDATE child SET v = 'n'"
    )
    pair[0].sql("SELECT nextval('called'), lo_from_bytea(900003, 'late'), lo_unlink(900002)")
    pair[0].sql(
        "INSERT INTO scratch VALUES (2); INSERT INTO nothing_in_it DEFAULT VALUES; REFRESH MATERIALIZED VIEW per_state"
    )
    cutover(move, DATABASE, source, target)
    with pytest.raises(psycopg.OperationalError, match="too many connections"):
        psycopg.connect(source.postgres.dsn("registry"), user="registrar")  # type: ignore[union-attr]
    assert pair[1].sql("SELECT count(*) FROM citizens WHERE name = 'late'") == [(1,)]
    assert pair[1].sql("SELECT nextval('called')") == [(16,)]
    pair[1].sql("SELECT setval('called', 11)")
    assert steps(move) == [
        "copy started", "roles copied", "replication begun", "copied", "verified", "closing", "verified",
        "replication ended", "cutover",
    ]  # fmt: skip
    retire(move, DATABASE, source, KEPT)
    assert move.standing(DATABASE).state == "retired"


def test_another_run_catches_up_and_writes_meanwhile_lose_nothing(
    pair: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    (source, target), move, stop = sites(pair), moving(tmp_path), threading.Event()

    def write() -> None:
        while not stop.wait(0.05):
            pair[0].sql("INSERT INTO citizens (name) VALUES ('meanwhile'); UPDATE parent SET v = v || '.' WHERE id = 1")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copy(move, DATABASE, source, target, method="replication")
        copy(move, DATABASE, source, target, method="replication")
    finally:
        stop.set()
        writer.join()
    verify(move, DATABASE, source, target)
    cutover(move, DATABASE, source, target)
    both = [each.sql("SELECT count(*) FROM citizens WHERE name = 'meanwhile'") for each in pair]
    assert both[0] == both[1] != [(0,)]


@pytest.mark.parametrize("phase", ["tables to go", "MiB behind"])
def test_a_replication_that_was_killed_goes_on(phase: str, pair: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    (source, target), move = sites(pair), moving(tmp_path)
    ends = tuple({"name": each.server.name, "parameters": dict(each.server.parameters)} for each in pair)
    killed_at(tmp_path, DATABASE.id, ends, phase, 0, "replication")
    assert move.standing(DATABASE).state == "copying"
    pair[0].sql("INSERT INTO citizens (name) VALUES ('while nobody looked')")
    assert copy(move, DATABASE, source, target, method="replication").state == "copied"
    assert steps(move).count("replication begun") == 1
    assert verify(move, DATABASE, source, target)[0].differences == ()
    rollback(move, DATABASE, source, target)


def test_a_replication_that_a_cut_has_torn_is_begun_anew(pair: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    (source, target), move = sites(pair), moving(tmp_path)
    ends = tuple({"name": each.server.name, "parameters": dict(each.server.parameters)} for each in pair)
    killed_at(tmp_path, DATABASE.id, ends, "MiB behind", 0, "replication")
    disabled(pair[1])
    pair[1].sql(TORN)
    replication.drop_slots(pair[0].server, "registry", "", "^pg_[0-9]+_sync_")  # of the table, if it was not done
    pair[1].sql(f"ALTER SUBSCRIPTION {NAME} ENABLE")
    assert copy(move, DATABASE, source, target, method="replication").state == "copied"
    assert steps(move).count("replication begun") == 2
    assert verify(move, DATABASE, source, target)[0].equal
    rollback(move, DATABASE, source, target)


@pytest.mark.parametrize("lost", ["slot", "subscription", "slot of a table"])
def test_one_end_that_is_gone_is_named_and_made_anew(lost: str, pair: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    (source, target), move = sites(pair), moving(tmp_path)
    copy(move, DATABASE, source, target, method="replication")
    disabled(pair[1])
    if lost == "slot of a table":
        pair[1].sql(TORN)
    elif lost == "slot":
        replication.drop_slots(pair[0].server, "registry", NAME, "^$")
    else:
        pair[1].sql(f"ALTER SUBSCRIPTION {NAME} SET (slot_name = NONE); DROP SUBSCRIPTION {NAME}")
    said = refusal(verify, move, DATABASE, source, target)
    assert "gone" in str(said) or "does not exist" in str(said)
    assert copy(move, DATABASE, source, target, method="replication", again=True).state == "copied"
    assert verify(move, DATABASE, source, target)[0].equal
    rollback(move, DATABASE, source, target)
    assert move.standing(DATABASE).state == "rolled back"


def test_a_rollback_leaves_no_slot_publication_or_subscription(pair: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    (source, target), move = sites(pair), moving(tmp_path)
    copy(move, DATABASE, source, target, method="replication")
    assert pair[0].sql(SLOTS) == [(NAME,)]
    rollback(move, DATABASE, source, target)
    assert pair[0].sql(SLOTS) == []
    assert steps(move)[-2:] == ["replication ended", "rolled back"]
    assert copy(move, DATABASE, source, target).state == "copied"  # by dump, in place of what was replicated
    assert verify(move, DATABASE, source, target)[0].equal


def test_a_difference_at_the_closed_source_opens_it_again(pair: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    (source, target), move = sites(pair), moving(tmp_path)
    copy(move, DATABASE, source, target, method="replication")
    pair[1].sql("UPDATE citizens SET name = 'flipped' WHERE id = 7")
    said = refusal(cutover, move, DATABASE, source, target)
    assert "public.citizens id=7" in str(said)
    psycopg.connect(source.postgres.dsn("registry"), user="registrar").close()  # type: ignore[union-attr]
    assert steps(move)[-1] == "reopened"
    assert copy(move, DATABASE, source, target, method="replication", again=True).state == "copied"
    cutover(move, DATABASE, source, target)


def test_a_target_that_cannot_apply_is_told(pair: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    (source, target), move = sites(pair), moving(tmp_path)
    copy(move, DATABASE, source, target, method="replication")
    pair[1].sql("INSERT INTO empty_table VALUES ('00000000-0000-0000-0000-000000000001')")
    pair[0].sql("INSERT INTO empty_table VALUES ('00000000-0000-0000-0000-000000000001')")
    said = refusal(verify, move, DATABASE, source, target)
    assert "cannot apply what the source sends" in str(said)
    pair[1].sql("DELETE FROM empty_table")
    assert verify(move, DATABASE, source, target)[0].equal
    rollback(move, DATABASE, source, target)


def test_all_that_keeps_a_database_from_being_replicated_is_named_at_once(servers: tuple[Cluster, Cluster]) -> None:
    source, target = servers
    for each in servers:
        each.fill(rows=5)
    source.sql("CREATE TABLE odd (a json, b box[], c xml, d int); ALTER TABLE odd REPLICA IDENTITY FULL")
    source.sql("SELECT pg_create_logical_replication_slot('onshore_move_left', 'pgoutput')")
    with pytest.raises(OnshoreError) as error:
        replication.check_replicable(source.server, "registry", NAME)
    said = str(error.value)
    assert error.value.refused
    assert "no_key: has no primary key" in said
    assert "ALTER TABLE public.child REPLICA IDENTITY FULL" in said
    assert "public.odd: its rows have no key, and cannot be told apart by\n    got: a, b, c" in said
    assert "pg_drop_replication_slot('onshore_move_left')" in said
    assert "nothing_in_it" not in said
    assert "scratch" not in said
    source.sql(f"SELECT pg_drop_replication_slot('onshore_move_left'); DROP TABLE odd; {KEYED}")
    replication.check_replicable(source.server, "registry", NAME)
    with pytest.raises(OnshoreError, match="set wal_level = logical"):
        replication.check_replicable(target.server, "registry", NAME)


def test_what_cannot_be_replicated_is_refused_before_anything_is_done(
    servers: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    servers[0].fill(rows=5)
    said = refusal(copy, moving(tmp_path), DATABASE, *sites(servers), method="replication")
    assert said.refused
    assert "public.no_key" in str(said)
    assert steps(moving(tmp_path)) == []
    assert servers[1].sql("SELECT count(*) FROM pg_roles WHERE rolname = 'registrar'", "postgres") == [(0,)]


def test_what_changed_in_definitions_is_named_and_keeps_the_source_open(
    pair: tuple[Cluster, Cluster], tmp_path: Path
) -> None:
    (source, target), move = sites(pair), moving(tmp_path)
    copy(move, DATABASE, source, target, method="replication")
    pair[0].sql("CREATE TABLE made_late (id int PRIMARY KEY); INSERT INTO made_late VALUES (1)")
    said = refusal(cutover, move, DATABASE, source, target)
    assert "made_late" in str(said)
    psycopg.connect(source.postgres.dsn("registry"), user="registrar").close()  # type: ignore[union-attr]
    rollback(move, DATABASE, source, target)


def test_a_table_that_goes_on_drops_its_slot_before_it_says_so_and_is_not_torn(
    pair: tuple[Cluster, Cluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source, target), move, seen = sites(pair), moving(tmp_path), iter([{"pg_1_sync_1_1"}] * 3)
    monkeypatch.setattr(replication, "_slotless", lambda *_: next(seen, set()))
    assert copy(move, DATABASE, source, target, method="replication").state == "copied"
    assert steps(move).count("replication begun") == 1
    rollback(move, DATABASE, source, target)
