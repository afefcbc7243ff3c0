"""Assessment and plan: lawful targets, costs with their assumptions, waves in order, a re-check of what was changed."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.migrate_words import show_assessment
from inventories import OnshoreError, load_profile, load_register
from migration import read_costs, read_discovery, read_questionnaire
from migration.assessment import assess
from migration.dependencies import needs_of, waves_of
from migration.drawing import as_mermaid, as_svg
from migration.plan import PlanSettings, as_yaml, downtime, make_plan, read_plan
from migration.targets import Judge
from tests.migration.forms import COSTS, DISCOVERY, QUESTIONNAIRE, written

if TYPE_CHECKING:
    from migration.assessment import Assessment
    from migration.plan import Plan

PROFILE = load_profile("pakistan-cloud-first-trial")
REGISTER = load_register(Path(__file__).parents[2] / "inventories" / "registers" / "example")
DAY = date(2026, 6, 1)
JUDGE = Judge(REGISTER, PROFILE, DAY, "health-example")


class World:
    """The forms of a move in a folder, some of them changed."""

    def __init__(self, folder: Path, **edits: dict[str, str]) -> None:
        texts = {"discovery": DISCOVERY, "questionnaire": QUESTIONNAIRE, "costs": COSTS}
        for name, changes in edits.items():
            for old, new in changes.items():
                assert old in texts[name], old
                texts[name] = texts[name].replace(old, new)
        self.folder = folder
        self.discovery = read_discovery(written(folder, "discovery.yaml", texts["discovery"]))
        path = written(folder, "questionnaire.yaml", texts["questionnaire"])
        self.questionnaire = read_questionnaire(path, self.discovery[1], PROFILE)
        self.costs = read_costs(written(folder, "costs.yaml", texts["costs"]), self.discovery[1])[1]

    def assess(self, judge: Judge = JUDGE) -> Assessment:
        return assess(self.discovery[1], self.questionnaire[1], self.costs, judge)

    def plan(self, judge: Judge = JUDGE) -> Plan:
        return make_plan(self.discovery, self.questionnaire, self.assess(judge), judge, PlanSettings())

    def recheck(self, text: str, judge: Judge = JUDGE) -> list[str]:
        """What is wrong with a plan's text."""
        try:
            read_plan(written(self.folder, "plan.yaml", text), self.discovery, self.questionnaire, judge)
        except OnshoreError as error:
            return [str(fault) for fault in error.faults]
        return []


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_each_asset_gets_its_fit_its_lawful_target_and_the_reason(world: World) -> None:
    found = {each.asset: each for each in world.assess().assets}
    database = found["onprem-db-1/database/registry"]
    assert (database.fit, database.target and database.target.id) == ("host", "example-host-khi-1")
    assert any("identity numbers" in hint for hint in database.hints)
    assert found["onprem-db-1/job/nightly-56b778bc"].target is None
    assert found["onprem-db-1/job/nightly-56b778bc"].why == "of no use"
    assert world.assess().refused == ()


def test_costs_are_summed_and_their_assumptions_shown(world: World) -> None:
    found = world.assess()
    assert found.before_pkr == 87_000 + 53_000.50
    said = "\n".join(found.assumptions)
    assert "Hardware is written off over five years" in said
    assert REGISTER.version in said


def test_what_stays_needs_a_waiver_and_keeps_its_host_s_cost(tmp_path: Path) -> None:
    waiver = "fit: stay, waiver: {approving_office: CO, reference: W-1, reason: r, ends_on: 2026-12-31}"
    world = World(tmp_path, questionnaire={"fit: retire, reason: of no use": waiver})
    found = world.assess()
    assert found.after_pkr >= 87_000
    assert any("onprem-db-1 costs PKR 87,000.00 as before" in line for line in found.assumptions)
    assert world.plan().left["onprem-db-1/job/nightly-56b778bc"] == "stay: waiver W-1 until 2026-12-31"


def test_an_asset_without_a_lawful_place_is_refused_with_every_reason(tmp_path: Path) -> None:
    world = World(tmp_path, questionnaire={"category: public": "category: secret"})
    (refused,) = world.assess().refused
    assert any("ceiling" in str(fault) and "HST-001" in str(fault) for fault in refused.refusals)
    with pytest.raises(OnshoreError) as error:
        world.plan()
    assert error.value.refused


def test_a_workload_goes_to_the_cluster_that_place_chooses(tmp_path: Path) -> None:
    edits = {"owner: Web, needs": "owner: Web, fit: cluster, workload: score.yaml, needs"}
    found = {each.asset: each for each in World(tmp_path, questionnaire=edits).assess().assets}
    target = found["onprem-web-1/service/portal"].target
    assert target is not None
    assert (target.kind, target.id) == ("cluster", "example-csp-alpha-khi-1")
    assert target.monthly_cost_pkr == 2600 + 650


# what a department wishes for its database, where it then goes, or what is said
WISHES: dict[str, tuple[str, str, list[str]]] = {
    "a lawful host": ("{host: example-host-khi-1}", "example-host-khi-1", []),
    "a lawful region": ("{region: example-csp-alpha-khi}", "example-host-khi-1", []),
    "another department's host": (
        "{host: example-host-lhe-1}",
        "",
        [
            "another department's host (HST-001)",
            "Fix: do not ask for host example-host-lhe-1; then example-host-khi-1 is lawful",
        ],
    ),
    "a host and a region that it is not in": (
        "{host: example-host-khi-1, region: example-csp-alpha-lhe}",
        "",
        ["not the region that was asked for"],
    ),
    "a host that nobody knows": (
        "{host: example-host-khi-2}",
        "",
        ["unknown host", "did you mean `example-host-khi-1`?"],
    ),
    "a region that nobody knows": (
        "{region: example-csp-alpha-kh}",
        "",
        ["unknown region", "`example-csp-alpha-khi`?"],
    ),
    "two unknown places": ("{host: x-1, region: y-1}", "", ["unknown host", "unknown region"]),
}


@pytest.mark.parametrize("what", WISHES)
def test_a_wished_place_is_taken_where_it_is_lawful_and_refused_with_every_reason_where_not(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wish, goes_to, says = WISHES[what]
    edits = {"owner: Registrar}": f"owner: Registrar, placement: {wish}}}"}
    found = World(tmp_path, questionnaire=edits).assess()
    database = next(each for each in found.assets if each.asset == "onprem-db-1/database/registry")
    assert (database.target.id if database.target else "") == goes_to
    show_assessment(found)
    told = capsys.readouterr().out
    assert all(words in told for words in says), told
    assert bool(says) == bool(found.refused)
    assert "example-host-lhe-1:" not in told or "lhe-1" in wish, "only what was asked for is spoken of"


def test_a_workload_may_wish_a_cluster(tmp_path: Path) -> None:
    wish = "owner: Web, workload: score.yaml, placement: {cluster: example-csp-delta-xa-1}, needs"
    (refused,) = World(tmp_path, questionnaire={"owner: Web, needs": wish}).assess().refused
    assert any("(RES-001)" in str(fault) for fault in refused.refusals)
    assert all("delta-xa-1" in fault.where for fault in refused.refusals if " on " in fault.where)


def test_a_plan_keeps_to_what_is_wished(tmp_path: Path) -> None:
    wish = {"owner: Registrar}": "owner: Registrar, placement: {host: example-host-khi-1}, stack: targets/trial}"}
    world = World(tmp_path, questionnaire=wish)
    text = as_yaml(world.plan())
    assert "stack: targets/trial" in text
    assert world.recheck(text) == []
    said = "\n".join(world.recheck(text.replace("target: example-host-khi-1", "target: example-host-lhe-1", 1)))
    assert "not the place that is wished" in said
    assert "another department's host" in said


def test_nothing_moves_before_what_it_needs(world: World) -> None:
    plan = world.plan()
    assert [[move.asset for move in wave.moves] for wave in plan.waves] == [
        ["onprem-db-1/database/registry", "onprem-web-1/files/srv/portal"],
        ["onprem-web-1/service/portal"],
    ]
    assert plan.waves[0].moves[0].downtime_minutes == 15 + 1
    assert world.recheck(as_yaml(plan)) == []


def test_a_connection_that_nobody_can_explain_is_a_fault_until_it_is_explained(tmp_path: Path) -> None:
    line = "  - {from_host: onprem-web-1, process: portal, to: onprem-db-1, port: 5432}\n"
    more = line + "  - {from_host: onprem-web-1, process: portal, to: 203.0.113.9, port: 443}\n"
    world = World(tmp_path, discovery={line: more})
    with pytest.raises(OnshoreError, match=r"203\.0\.113\.9:443: a connection to something that is no asset"):
        world.plan()
    outside = {"answers:\n": "outside: [{address: 203.0.113.9, reason: a payment office}]\nanswers:\n"}
    assert World(tmp_path, discovery={line: more}, questionnaire=outside).plan().waves


def test_what_is_needed_cannot_be_retired(tmp_path: Path) -> None:
    gone = {"category: public, owner: Web": "category: public, owner: Web, fit: retire, reason: old"}
    with pytest.raises(OnshoreError, match="needs something that is retired"):
        World(tmp_path, questionnaire=gone).plan()


# what somebody changed in the plan by hand, and what is said of it
CHANGED: dict[str, tuple[dict[str, str], list[str]]] = {
    "another lawful order": ({"number: 2": "number: 2"}, []),
    "a target that nobody knows": ({"target: example-host-khi-1": "target: example-host-xa"}, ["unknown host", "mean"]),
    "another department's host": (
        {"target: example-host-khi-1": "target: example-host-lhe-1"},
        ["another department's host", "finance-example"],
    ),
    "a lower category": ({"category: restricted": "category: open"}, ["not the declared category", "declared: restr"]),
    "an asset lost": ({"onprem-web-1/files/srv/portal\n": "onprem-web-1/files/srv/x\n"}, ["no such asset"]),
    "waves with a gap": ({"number: 2": "number: 5"}, ["waves are not numbered 1, 2, 3"]),
    "waves turned round": ({"number: 1": "number: 9", "number: 2": "number: 1", "r: 9": "r: 2"}, ["before"]),
    "a negative downtime": ({"downtime_minutes: 15.0": "downtime_minutes: -1"}, ["too small"]),
    "to a cluster by hand": ({"to: host": "to: cluster"}, ["not what the questionnaire says"]),
    "files that shall be replicated": ({"method: dump": "method: replication"}, ["only a database can be replicated"]),
    "a method that nobody knows": ({"method: dump": "method: carry"}, ["not one of the known"]),
    "another department": ({"department: health-example": "department: finance-example"}, ["another"]),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGED)
def test_a_plan_that_was_changed_is_re_checked(what: str, world: World) -> None:
    edits, says = CHANGED[what]
    text = as_yaml(world.plan())
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    said = "\n".join(world.recheck(text))
    assert bool(said) == bool(says), said
    missing = [words for words in says if words not in said]
    assert not missing, said


def test_a_plan_of_yesterday_is_refused_once_the_law_or_the_forms_changed(world: World) -> None:
    text = as_yaml(world.plan())
    late = Judge(REGISTER, PROFILE, date(2040, 1, 1), "health-example")
    assert any("ACC-004" in fault for fault in world.recheck(text, late))
    other = written(world.folder, "discovery.yaml", DISCOVERY.replace("rows_estimate: 1000", "rows_estimate: 1001"))
    world.discovery = read_discovery(other)
    assert any("made from another" in fault for fault in world.recheck(text))


@given(st.dictionaries(st.integers(0, 12), st.frozensets(st.integers(0, 12)), max_size=13))
def test_waves_keep_every_order_and_every_cycle_together(graph: dict[int, frozenset[int]]) -> None:
    needs = {str(name): frozenset(str(need) for need in wanted) for name, wanted in graph.items()}
    moving = sorted({*needs, *(need for wanted in needs.values() for need in wanted)})
    waves = waves_of(moving, needs)
    at = {name: number for number, wave in enumerate(waves) for name in wave}
    assert sorted(at) == moving
    below = {name: _reachable(name, needs) for name in moving}
    for name in moving:
        for need in below[name]:
            together = name in below[need]
            assert at[need] == at[name] if together else at[need] < at[name]


def _reachable(start: str, needs: dict[str, frozenset[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for need in needs.get(waiting.pop(), ()):
            if need not in found:
                found.add(need)
                waiting.append(need)
    return found - {start}


def test_needs_come_from_declarations_and_from_connections(world: World) -> None:
    needs, faults = needs_of(world.discovery[1], world.questionnaire[1])
    assert faults == []
    assert needs["onprem-web-1/service/portal"] == {"onprem-db-1/database/registry", "onprem-web-1/files/srv/portal"}


def test_a_larger_asset_is_down_for_longer(world: World) -> None:
    small, *_, large = sorted(world.discovery[1].assets.values(), key=lambda asset: asset.size_bytes)
    assert downtime(small, PlanSettings()) == 15
    assert downtime(large, PlanSettings()) > 15
    assert downtime(large, PlanSettings(copy_mib_s=1)) > downtime(large, PlanSettings())


def test_a_plan_is_drawn_as_mermaid_and_as_svg_and_foreign_words_do_no_harm(tmp_path: Path) -> None:
    evil = '/srv/<script>alert(1)</script>"]'
    world = World(
        tmp_path,
        discovery={"path: /srv/portal": f"path: '{evil}'"},
        questionnaire={"onprem-web-1/files/srv/portal": f"'onprem-web-1/files{evil}'"},
    )
    plan = world.plan()
    mermaid = as_mermaid(plan)
    assert mermaid.startswith("flowchart LR\n")
    assert mermaid.count("subgraph") == 2
    assert mermaid.count(" --> ") == 2
    assert "<script>" not in mermaid
    drawing = as_svg(plan, {"onprem-db-1/database/registry": "verified"})
    root = ET.fromstring(drawing)  # noqa: S314 - our own words
    assert "<script>" not in drawing
    assert len(root.findall(".//{http://www.w3.org/2000/svg}g")) == 3
    assert "#d8f0d8" in drawing
