"""The planner as a pure function: events in, instructions out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.planning import messages as m
from engine.planning.deletion import END_TOKEN
from engine.planning.ordering import deletion_layers, references_of
from engine.planning.plan import PlanOptions
from engine.planning.planner import Planner
from engine.provider import CheckFailure, DiffResult, PropertyDiff
from engine.state import ResourceState
from engine.steps import AliasSpec, Goal

PREFIX = "urn:pulumi:dev::shop::"
ROOT = f"{PREFIX}pulumi:pulumi:Stack::shop-dev"
PROVIDER = f"{PREFIX}pulumi:providers:fake::default"
REFERENCE = f"{PROVIDER}::p"
GOAL = Goal("fake:index:Thing", "a", inputs={"size": 1}, provider=REFERENCE)


def urn(name: str) -> str:
    return f"{PREFIX}fake:index:Thing::{name}"


def recorded(name: str, **fields: object) -> ResourceState:
    given_fields = {"id": f"id-{name}", "inputs": {"size": 1}, "provider": REFERENCE, **fields}
    return ResourceState(urn(name), "fake:index:Thing", **given_fields)  # type: ignore[arg-type]


PROVIDER_STATE = ResourceState(PROVIDER, "pulumi:providers:fake", id="p")


def planner(*resources: ResourceState, **options: object) -> Planner:
    return Planner([PROVIDER_STATE, *resources], PlanOptions("dev", "shop", **options))  # type: ignore[arg-type]


def drive(machine: Planner, token: int, goal: Goal, diff: DiffResult | None = None) -> list[m.Instruction]:
    """Answers every question about one registration until it is over; all instructions but the questions."""
    waiting: list[m.Instruction] = machine.handle(m.Registered(token, goal))
    found: list[m.Instruction] = []
    while waiting:
        instruction = waiting.pop(0)
        match instruction:
            case m.Check(news=news):
                waiting += machine.handle(m.Checked(token, news))
            case m.Analyze(inputs=inputs):
                waiting += machine.handle(m.Analyzed(token, inputs))
            case m.Diff():
                waiting += machine.handle(m.Diffed(token, diff or DiffResult(changes=False)))
            case m.Run(step=step):
                found.append(instruction)
                waiting += machine.handle(m.StepEnded(token, step, done(step)))
            case _:
                found.append(instruction)
    return found


def done(step) -> ResourceState | None:
    if step.op.startswith(("delete", "discard")):
        return None
    return step.new.but(id=step.old.id if step.op in ("same", "update") else f"new-{step.urn}")


def ops(instructions: list[m.Instruction]) -> list[str]:
    return [i.step.op for i in instructions if isinstance(i, m.Run)]


REPLACING = DiffResult(True, ("size",), (), {"size": PropertyDiff("update-replace")})
CHANGING = DiffResult(True, (), (), {"size": PropertyDiff("update")})


@pytest.mark.parametrize(
    ("old", "goal", "diff", "expected"),
    [
        (None, GOAL, None, ["create"]),
        (recorded("a"), GOAL, None, ["same"]),
        (recorded("a", init_errors=("not ready",)), GOAL, None, ["update"]),
        (recorded("a"), GOAL, CHANGING, ["update"]),
        (recorded("a"), GOAL, REPLACING, ["create-replacement", "replace"]),
        (
            recorded("a"),
            replace(GOAL, delete_before_replace=True),
            REPLACING,
            ["delete-replaced", "replace", "create-replacement"],
        ),
        (
            recorded("a"),
            GOAL,
            replace(REPLACING, delete_before_replace=True),
            ["delete-replaced", "replace", "create-replacement"],
        ),
        (
            recorded("a"),
            replace(GOAL, delete_before_replace=False),
            replace(REPLACING, delete_before_replace=True),
            ["create-replacement", "replace"],
        ),
        (recorded("a", pending_replacement=True), GOAL, None, ["replace", "create-replacement"]),
        (recorded("a"), replace(GOAL, replace_on_changes=("size",)), CHANGING, ["create-replacement", "replace"]),
        (recorded("a"), replace(GOAL, replace_on_changes=("other",)), CHANGING, ["update"]),
        (recorded("a", provider=""), GOAL, None, ["create-replacement", "replace"]),
        (recorded("a", inputs={"size": 2}), GOAL, DiffResult(changes=None), ["update"]),
        (recorded("a"), GOAL, DiffResult(changes=None), ["same"]),
        (None, replace(GOAL, read_id="x"), None, ["read"]),
        (recorded("a", external=True), replace(GOAL, read_id="x"), None, ["read"]),
        (None, replace(GOAL, import_id="x"), None, ["import"]),
        (recorded("a", import_id="x"), replace(GOAL, import_id="x"), None, ["same"]),
    ],
)
def test_a_registration_becomes_these_steps(old, goal: Goal, diff: DiffResult | None, expected: list[str]) -> None:
    machine = planner(*([old] if old else []))
    found = drive(machine, 1, goal, diff)
    assert ops(found) == expected
    assert isinstance(found[-1], m.Answer)


def test_a_replaced_resource_is_deleted_when_the_program_is_over() -> None:
    machine = planner(recorded("a"))
    drive(machine, 1, GOAL, REPLACING)
    machine.handle(m.Registered(2, Goal("pulumi:providers:fake", "default")))
    layers = machine.handle(m.ProgramEnded(failed=False))
    run = next(i for i in layers if isinstance(i, m.RunTogether)).runs[0]
    assert (run.step.op, run.step.old.delete, run.step.logical) == ("delete-replaced", True, False)


def test_a_component_with_other_inputs_is_an_update_without_a_provider() -> None:
    old = recorded("a", custom=False, id="", provider="")
    machine = planner(old)
    assert ops(drive(machine, 1, replace(GOAL, custom=False, provider="", inputs={"size": 2}))) == ["update"]


def test_the_same_urn_twice_stops_the_run() -> None:
    machine = planner()
    drive(machine, 1, GOAL)
    found = machine.handle(m.Registered(2, GOAL))
    assert [type(i) for i in found] == [m.Report, m.Reject]
    assert "Duplicate resource URN" in found[0].message
    assert machine.plan.halted
    assert isinstance(machine.handle(m.Registered(3, replace(GOAL, name="z")))[0], m.Reject)


@pytest.mark.parametrize(("preview", "halted"), [(True, False), (False, True)])
def test_a_mandatory_violation_stops_an_up_at_once_and_a_preview_at_the_end(preview: bool, halted: bool) -> None:
    machine = planner(preview=preview)
    machine.handle(m.Registered(1, GOAL))
    machine.handle(m.Checked(1, GOAL.inputs))
    found = machine.handle(m.Analyzed(1, GOAL.inputs, refused=True))
    assert machine.plan.failed
    assert machine.plan.halted is halted
    assert isinstance(found[0], m.Reject if halted else m.Run)


def test_a_failed_check_reports_every_property() -> None:
    machine = planner()
    machine.handle(m.Registered(1, GOAL))
    found = machine.handle(m.Checked(1, GOAL.inputs, (CheckFailure("size", "too big"), CheckFailure("", "no quota"))))
    assert [i.message for i in found[:-1]] == [
        "fake:index:Thing resource 'a': property size value {1} has a problem: too big",
        "fake:index:Thing resource 'a' has a problem: no quota",
    ]


def test_ignored_changes_are_reset_before_the_provider_sees_them() -> None:
    machine = planner(recorded("a", inputs={"size": 1, "tag": "old"}))
    goal = replace(GOAL, inputs={"size": 2, "tag": "new"}, ignore_changes=("size",))
    check = machine.handle(m.Registered(1, goal))[0]
    assert isinstance(check, m.Check)
    assert check.news == {"size": 1, "tag": "new"}


def test_a_replacement_is_checked_anew_without_old_inputs() -> None:
    machine = planner(recorded("a"))
    machine.handle(m.Registered(1, GOAL))
    machine.handle(m.Checked(1, GOAL.inputs))
    machine.handle(m.Analyzed(1, GOAL.inputs))
    again = machine.handle(m.Diffed(1, REPLACING))[0]
    assert isinstance(again, m.Check)
    assert again.old_inputs is None


def test_an_alias_keeps_the_record_under_its_new_name() -> None:
    machine = planner(recorded("old"))
    goal = replace(GOAL, aliases=(AliasSpec(name="old"),))
    found = drive(machine, 1, goal)
    assert isinstance(found[0], m.Renamed)
    assert ops(found) == ["same"]


def test_dependents_of_a_failed_resource_are_skipped_when_the_run_goes_on() -> None:
    machine = planner(continue_on_error=True)
    machine.handle(m.Registered(1, GOAL))
    machine.handle(m.Checked(1, GOAL.inputs))
    run = machine.handle(m.Analyzed(1, GOAL.inputs))[0]
    answer = machine.handle(m.StepFailed(1, run.step))[0]
    assert answer.result == "fail"
    skipped = machine.handle(m.Registered(2, replace(GOAL, name="b", dependencies=(urn("a"),))))
    assert [i.result for i in skipped] == ["skip"]
    assert ops(drive(machine, 3, replace(GOAL, name="c"))) == ["create"]


def test_a_stopped_plan_begins_nothing_new_but_hears_of_what_ends() -> None:
    machine = planner()
    machine.handle(m.Registered(1, GOAL))
    machine.handle(m.Checked(1, GOAL.inputs))
    run = machine.handle(m.Analyzed(1, GOAL.inputs))[0]
    machine.handle(m.Stopped())
    assert isinstance(machine.handle(m.StepEnded(1, run.step, done(run.step)))[0], m.Reject)
    assert machine.plan.known(urn("a")) is not None
    assert isinstance(machine.handle(m.Registered(2, replace(GOAL, name="b")))[0], m.Reject)


def test_replaying_the_events_gives_the_same_plan() -> None:
    events = [
        m.Registered(1, GOAL),
        m.Checked(1, {"size": 2}),
        m.Analyzed(1, {"size": 2}),
        m.Diffed(1, CHANGING),
    ]
    old = recorded("a")
    first, second = planner(old), planner(old)
    left = [[type(i) for i in first.handle(event)] for event in events]
    right = [[type(i) for i in second.handle(event)] for event in events]
    assert left == right


@pytest.mark.parametrize(
    ("fields", "op", "call"),
    [
        ({}, "delete", True),
        ({"retain_on_delete": True}, "delete", False),
        ({"external": True}, "discard", False),
        ({"delete": True}, "delete-replaced", True),
        ({"pending_replacement": True}, "remove-pending-replace", False),
        ({"custom": False, "id": "", "provider": ""}, "delete", False),
    ],
)
def test_what_left_the_program_goes_in_this_way(fields: dict, op: str, call: bool) -> None:
    machine = planner(recorded("a", **fields))
    found = next(i for i in machine.handle(m.ProgramEnded(failed=False)) if isinstance(i, m.RunTogether))
    step = found.runs[0].step
    assert (step.op, step.call) == (op, call)


def test_nothing_is_deleted_when_the_program_failed() -> None:
    machine = planner(recorded("a"))
    assert [type(i) for i in machine.handle(m.ProgramEnded(failed=True))] == [m.Finished]


def test_what_a_failed_deletion_needs_is_kept() -> None:
    machine = planner(recorded("a"), recorded("b", dependencies=(urn("a"),)))
    first = machine.handle(m.ProgramEnded(failed=False))[0]
    assert [run.step.urn for run in first.runs] == [urn("b")]
    rest = machine.handle(m.StepFailed(END_TOKEN, first.runs[0].step))
    assert [type(i) for i in rest] == [m.Finished]


@given(st.data())
def test_deletions_respect_the_dependency_graph(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    resources = []
    for number in range(count):
        needs = data.draw(st.sets(st.integers(0, number - 1))) if number else set()
        parent = data.draw(st.sampled_from(sorted(needs))) if needs else None
        resources.append(
            recorded(
                str(number),
                provider="",
                dependencies=tuple(urn(str(n)) for n in needs),
                parent=urn(str(parent)) if parent is not None else "",
            )
        )
    layers = deletion_layers(resources)
    at = {state.urn: index for index, layer in enumerate(layers) for state in layer}
    assert sorted(at) == sorted(state.urn for state in resources)
    for state in resources:
        assert all(at[state.urn] < at[needed] for needed in references_of(state))


@pytest.mark.parametrize(("diff", "expected"), [(REPLACING, ["create-replacement", "replace"]), (CHANGING, ["same"])])
def test_what_is_deleted_with_a_replaced_resource_is_replaced_too(diff: DiffResult, expected: list[str]) -> None:
    machine = planner(recorded("a"), recorded("b", deleted_with=urn("a")))
    drive(machine, 1, GOAL, diff)
    steps = [i.step for i in drive(machine, 2, replace(GOAL, name="b", deleted_with=urn("a"))) if isinstance(i, m.Run)]
    assert [step.op for step in steps] == expected
    assert {step.keys for step in steps} == {("deletedWith",) if len(steps) > 1 else ()}


@pytest.mark.parametrize(
    ("failed", "preview", "expected"),
    [(False, False, {"new": 2}), (True, False, {"old": 1, "new": 2}), (True, True, {"old": 1, "new": 2})],
)
def test_stack_outputs_replace_the_old_ones_unless_the_run_failed(failed: bool, preview: bool, expected: dict) -> None:
    root = ResourceState(ROOT, "pulumi:pulumi:Stack", custom=False, outputs={"old": 1})
    machine = planner(root, preview=preview)
    drive(machine, 1, Goal("pulumi:pulumi:Stack", "shop-dev", custom=False))
    assert machine.handle(m.OutputsRegistered(2, ROOT, {"new": 2})) == []
    machine.handle(m.ProgramEnded(failed))
    (complete,) = machine.handle(m.Finishing())
    assert complete.after.outputs == expected


def test_outputs_registered_twice_stop_the_run() -> None:
    machine = planner()
    drive(machine, 1, replace(GOAL, custom=False, provider=""))
    assert isinstance(machine.handle(m.OutputsRegistered(2, urn("a"), {"x": 1}))[0], m.Complete)
    report, reject = machine.handle(m.OutputsRegistered(3, urn("a"), {"x": 2}))
    assert "isn't pending" in report.message
    assert isinstance(reject, m.Reject)
