"""A wave's stacks: brought up once, held against the plan, every step in the ledger, also where it was cut off."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from inventories import Fault, OnshoreError
from migration.discovery import Asset
from migration.ledger import Ledger
from migration.plan import PlannedMove
from migration.stacks import Component, Killed, Outcome, Wanted, bring_up, due
from migration.steps import Move

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

STACK = "targets/trial"
PLACE = {"department": "health-example", "category": "restricted", "hosts": ["host-1", "host-2"]}
DATABASE = Component("PostgresDatabase", "registry", {**PLACE, "database": "registry"}, {})
STORE = Component("FileStore", "portal", PLACE, {"path": "/srv/onshore/portal/tree"})


def wanted(kind: str = "files", name: str = "/srv/portal", **changed: Any) -> Wanted:
    asset = Asset(f"onprem-1/{kind}{'' if name.startswith('/') else '/'}{name}", kind, "onprem-1", name)  # type: ignore[arg-type]
    facts = {"to": "host", "target": "host-1", "stack": STACK, "downtime_minutes": 1, "rollback": "back"}
    planned = PlannedMove.model_validate({"asset": asset.id, "category": "restricted", **facts, **changed})
    return Wanted(asset, planned, "health-example", "restricted")


FILES, REGISTRY = wanted(), wanted("database", "registry")


class Runner:
    """Whoever runs stacks: what it previews, how it ends, and what it was told."""

    def __init__(self, *parts: Component, outcome: Outcome = "up", raises: BaseException | None = None) -> None:
        self.parts, self.outcome, self.raises = parts, outcome, raises
        self.killed: list[Killed | None] = []

    def __call__(
        self, stack: str, check: Callable[[Sequence[Component]], None], killed: Killed | None
    ) -> tuple[Outcome, Sequence[Component]]:
        assert stack == STACK
        self.killed.append(killed)
        check([replace(part, outputs={}) for part in self.parts])
        if self.raises:
            raise self.raises
        return self.outcome, self.parts if self.outcome == "up" else ()


@pytest.fixture
def move(tmp_path: Path) -> Move:
    return Move(Ledger(tmp_path / "ledger.jsonl"), tmp_path / "evidence", tmp_path / "staging")


def steps(move: Move) -> list[str]:
    return [entry.step for entry in move.ledger.entries()]


def test_a_stack_is_brought_up_once_for_all_its_assets_and_the_ledger_says_where_files_go(move: Move) -> None:
    runner = Runner(DATABASE, STORE)
    assert due(move, [REGISTRY, FILES]) == {STACK: [REGISTRY, FILES]}
    assert bring_up(move, STACK, [REGISTRY, FILES], runner, wave=1) == "up"
    assert steps(move) == ["target begun", "target begun", "target up", "target up"]
    assert move.standing(FILES.asset).path == "/srv/onshore/portal/tree"
    assert move.standing(FILES.asset).state == "up"
    assert due(move, [REGISTRY, FILES]) == {}
    assert due(move, [REGISTRY, FILES], again=True) == {STACK: [REGISTRY, FILES]}
    moved_on = wanted(target="host-2")
    assert due(move, [moved_on]) == {STACK: [moved_on]}, "another target is another one to bring up"
    assert due(move, [wanted(stack="")]) == {}


def test_what_is_cut_over_is_not_brought_up_again(move: Move) -> None:
    move.ledger.append("cutover", asset=FILES.asset.id)
    assert due(move, [FILES], again=True) == {}


@pytest.mark.parametrize("outcome", ["refused", "failed"])
def test_what_did_not_come_up_is_recorded_and_still_due(outcome: Outcome, move: Move) -> None:
    assert bring_up(move, STACK, [FILES], Runner(STORE, outcome=outcome)) == outcome
    assert steps(move) == ["target begun", f"target {outcome}"]
    assert due(move, [FILES]) == {STACK: [FILES]}
    assert move.standing(FILES.asset).state == "planned"


@pytest.mark.parametrize("refused", [True, False])
def test_a_fault_on_the_way_is_recorded_and_told(refused: bool, move: Move) -> None:
    error = OnshoreError("no", [Fault("targets", "no Pulumi project there")], refused=refused)
    with pytest.raises(OnshoreError):
        bring_up(move, STACK, [FILES], Runner(STORE, raises=error))
    assert steps(move) == ["target begun", "target refused" if refused else "target failed"]
    assert move.ledger.entries()[-1].details["why"] == ["targets: no Pulumi project there"]


def test_after_a_kill_it_begins_again_and_knows_whose_run_was_cut_off(move: Move) -> None:
    with pytest.raises(SystemExit):
        bring_up(move, STACK, [FILES], Runner(STORE, raises=SystemExit()))
    assert steps(move) == ["target begun"]
    runner = Runner(STORE)
    assert bring_up(move, STACK, [FILES], runner) == "up"
    (killed,) = runner.killed
    assert killed is not None
    assert killed.pid == os.getpid()
    runner = Runner(STORE)
    bring_up(move, STACK, [FILES], runner)
    assert runner.killed == [None], "a run that ended was not cut off"


# what a stack holds that is not what the plan says, and what is said of it
WRONG: dict[str, tuple[Wanted, list[Component], list[str]]] = {
    "nothing of ours": (FILES, [], ["no FileStore in it", "no component of ours"]),
    "another kind": (FILES, [DATABASE], ["no FileStore in it", "PostgresDatabase registry"]),
    "two that may be meant": (FILES, [STORE, replace(STORE, name="scans")], ["more than one FileStore", "`component`"]),
    "one that is not called so": (wanted(component="scans"), [STORE], ["no FileStore called scans in it"]),
    "another host and category": (
        FILES,
        [replace(STORE, inputs={**PLACE, "hosts": ["host-2", "host-1"], "category": "open"})],
        ["not of the target that is planned", "not of the category that is planned"],
    ),
    "another department": (FILES, [replace(STORE, inputs={**PLACE, "department": "x"})], ["not of the department"]),
    "another database": (REGISTRY, [replace(DATABASE, inputs={**PLACE, "database": "y"})], ["not of the database"]),
    "a cluster that is not planned": (
        wanted("service", "portal", to="cluster", target="khi-1"),
        [Component("WebService", "portal", {**PLACE, "cluster": "lhe-1"}, {})],
        ["not of the target that is planned", "lhe-1"],
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_stack_that_would_not_make_what_is_planned_is_refused(what: str, move: Move) -> None:
    asset, parts, says = WRONG[what]
    with pytest.raises(OnshoreError) as error:
        bring_up(move, STACK, [asset], Runner(*parts))
    assert error.value.refused
    assert all(words in str(error.value) for words in says), str(error.value)
    assert steps(move) == ["target begun", "target refused"]


def test_one_of_several_databases_is_found_by_its_name(move: Move) -> None:
    other = replace(DATABASE, name="other", inputs={**PLACE, "database": "other"})
    assert bring_up(move, STACK, [REGISTRY], Runner(other, DATABASE)) == "up"
    assert move.ledger.entries()[-1].details["component"] == "registry"


def test_a_workload_on_the_planned_cluster_is_up(move: Move) -> None:
    portal = wanted("service", "portal", to="cluster", target="khi-1")
    web = Component("WebService", "portal", {**PLACE, "cluster": "khi-1"}, {"url": "https://portal.example"})
    assert bring_up(move, STACK, [portal], Runner(web)) == "up"
    assert move.standing(portal.asset).raised == (STACK, "khi-1")
