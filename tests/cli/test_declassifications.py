"""`onshore declassifications list`: each record's state on a day, for people and machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cli.main import run
from tests.inventories.test_declassifications import DECLASSIFICATION

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ONSHORE_DECLASSIFICATIONS", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("day", "state"), [("2026-04-30", "not begun"), ("2026-06-30", "in force"), ("2026-07-01", "ended")]
)
def test_each_record_is_listed_with_its_state(
    folder: Path, capsys: pytest.CaptureFixture[str], day: str, state: str
) -> None:
    (folder / "dcl-1.yaml").write_text(DECLASSIFICATION)
    assert run(["declassifications", "list", "--on", day]) == 0
    line = f"dcl-1  onshore/source -> onshore/reader: url, port  {state} (2026-05-01 to 2026-06-30)"
    assert line in capsys.readouterr().out
    assert run(["declassifications", "list", "--on", day, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["id"], row["outputs"], row["state"]) for row in told["declassifications"]] == [
        ("dcl-1", ["url", "port"], state)
    ]


def test_a_faulty_record_is_wrong_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "dcl-1.yaml").write_text(DECLASSIFICATION.replace("onshore/source", "source"))
    assert run(["declassifications", "list"]) == 2
    assert "not one stack in full" in capsys.readouterr().err
