"""Waivers: every fault at once and at its place, patterns that cannot run wild, and where one stands on a day."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

import pytest

from inventories import OnshoreError, Settings, load_rules, load_waivers
from inventories.urn_pattern import matches, matches_urn, pattern_fault
from tests.worlds import TODAY

if TYPE_CHECKING:
    from pathlib import Path

WAIVER = """\
id: noc-1
rule: IMG-001
stacks: [s]
urn_pattern: "urn:pulumi:s::p::*kubernetes:apps/v1:Deployment::dep*"
owner: A person of the department
reason: The registry has no digests before August
approving_office: Cloud Office
reference: NOC/2026/1
starts_on: 2026-05-01
ends_on: 2026-06-30
"""
URN = "urn:pulumi:s::p::onshore:index:WebService$kubernetes:apps/v1:Deployment::deployment"


def load(folder: Path, text: str, name: str = "noc-1.yaml") -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    try:
        load_waivers(folder, load_rules())
    except OnshoreError as error:
        return str(error)
    return ""


def test_a_lawful_waiver_is_read_and_knows_its_scope_and_days(tmp_path: Path) -> None:
    (tmp_path / "noc-1.yaml").write_text(WAIVER)
    (waiver,) = load_waivers(tmp_path, load_rules())
    assert waiver.covers("IMG-001", "s", URN)
    assert not waiver.covers("POD-001", "s", URN)
    assert not waiver.covers("IMG-001", "other", URN)
    assert not waiver.covers("IMG-001", "", URN)
    days = [date(2026, 4, 30), date(2026, 5, 1), TODAY, date(2026, 6, 30), date(2026, 7, 1)]
    states = [waiver.state(on=day) for day in days]
    assert states == ["not begun", "in force", "in force", "in force", "ended"]


WRONG = [
    ("ends_on: 2026-06-30", "ends_on: 2026-04-30", ["noc-1.yaml:", "lies before starts_on"]),
    ("ends_on: 2026-06-30", "ends_on: 2027-06-30", [":10:ends_on: wider than its rule allows", "90 days"]),
    ("rule: IMG-001", "rule: IMG-009", [":2:rule: no such rule", "did you mean `IMG-001`?"]),
    ("rule: IMG-001", "rule: UNK-001", [":2:rule: a rule that cannot be waived"]),
    ("rule: IMG-001", "rule: PIN-001", ["a rule that cannot be waived"]),
    ("owner: A person of the department", 'owner: "  "', [":5:owner: nothing in it"]),
    ("reason: The registry has no digests before August", 'reason: ""', [":6:reason: nothing in it"]),
    ("approving_office: Cloud Office\n", "", ["`approving_office` is missing"]),
    ("ends_on: 2026-06-30\n", "", ["`ends_on` is missing"]),
    ("owner:", "ownr:", [":5:ownr: unknown field", "did you mean `owner`?"]),
    ("stacks: [s]", 'stacks: ["*"]', [":3:stacks: wider than its rule allows"]),
    ("stacks: [s]", 'stacks: ["s*"]', [":3:stacks: a pattern"]),
    ("stacks: [s]", "stacks: []", [":3:stacks"]),
    ("stacks: [s]", "stacks: [s, t]", [":4:urn_pattern: names no resource of stack t"]),
    ("*kubernetes:apps/v1:Deployment::dep*", "*::*", [":4:urn_pattern: wider than its rule allows"]),
    ("*kubernetes:apps/v1:Deployment::dep*", "*Deployment::*e*", ["wider than its rule allows"]),
    ("urn:pulumi:s::p::*kubernetes:apps/v1:Deployment::dep*", "*", ["not of the form urn:pulumi:STACK"]),
    ("id: noc-1", "id: noc-2", [":1:id: a waiver's file bears its id"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), WRONG, ids=[row[1].strip() or "left out" for row in WRONG])
def test_a_faulty_waiver_is_refused_at_its_place(tmp_path: Path, old: str, new: str, says: list[str]) -> None:
    assert old in WAIVER
    told = load(tmp_path / "waivers", WAIVER.replace(old, new, 1))
    assert [part for part in says if part not in told] == [], told


def test_all_faults_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    load(tmp_path, WAIVER.replace("IMG-001", "IMG-009"))
    load(tmp_path, WAIVER.replace("2026-06-30", "2028-06-30"), "noc-2.yaml")
    told = load(tmp_path, "id: x\n", "noc-3.yml")
    for part in ("no such rule", "wider than its rule", "this waiver exists already", "noc-3.yml: a file that nobody"):
        assert part in told


TANGLED = """\
id: noc-2
rule: PIN-001
stacks: [s*, 7]
urn_pattern: "*"
owner: [nobody]
reason: ""
reference: NOC/2026/1
starts_on: 2026-05-01
ends_on: 2026-04-31
sender: x
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("2026-04-31", "2026-04-30", [":9:ends_on: lies before starts_on"]),
        ("2026-04-31", "2028-04-30", []),
        ("[s*, 7]", "[s*]", [":3:stacks: a pattern"]),
        ('[s*, 7]\nurn_pattern: "*"', '[s, t]\nurn_pattern: "urn:pulumi:s::p::a:b:C::*"',
         ["names no resource of stack t"]),
        ("PIN-001", "PIN-999", [":2:rule: no such rule"]),
    ],
)  # fmt: skip
def test_faults_of_form_hide_no_fault_of_dates_or_scope(tmp_path: Path, old: str, new: str, says: list[str]) -> None:
    assert old in TANGLED
    told = load(tmp_path, TANGLED.replace(old, new))
    always = [":1:id: a waiver's file bears its id", ":5:owner:", ":6:reason: nothing in it",
              "`approving_office` is missing", ":10:sender: unknown field"]  # fmt: skip
    usually = {
        "2026-04-31": ":9:ends_on: not a possible value",
        "PIN-001": ":2:rule: a rule that cannot be waived",
        "[s*, 7]": ":3:stacks[1]:",
        'urn_pattern: "*"': ":4:urn_pattern: not of the form",
    }
    expected = [*says, *always, *(word for part, word in usually.items() if part not in old)]
    assert [part for part in expected if part not in told] == [], told
    assert told.count(":9:ends_on") == (new != "2028-04-30"), told  # named once


def test_a_named_folder_has_to_be_there_and_the_usual_one_may_be_absent(tmp_path: Path) -> None:
    file = tmp_path / "onshore.yaml"
    file.write_text("register: r\nprofile: p\n")
    assert Settings.load(tmp_path, {}).load_waivers(load_rules()) == ()
    file.write_text("register: r\nprofile: p\nwaivers: nocs\n")
    with pytest.raises(OnshoreError, match=r"onshore\.yaml:3:waivers: there is no such folder"):
        Settings.load(tmp_path, {})
    (tmp_path / "nocs").mkdir()
    (tmp_path / "nocs/noc-1.yaml").write_text(WAIVER)
    assert [waiver.id for waiver in Settings.load(tmp_path, {}).load_waivers(load_rules())] == ["noc-1"]


@pytest.mark.parametrize(
    ("pattern", "urn", "expected"),
    [
        ("urn:pulumi:s::p::*::a", "urn:pulumi:s::p::x:y:Z::a", True),
        ("urn:pulumi:s::p::*::a", "urn:pulumi:s::p::x:y:Z::ab", False),
        ("urn:pulumi:s::p::*::a", "urn:pulumi:s::p::x:y:Z::b::a", False),
        ("urn:pulumi:*::p::*::a", "urn:pulumi:s::other::x:y:Z::a", False),
        ("urn:pulumi:s::p::x:y:Z::*", "urn:pulumi:s::p::x:y:Z::b::a", True),
        ("urn:pulumi:s::p::x:y:Z::a", "  urn:pulumi:s::p::x:y:Z::a", False),
        ("urn:pulumi:s::p::x:y:Z::a", "not a urn", False),
    ],
)
def test_a_pattern_is_read_part_by_part_and_matches_whole_parts(pattern: str, urn: str, expected: bool) -> None:
    assert matches_urn(pattern, urn) is expected


def test_no_pattern_takes_long() -> None:
    started = time.process_time()
    assert not matches("*a" * 200 + "b", "a" * 20_000)
    assert time.process_time() - started < 1
    assert pattern_fault("urn:pulumi:s::p::*::" + "a" * 600).startswith("longer")
