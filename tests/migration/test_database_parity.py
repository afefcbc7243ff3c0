"""Parity of databases on two real servers: a faithful copy is equal, and every single change is found and named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inventories import OnshoreError
from migration.evidence import read_evidence, write_evidence
from migration.postgres.parity import database_parity, written_since
from migration.postgres.schema import split_definitions
from migration.postgres.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from migration.evidence import Parity
    from tests.migration.postgres_servers import Cluster

_SETTINGS = """
ALTER DATABASE registry SET work_mem = '8MB';
GRANT CONNECT ON DATABASE registry TO auditor;
ALTER ROLE registrar IN DATABASE registry SET work_mem = '16MB'"""


@pytest.fixture(scope="module")
def pair(two_servers: tuple[Cluster, Cluster]) -> Iterator[tuple[Cluster, Cluster]]:
    """A filled source, and a target with a faithful copy that can be made anew quickly."""
    source, target = two_servers
    source.fill()
    source.copy_to(target)
    target.sql("CREATE DATABASE faithful TEMPLATE registry", "postgres")
    yield source, target
    for cluster in two_servers:
        cluster.wipe()


@pytest.fixture
def copied(pair: tuple[Cluster, Cluster]) -> tuple[Cluster, Cluster]:
    """The pair with a fresh copy at the target."""
    _, target = pair
    target.sql("DROP DATABASE IF EXISTS registry WITH (FORCE)", "postgres")
    target.sql("CREATE DATABASE registry TEMPLATE faithful", "postgres")
    target.sql(_SETTINGS, "postgres")
    return pair


def parity(pair: tuple[Cluster, Cluster]) -> Parity:
    return database_parity(pair[0].server, pair[1].server, "registry", jobs=2)


def test_a_faithful_copy_is_equal_and_says_what_was_compared(copied: tuple[Cluster, Cluster]) -> None:
    found = parity(copied)
    assert found.differences == ()
    assert found.equal
    kinds = {part.kind for part in found.parts}
    assert kinds == {"table", "materialised view", "sequence", "large object", "schema"}
    rows = {part.name: part.rows for part in found.parts}
    assert rows["public.citizens"] == 500
    assert rows["public.events_2025_north"] > 0
    assert "public.events" not in rows  # the parent of partitions has no rows of its own
    assert found.source["server"] == "onprem"
    assert found.target["system"] != found.source["system"]


def test_the_order_of_rows_makes_no_difference(copied: tuple[Cluster, Cluster]) -> None:
    copied[1].sql("SET session_replication_role = replica; UPDATE citizens SET note = note WHERE id % 3 = 0")
    copied[1].sql("CREATE TEMP TABLE t AS SELECT * FROM no_key ORDER BY random(); TRUNCATE no_key;"
                  " INSERT INTO no_key SELECT * FROM t")  # fmt: skip
    assert parity(copied).differences == ()


_ROW = "SET session_replication_role = replica; UPDATE citizens SET "

# what somebody did at the target, and what every found difference must say together; `undo` where roles are changed
CHANGES: dict[str, tuple[str, list[str]]] = {
    "one byte flipped": (
        f"{_ROW} photo = set_byte(photo, 3, get_byte(photo, 3) # 1) WHERE id = 42",
        ["public.citizens id=42: a row differs in photo (source: sha256"],
    ),
    "NULL became empty": (f"{_ROW} note = '' WHERE id = 3", ["public.citizens id=3: a row differs in note"]),
    "empty became NULL": (f"{_ROW} note = NULL WHERE id = 4", ["public.citizens id=4: a row differs in note"]),
    "numeric scale": (f"{_ROW} balance = balance + 0.0001 WHERE id = 5", ["id=5: a row differs in balance"]),
    "minus zero": (f"{_ROW} weight = 0 WHERE id = 6", ["id=6: a row differs in weight"]),
    "last digit of a double": (f"{_ROW} weight = 0.1::float8 + 1e-17 * 2 WHERE id = 7", ["id=7: a row differs in"]),
    "jsonb": (f"{_ROW} facts = facts || '{{\"i\": 0}}' WHERE id = 8", ["id=8: a row differs in facts"]),
    "json text": (f"{_ROW} raw = '{{\"b\":1,\"a\":2,\"b\":3}}' WHERE id = 9", ["id=9: a row differs in raw"]),
    "an element of an array": (f"{_ROW} tags[2] = 'NULL' WHERE id = 11", ["id=11: a row differs in tags"]),
    "bounds of an array": (f"{_ROW} matrix = '{{{{1,2}},{{3,4}}}}' WHERE id = 12", ["id=12: a row differs in matrix"]),
    "a microsecond": (f"{_ROW} seen = seen + interval '1 us' WHERE id = 13", ["id=13: a row differs in seen"]),
    "an enum": (f"{_ROW} state = 'جدید' WHERE id = 14", ["id=14: a row differs in state", "public.per_state"][:1]),
    "one generated value's source": (f"{_ROW} name = 'x' WHERE id = 15", ["id=15: a row differs in name, name_upper"]),
    "a part of a composite": (f"{_ROW} lives_at.number = 0 WHERE id = 16", ["id=16: a row differs in lives_at"]),
    "a bound of a range": (f"{_ROW} valid = tstzrange(lower(valid), NULL, '()') WHERE id = 17", ["differs in valid"]),
    "money": (f"{_ROW} paid = paid + 0.01::money WHERE id = 18", ["id=18: a row differs in paid"]),
    "bits": (f"{_ROW} bits = B'0' WHERE id = 1", ["id=1: a row differs in bits"]),
    "hstore": (f"{_ROW} pairs = hstore('k', '') WHERE id = 20", ["id=20: a row differs in pairs"]),
    "a row lost": ("DELETE FROM citizens WHERE id = 21", ["public.citizens id=21: a row is missing at the target"]),
    "a row too many": (
        "INSERT INTO citizens (name) VALUES ('new')",
        ["a row at the target is not at the source", "public.citizens_id_seq: differs (source: 500, target: 501)"],
    ),
    "rows lost without a key": (
        "DELETE FROM no_key WHERE ctid IN (SELECT ctid FROM no_key WHERE word IS NULL LIMIT 1)",
        ["public.no_key row sha256", "(source: 2 times, target: 1 times)"],
    ),
    "a pair of twins lost": ("DELETE FROM no_key WHERE word IS NULL", ["(source: 2 times, target: 0 times)"]),
    "scale without a key": ("UPDATE no_key SET amount = 1.0 WHERE amount::text = '1.00'", ["source: 1 times, target"]),
    "the name of an odd table": (
        'UPDATE "Odd ""name""; --" SET "SELECT" = 3 WHERE "a column" = \'y\'\'s\'',
        ['public.Odd "name"; -- a column=y\'s: a row differs in SELECT'],
    ),
    "a row of a partition": ("DELETE FROM events WHERE at = '2025-06-02Z'", ["events_2025", "region=south: a row is"]),
    "a row of an heir": ("UPDATE child SET extra = 'f'", ["public.child row sha256"]),
    "a row of a table without columns": ("DELETE FROM nothing_in_it", ["public.nothing_in_it"]),
    "an unlogged table emptied": ("TRUNCATE scratch", ["public.scratch row sha256"]),
    "a partition detached": ("ALTER TABLE events DETACH PARTITION events_later", ["events_later: missing"]),
    "a table lost": ("DROP TABLE no_key", ["public.no_key: missing at the target", "TABLE public.no_key: missing"]),
    "a table too many": ("CREATE TABLE more ()", ["public.more: at the target, but not at the source"]),
    "a column too many": ("ALTER TABLE no_key ADD c int", ["public.no_key: has other columns", "word, amount, c"]),
    "a view stale": ("REFRESH MATERIALIZED VIEW per_state WITH NO DATA", ["per_state: a materialised view is"]),
    "a view filled": ("REFRESH MATERIALIZED VIEW never_filled", ["source: never filled, target: filled"]),
    "a sequence": ("SELECT setval('called', 6, false)", ["differs (source: 6, target: 6, not called yet)"]),
    "a byte of a large object": ("SELECT lo_put(900001, 2000000, '\\x01')", ["large object 900001: differs", "sha256"]),
    "a large object lost": ("SELECT lo_unlink(900002)", ["large object 900002: differs", "target: missing"]),
    "rights on a large object": ("REVOKE ALL ON LARGE OBJECT 900001 FROM readers", ["large object 900001: differs"]),
    "an index": ("DROP INDEX citizens_facts_idx", ["INDEX public.citizens_facts_idx: missing at the target"]),
    "a constraint": ("ALTER TABLE citizens DROP CONSTRAINT citizens_card_key", ["citizens citizens_card_key: missing"]),
    "a trigger disabled": ("ALTER TABLE citizens DISABLE TRIGGER stamp", ["TRIGGER public.citizens stamp: defined"]),
    "row security off": ("ALTER TABLE citizens DISABLE ROW LEVEL SECURITY", ["ROW SECURITY public.citizens: missing"]),
    "a policy": ("DROP POLICY own ON citizens", ["POLICY public.citizens own: missing at the target"]),
    "a function": (
        "CREATE OR REPLACE FUNCTION office.grow(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 2'",
        ["FUNCTION office.grow(integer): defined another way", "$1 + 1", "$1 + 2"],
    ),
    "a label of an enum": ("ALTER TYPE status ADD VALUE 'more'", ["TYPE public.status: defined another way"]),
    "a check": ("ALTER DOMAIN cnic DROP CONSTRAINT cnic_check", ["DOMAIN public.cnic: defined another way"]),
    "a comment": ("COMMENT ON TABLE citizens IS 'Real'", ["COMMENT public.TABLE citizens: defined another way"]),
    "an owner": ("ALTER TABLE events OWNER TO postgres", ["TABLE public.events: defined", "owner: registrar"]),
    "a grant": ("REVOKE SELECT ON citizens FROM readers", ["ACL public.TABLE citizens:"]),
    "a grant too many": ("GRANT DELETE ON citizens TO readers", ["ACL public.TABLE citizens:", "DELETE"]),
    "a grant on a column": ("REVOKE UPDATE (note) ON citizens FROM auditor", ["ACL public.COLUMN citizens.note:"]),
    "rights of tables to come": (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA office REVOKE SELECT ON TABLES FROM readers",
        ["DEFAULT ACL office.DEFAULT PRIVILEGES FOR TABLES: missing"],
    ),
    "a setting of the database": ("ALTER DATABASE registry RESET work_mem", ["DATABASE PROPERTIES registry"]),
    "a right on the database": ("REVOKE CONNECT ON DATABASE registry FROM auditor", ["ACL DATABASE registry:"]),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_is_found_and_named(what: str, copied: tuple[Cluster, Cluster]) -> None:
    statement, says = CHANGES[what]
    copied[1].sql(statement)
    found = parity(copied)
    assert not found.equal
    said = "\n".join(map(str, found.differences))
    missing = [words for words in says if words not in said]
    assert not missing, said


ROLES: dict[str, tuple[str, str, str]] = {
    "an attribute": ("ALTER ROLE auditor NOLOGIN", "ALTER ROLE auditor LOGIN", "auditor: may do or belongs to"),
    "a membership": ("REVOKE readers FROM auditor", "GRANT readers TO auditor WITH ADMIN OPTION", "auditor: may do"),
    "a setting": ("ALTER ROLE auditor RESET ALL", "ALTER ROLE auditor SET statement_timeout = '5s'", "auditor: may do"),
}


@pytest.mark.parametrize("what", ROLES)
def test_every_change_of_a_role_is_found_and_named(what: str, copied: tuple[Cluster, Cluster]) -> None:
    change, undo, says = ROLES[what]
    copied[1].sql(change)
    try:
        assert says in "\n".join(map(str, parity(copied).differences))
    finally:
        copied[1].sql(undo)


def test_another_password_is_found_and_neither_is_told(copied: tuple[Cluster, Cluster]) -> None:
    source, target = copied
    (kept,) = source.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'registrar'")
    target.sql("ALTER ROLE registrar PASSWORD 'another'")
    try:
        said = "\n".join(map(str, parity(copied).differences))
    finally:
        target.sql(f"ALTER ROLE registrar PASSWORD '{kept[0]}'")
    assert said == "registrar: another password"


def test_no_value_of_a_row_stands_in_the_evidence(copied: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    copied[1].sql(f"{_ROW} name = 'Somebody Secret', note = 'Something Secret' WHERE id = 1")
    path, _ = write_evidence(tmp_path, "h/database/registry", parity(copied))
    assert "Secret" not in path.read_text()
    assert "SCRAM" not in path.read_text()


def test_many_differing_rows_are_named_up_to_a_limit(copied: tuple[Cluster, Cluster]) -> None:
    copied[1].sql(f"{_ROW} note = 'other'")
    rows = [each for each in parity(copied).differences if each.kind == "row"]
    assert len(rows) == 101
    assert "more rows differ" in rows[-1].what


def test_a_materialised_view_that_was_out_of_date_is_told_and_is_no_loss(copied: tuple[Cluster, Cluster]) -> None:
    _, target = copied
    (before,) = target.sql("SELECT sum(many) FROM per_state")
    for cluster in copied:
        cluster.sql("INSERT INTO citizens (id, name, state) OVERRIDING SYSTEM VALUE VALUES (900, 'new', 'new')")
    try:
        target.sql("REFRESH MATERIALIZED VIEW per_state")
        assert target.sql("SELECT sum(many) FROM per_state") != [before]
        found = parity(copied)
        assert found.differences == ()
        assert found.left_out == ("public.per_state: out of date at the source, computed anew at the target",)
        target.sql("DELETE FROM citizens WHERE id = 900; REFRESH MATERIALIZED VIEW per_state")
        assert "public.citizens id=900: a row is missing" in "\n".join(map(str, parity(copied).differences))
    finally:
        copied[0].sql("DELETE FROM citizens WHERE id = 900")


def test_a_key_of_several_columns_names_a_row(copied: tuple[Cluster, Cluster]) -> None:
    copied[1].sql("UPDATE events_later SET what = NULL WHERE at = (SELECT min(at) FROM events_later)")
    (row,) = [each for each in parity(copied).differences if each.kind == "row"]
    assert row.where.startswith("public.events_later at=20")
    assert ", region=" in row.where


def test_a_write_after_the_evidence_is_noticed_and_no_write_is_not(copied: tuple[Cluster, Cluster]) -> None:
    source, _ = copied
    found = parity(copied)
    assert written_since(source.server, "registry", found) == ()
    source.sql("CREATE TABLE IF NOT EXISTS elsewhere ()", "postgres")  # the log grew, this database did not
    assert written_since(source.server, "registry", found) == ()
    source.sql("INSERT INTO no_key VALUES ('late', 1)")
    try:
        (line,) = written_since(source.server, "registry", found)
        assert line.startswith("public.no_key was 505 rows")
        assert "is 506 rows" in line
    finally:
        source.sql("DELETE FROM no_key WHERE word = 'late'")
    source.sql("DROP TABLE elsewhere", "postgres")
    assert written_since(source.server, "registry", found) == ()


def test_evidence_is_kept_and_an_altered_one_is_refused(copied: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    found = parity(copied)
    path, digest = write_evidence(tmp_path, "h/database/registry", found)
    assert read_evidence(tmp_path, digest) == ("h/database/registry", found)
    path.write_bytes(path.read_bytes().replace(b'"equal": true', b'"equal":  true'))
    with pytest.raises(OnshoreError, match="altered"):
        read_evidence(tmp_path, digest)
    path.unlink()
    with pytest.raises(OnshoreError, match="cannot be read"):
        read_evidence(tmp_path, digest)


def test_a_server_or_database_that_is_not_there_is_a_fault_in_words(pair: tuple[Cluster, Cluster]) -> None:
    source, target = pair
    nowhere = Server("nowhere", {"host": "/nonexistent", "user": "postgres"})
    with pytest.raises(OnshoreError, match="nowhere cannot be used"):
        database_parity(nowhere, target.server, "registry")
    with pytest.raises(OnshoreError, match="no_such"):
        database_parity(source.server, target.server, "no_such")


def test_a_table_that_may_not_be_read_is_a_fault_and_not_equal(copied: tuple[Cluster, Cluster]) -> None:
    source, target = copied
    weak = Server("onprem", {**source.server.parameters, "user": "auditor"})
    with pytest.raises(OnshoreError, match="permission denied"):
        database_parity(weak, target.server, "registry", jobs=1)


def test_rights_in_another_order_are_the_same() -> None:
    head = "--\n-- Name: TABLE t; Type: ACL; Schema: public; Owner: postgres\n--\n"
    one, other = (
        split_definitions(head + "\n".join(lines)) for lines in (("GRANT A;", "GRANT B;"), ("GRANT B;", "GRANT A;"))
    )
    assert one == other == {"ACL public.TABLE t": "GRANT A;\nGRANT B;\nowner: postgres"}
