"""`onshore waivers list`: each waiver's state on a day, for people and machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cli.main import run
from tests.inventories.test_waivers import WAIVER

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ONSHORE_WAIVERS", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("day", "state"), [("2026-04-30", "not begun"), ("2026-06-30", "in force"), ("2026-07-01", "ended")]
)
def test_each_waiver_is_listed_with_its_state(
    folder: Path, capsys: pytest.CaptureFixture[str], day: str, state: str
) -> None:
    (folder / "noc-1.yaml").write_text(WAIVER)
    assert run(["waivers", "list", "--on", day]) == 0
    assert f"noc-1  IMG-001  s  {state} (2026-05-01 to 2026-06-30)" in capsys.readouterr().out
    assert run(["waivers", "list", "--on", day, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["id"], row["rule"], row["stacks"], row["state"]) for row in told["waivers"]] == [
        ("noc-1", "IMG-001", ["s"], state)
    ]


def test_a_name_that_is_no_line_is_listed_as_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = WAIVER.replace("stacks: [s]", 'stacks: ["s\\n\\e[31m\\u202e"]').replace("urn:pulumi:s::", "urn:pulumi:*::")
    (folder / "noc-1.yaml").write_text(text)
    assert run(["waivers", "list", "--on", "2026-06-01"]) == 0
    _, line = capsys.readouterr().out.splitlines()
    assert line == "noc-1  IMG-001  s??[31m?  in force (2026-05-01 to 2026-06-30)"


def test_a_faulty_waiver_is_wrong_input_to_the_list_and_to_a_preview(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "noc-1.yaml").write_text(WAIVER.replace("IMG-001", "UNK-001"))
    for command in (["waivers", "list"], ["preview", "health-vaccination-api"]):
        assert run(command) == 2
        assert "a rule that cannot be waived" in capsys.readouterr().err


@pytest.mark.parametrize(("day", "in_force"), [("2026-06-30", 1), ("2026-07-01", 0)])
def test_a_check_of_all_facts_counts_waivers_and_those_in_force(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, day: str, in_force: int
) -> None:
    monkeypatch.setenv("ONSHORE_ON", day)
    (folder / "noc-1.yaml").write_text(WAIVER)
    assert run(["register", "validate", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["waivers"], told["waivers_in_force"]) == (1, in_force)
    assert run(["register", "validate"]) == 0
    assert f"waivers_in_force  {in_force}\n" in capsys.readouterr().out
    (folder / "noc-1.yaml").write_text(WAIVER.replace("IMG-001", "UNK-001"))
    assert run(["register", "validate"]) == 2
    assert "a rule that cannot be waived" in capsys.readouterr().err
