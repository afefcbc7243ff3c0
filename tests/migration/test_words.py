"""What a move says: how far it is where nobody looks on, how a failure ends, and one true way on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from cli import migrate_words
from cli.errors import FAILED, REFUSED, WRONG_INPUT, report
from inventories import OnshoreError
from migration.discovery import Asset
from migration.postgres.server import Server
from migration.postgres.streaming import failed
from migration.questionnaire import Answer, Wish, read_questionnaire
from migration.rates import Rate
from migration.reach import Reach
from migration.steps import Site, copy, rollback
from migration.targets import lawful_target
from tests.migration.forms import DISCOVERY, QUESTIONNAIRE
from tests.migration.test_planning import JUDGE, PROFILE
from tests.migration.test_steps import moving, refusal

if TYPE_CHECKING:
    from pathlib import Path

FILES = Asset("onprem/files/srv/portal", "files", "onprem", "/srv/portal")
SERVER, FAR = Server("incountry", {"host": "/nowhere"}), Reach("incountry", ("ssh", "host"))
FULL = b"write failed: No space left on device (28)"
ENDS = {
    "a connection that was lost": (FAR.failed("rsync", 255, b"Connection reset by peer"), FAILED),
    "a host with another key": (FAR.failed("rsync", 255, b"Host key verification failed."), REFUSED),
    "a full disk there": (FAR.failed("rsync", 11, FULL), FAILED),
    "a full disk below a database": (failed(SERVER, "pg_restore", FULL), FAILED),
    "a program that is missing": (FAR.failed("rsync", 127, b"sh: rsync: not found"), WRONG_INPUT),
    "a server that went away": (SERVER.refusal("cannot be read", "x", psycopg.OperationalError("closed")), FAILED),
    "a query that the server refuses": (SERVER.refusal("cannot be read", "x", psycopg.ProgrammingError("no")), 2),
}


@pytest.mark.parametrize("what", ENDS)
def test_what_breaks_off_on_the_way_is_no_wrong_input(what: str) -> None:
    error, code = ENDS[what]
    assert report(error, as_json=False) == code


def test_where_nobody_looks_on_a_step_is_told_once_and_then_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = 100.0
    monkeypatch.setattr(migrate_words.time, "monotonic", lambda: clock)
    tell = migrate_words.progress(as_json=False)
    rate = Rate("h/files/x", "replicating, 3 tables to go", 0, 1.0)
    for second in range(25):
        clock = 100.0 + second
        tell(replace(rate, phase=f"replicating, {25 - second} tables to go"))
    tell(replace(rate, phase="indexing"))
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.split(", ")[1] for line in told.err.splitlines()] == [
        "25 tables to go", "15 tables to go", "5 tables to go", "0.0 MiB",
    ]  # fmt: skip
    migrate_words.progress(as_json=True)(rate)
    assert capsys.readouterr().err == ""


def test_what_is_retired_has_one_way_back(tmp_path: Path) -> None:
    move, ends = moving(tmp_path), (Site(Reach("onprem")), Site(Reach("incountry")))
    move.ledger.append("retired", asset=FILES.id)
    said = [refusal(copy, move, FILES, *ends, again=True), refusal(rollback, move, FILES, *ends)]
    assert str(said[0]) == str(said[1])
    assert "bring it back from its retention copy" in str(said[0])
    move.ledger.append("cutover", asset=FILES.id)
    assert "roll it back first" in str(refusal(copy, move, FILES, *ends, again=True))


@pytest.mark.parametrize("category", ["", "category: ~, ", "category: 3, "])
def test_a_category_that_is_missing_or_no_text_names_those_that_there_are(category: str, tmp_path: Path) -> None:
    from migration.discovery import read_discovery

    (tmp_path / "discovery.yaml").write_text(DISCOVERY)
    file = tmp_path / "questionnaire.yaml"
    file.write_text(QUESTIONNAIRE.replace("category: public, ", category))
    with pytest.raises(OnshoreError) as error:
        read_questionnaire(file, read_discovery(tmp_path / "discovery.yaml")[1], PROFILE)
    (fault,) = error.value.faults
    assert "`restricted`" in fault.fix
    assert all(f"`{each.id}`" in fault.fix for each in PROFILE.categories)


def test_a_machine_on_premises_as_target_is_told_as_one() -> None:
    answer = Answer(asset=FILES.id, category="public", owner="Web", placement=Wish(host="example-onprem-1"))
    target, faults = lawful_target(FILES, answer, JUDGE)
    assert target is None
    assert [fault.what for fault in faults] == ["a machine on premises, which data is moved from"]
    assert "did you mean" not in str(faults)
    assert lawful_target(FILES, answer.model_copy(update={"placement": Wish()}), JUDGE)[0] is not None
