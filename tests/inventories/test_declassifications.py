"""Declassifications: every fault at once and at its place, their exact scope, and their folder."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from inventories import OnshoreError, Settings, load_declassifications
from tests.worlds import TODAY

if TYPE_CHECKING:
    from pathlib import Path

DECLASSIFICATION = """\
id: dcl-1
from_stack: onshore/source
to_stack: onshore/reader
outputs: [url, port]
owner: A person of the department
approver: Head of the department
reason: The address of a public form is no confidential data
reference: DCL/2026/1
starts_on: 2026-05-01
ends_on: 2026-06-30
"""


def load(folder: Path, text: str, name: str = "dcl-1.yaml") -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    try:
        load_declassifications(folder)
    except OnshoreError as error:
        return str(error)
    return ""


def test_a_lawful_declassification_is_read_and_covers_its_outputs_alone(tmp_path: Path) -> None:
    (tmp_path / "dcl-1.yaml").write_text(DECLASSIFICATION)
    (record,) = load_declassifications(tmp_path)
    assert record.covers("onshore/source", "onshore/reader", ["url"])
    assert record.covers("onshore/source", "onshore/reader", ["port", "url"])
    assert not record.covers("onshore/source", "onshore/reader", ["url", "password"])
    assert not record.covers("onshore/reader", "onshore/source", ["url"])
    assert not record.covers("other/source", "onshore/reader", ["url"])
    days = [date(2026, 4, 30), date(2026, 5, 1), TODAY, date(2026, 6, 30), date(2026, 7, 1)]
    states = [record.state(on=day) for day in days]
    assert states == ["not begun", "in force", "in force", "in force", "ended"]


WRONG = [
    ("ends_on: 2026-06-30", "ends_on: 2026-04-30", ["dcl-1.yaml:", "lies before starts_on"]),
    ("from_stack: onshore/source", "from_stack: source", [":2:from_stack: not one stack in full", "project/stack"]),
    ("to_stack: onshore/reader", "to_stack: onshore/*", [":3:to_stack: not one stack in full"]),
    ("to_stack: onshore/reader", "to_stack: onshore/source", [":3:to_stack: the stack it reads from"]),
    ("outputs: [url, port]", 'outputs: ["*"]', [":4:outputs: not one output"]),
    ("outputs: [url, port]", "outputs: []", [":4:outputs: nothing in it"]),
    ("outputs: [url, port]", "outputs: url", [":4:outputs: not a list"]),
    ("owner: A person of the department", 'owner: "  "', [":5:owner: nothing in it"]),
    ("approver: Head of the department\n", "", ["`approver` is missing"]),
    ("ends_on: 2026-06-30\n", "", ["`ends_on` is missing"]),
    ("approver:", "aprover:", [":6:aprover: unknown field", "did you mean `approver`?"]),
    ("id: dcl-1", "id: dcl-2", [":1:id: a declassification's file bears its id"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), WRONG, ids=[row[1].strip() or "left out" for row in WRONG])
def test_a_faulty_declassification_is_refused_at_its_place(tmp_path: Path, old: str, new: str, says: list[str]) -> None:
    assert old in DECLASSIFICATION
    told = load(tmp_path / "declassifications", DECLASSIFICATION.replace(old, new, 1))
    assert [part for part in says if part not in told] == [], told


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    load(tmp_path, DECLASSIFICATION.replace("onshore/source", "source"))
    load(tmp_path, DECLASSIFICATION.replace("[url, port]", '["u*"]'), "dcl-2.yaml")
    told = load(tmp_path, "id: x\n", "dcl-3.yml")
    for part in (
        "not one stack in full",
        "not one output",
        "this declassification exists already",
        "dcl-3.yml: a file that nobody",
    ):
        assert part in told


def test_faults_of_form_hide_no_fault_of_dates_or_scope(tmp_path: Path) -> None:
    text = DECLASSIFICATION.replace("onshore/source", "source").replace("[url, port]", '["u*", 7]')
    text = text.replace("ends_on: 2026-06-30", "ends_on: 2026-04-30").replace("approver: Head of the department\n", "")
    told = load(tmp_path, text.replace("owner: A person of the department", "owner: 5\nbecause: x"))
    expected = [
        ":2:from_stack: not one stack in full",
        ":4:outputs[1]:",
        ":5:owner:",
        ":6:because: unknown field",
        "`approver` is missing",
        ":10:ends_on: lies before starts_on",
    ]
    assert [part for part in expected if part not in told] == [], told


def test_a_named_folder_has_to_be_there_and_the_usual_one_may_be_absent(tmp_path: Path) -> None:
    file = tmp_path / "onshore.yaml"
    file.write_text("register: r\nprofile: p\n")
    assert Settings.load(tmp_path, {}).load_declassifications() == ()
    file.write_text("register: r\nprofile: p\ndeclassifications: opened\n")
    with pytest.raises(OnshoreError, match=r"onshore\.yaml:3:declassifications: there is no such folder"):
        Settings.load(tmp_path, {})
    (tmp_path / "opened").mkdir()
    (tmp_path / "opened/dcl-1.yaml").write_text(DECLASSIFICATION)
    assert [record.id for record in Settings.load(tmp_path, {}).load_declassifications()] == ["dcl-1"]
