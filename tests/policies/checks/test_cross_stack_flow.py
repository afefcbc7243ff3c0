"""FLO-001: which reading of another stack is lawful, and that nothing is read past one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventories.models import Declassification
from policies import flow
from policies.reading import READING, REFERENCE, reference_of
from tests.policies.asking import DROP, STACK_TYPE, UNKNOWN, Resource, World, changed, made, secret, urn
from tests.worlds import DEPARTMENT, TODAY

DAY = timedelta(days=1)
PROPS = {
    "category": "restricted",
    "department": DEPARTMENT,
    "fromStack": "q/source",
    "fromCategory": "restricted",
    "fromDepartment": DEPARTMENT,
    "outputs": ["port", "url"],
}
RANKED = ("open", "public", "restricted", "confidential", "secret")


def reading(*path: Any, to: Any = None, name: str = "forms") -> Resource:
    return Resource(READING, changed(PROPS, *path, to=to) if path else PROPS, name=name)


def record(**changes: Any) -> Declassification:
    facts = {
        "id": "dcl-1", "from_stack": "q/source", "to_stack": "p/s", "outputs": ("port", "url"), "owner": "A person",
        "reason": "A public address", "approver": "The head", "reference": "DCL/2026/1",
        "starts_on": TODAY - DAY, "ends_on": TODAY + DAY,
    }  # fmt: skip
    return Declassification(**(facts | changes))


def world(category: str = "restricted", *records: Declassification) -> World:
    return World(facts=replace(World().facts, declassifications=records), category=category)


def refused(asked: World, resource: Resource) -> set[str]:
    return asked.refused_by(resource) & {"FLO-001", "UNK-001"}


@pytest.mark.parametrize(("own", "read"), list(product(RANKED, RANKED)))
def test_data_flows_to_the_same_category_or_a_stricter_one(own: str, read: str) -> None:
    lawful = RANKED.index(read) <= RANKED.index(own)
    assert refused(world(own), reading("fromCategory", to=read)) == (set() if lawful else {"FLO-001"})


MALFORMED = [
    ("fromStack", "source"),
    ("fromStack", "a/b/c"),
    ("fromStack", "/source"),
    ("fromStack", 1),
    ("fromCategory", "restrictd"),
    ("fromCategory", ["restricted"]),
    ("fromDepartment", "nobody"),
    ("fromDepartment", 1),
    ("outputs", []),
    ("outputs", "url"),
    ("outputs", {"url": "url"}),
    ("outputs", ["url", 1]),
    ("outputs", ["url", " "]),
]


@pytest.mark.parametrize(("field", "value"), MALFORMED)
def test_a_malformed_reading_is_refused(field: str, value: Any) -> None:
    assert refused(world("secret"), reading(field, to=value)) == {"FLO-001"}


@pytest.mark.parametrize("field", ["fromStack", "fromCategory", "fromDepartment", "outputs"])
def test_a_reading_that_leaves_something_open_is_refused(field: str) -> None:
    assert refused(world("secret"), reading(field, to=DROP)) == {"FLO-001"}
    assert refused(world("secret"), reading(field, to=UNKNOWN)) == {"UNK-001"}
    assert refused(world("secret"), reading("outputs", to=["url", UNKNOWN])) == {"UNK-001"}


def test_the_alias_of_a_category_is_that_category_and_a_secret_is_judged_like_any_value() -> None:
    assert refused(world("confidential"), reading("fromCategory", to="sensitive")) == set()
    assert refused(world(), reading("fromCategory", to=secret("sensitive"))) == {"FLO-001"}


def test_a_stack_without_a_category_reads_as_the_least_sensitive() -> None:
    asked = World(config={"onshore:category": None})
    assert refused(asked, reading("fromCategory", to="public")) == {"FLO-001"}
    assert refused(asked, reading("fromCategory", to="open")) == set()


CONFIDENTIAL = reading("fromCategory", to="confidential")


@pytest.mark.parametrize(
    ("change", "lawful"),
    [
        ({}, True),
        ({"outputs": ("port", "token", "url")}, True),
        ({"outputs": ("url",)}, False),
        ({"outputs": ("port", "Url")}, False),
        ({"from_stack": "p/source"}, False),
        ({"to_stack": "q/s"}, False),
        ({"from_stack": "p/s", "to_stack": "q/source"}, False),
        ({"starts_on": TODAY}, True),
        ({"ends_on": TODAY}, True),
        ({"starts_on": TODAY + DAY}, False),
        ({"ends_on": TODAY - DAY}, False),
    ],
)
def test_a_declassification_opens_its_outputs_on_its_days(change: dict[str, Any], lawful: bool) -> None:
    assert refused(world("restricted", record(**change)), CONFIDENTIAL) == (set() if lawful else {"FLO-001"})


@pytest.mark.parametrize(
    "change",
    [
        {"owner": " "},
        {"approver": ""},
        {"outputs": ("*", "port", "url")},
        {"ends_on": TODAY + DAY, "starts_on": TODAY + 2 * DAY},
    ],
)
def test_a_faulty_declassification_opens_nothing(change: dict[str, Any]) -> None:
    faulty = record().model_copy(update=change)
    assert refused(world("restricted", faulty), CONFIDENTIAL) == {"FLO-001"}


def test_a_refusal_says_when_a_declassification_ended_or_begins() -> None:
    asked = world("restricted", record(ends_on=TODAY - DAY), record(id="dcl-2", starts_on=TODAY + DAY))
    (found,) = [one for one in asked.analyze(CONFIDENTIAL) if one.policyName == "FLO-001"]
    assert f"dcl-1 ended on {TODAY - DAY}; dcl-2 begins on {TODAY + DAY}" in found.message


REFERENCE_URN = f"urn:pulumi:s::p::{READING}${REFERENCE}::forms-outputs"
PAST = [
    f"urn:pulumi:s::p::{REFERENCE}::organization/q/source",
    f"urn:pulumi:s::p::{READING}${REFERENCE}::others-outputs",
    f"urn:pulumi:s::p::{READING}${REFERENCE}::forms",
    f"urn:pulumi:s::p::example:index:Other${REFERENCE}::forms-outputs",
    f"urn:pulumi:s::p::{REFERENCE}::forms-outputs::more",
]


@pytest.mark.parametrize("way", ["sources", "other", "waits"])
def test_whatever_a_resource_takes_comes_through_a_reading(way: str) -> None:
    user = made("ConfigMap", "v1")
    assert urn(reading()) == f"urn:pulumi:s::p::{READING}::forms"
    assert world().stack_refused_by(reading(), user, **{way: {user.name: [REFERENCE_URN]}}) == set()
    assert world().stack_refused_by(user, **{way: {user.name: [REFERENCE_URN]}}) == {"FLO-001"}
    for past in PAST:
        assert world().stack_refused_by(reading(), user, **{way: {user.name: [past]}}) == {"FLO-001"}
    assert world().stack_refused_by(user, **{way: {user.name: [urn(made("Secret", "v1"))]}}) == set()


# ------------------------------------------------------------ the engine's events


def events(*steps: dict[str, Any], category: Any = "restricted") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"preludeEvent": {"config": {"onshore:category": category}}}]
    stack = {"op": "create", "type": STACK_TYPE, "urn": f"urn:pulumi:s::p::{STACK_TYPE}::p-s", "new": {"inputs": {}}}
    for step in (stack, *steps):
        begun = {**step, "new": {**(step["new"] or {}), "outputs": {}}}
        found += [{"resourcePreEvent": {"metadata": begun}}, {"resOutputsEvent": {"metadata": step}}]
    return found


def read(
    category: Any = "confidential", name: Any = "organization/q/source", parent: str = "", op: str = "read"
) -> dict[str, Any]:
    outputs = {"url": "u"} if category is DROP else {"url": "u", "category": category}
    type_ = f"{READING}${REFERENCE}" if parent else REFERENCE
    new = {"parent": parent, "inputs": {"name": name}, "outputs": {"name": name, "outputs": outputs}}
    return {"op": op, "type": REFERENCE, "urn": f"urn:pulumi:s::p::{type_}::forms-outputs", "new": new}


def said(**changes: Any) -> dict[str, Any]:
    return {"op": "create", "type": READING, "urn": urn(reading()), "new": {"inputs": PROPS | changes}}


HONEST = (said(fromCategory="confidential"), read(parent=urn(reading())))


@pytest.mark.parametrize(
    ("steps", "own", "records", "lawful"),
    [
        ((), "open", (), True),
        ((read("restricted"),), "restricted", (), True),
        ((read("public"),), "restricted", (), True),
        ((read("confidential"),), "restricted", (), False),
        ((read("confidential"),), "restricted", (record(),), False),
        (HONEST, "restricted", (record(),), True),
        (HONEST, "restricted", (), False),
        (HONEST, "restricted", (record(ends_on=TODAY - DAY),), False),
        (HONEST, "restricted", (record(outputs=("url",)),), False),
        ((said(), HONEST[1]), "restricted", (record(),), False),
        ((said(fromCategory="confidential", fromStack="q/other"), HONEST[1]), "restricted", (record(),), False),
        ((said(fromCategory="confidential", outputs=[]), HONEST[1]), "restricted", (record(),), False),
        ((HONEST[0], read()), "restricted", (record(),), False),
        ((read(DROP),), "secret", (), False),
        ((read("[secret]"),), "secret", (), False),
        ((read("restrictd"),), "secret", (), False),
        ((read(None),), "secret", (), False),
        ((read(["open"]),), "secret", (), False),
        ((read("open", name=None),), "secret", (), False),
        ((read("public"),), None, (), False),
        ((read("open"),), None, (), True),
        ((read("secret", op="discard"),), "open", (), True),
        ((read("secret", op="read-replacement"),), "open", (), False),
        ((read("secret", name="source"),), "open", (), False),
    ],
)  # fmt: skip
def test_what_the_events_show_to_be_read_is_judged(
    steps: tuple[dict[str, Any], ...], own: str | None, records: tuple[Declassification, ...], lawful: bool
) -> None:
    found = flow.findings(events(*steps, category=own), world("restricted", *records).facts)
    assert [one.rule for one in found] == ([] if lawful else ["FLO-001"])


def called(outputs: Any) -> dict[str, Any]:
    return {"stackReadEvent": {"outputs": outputs}}


@pytest.mark.parametrize(
    ("outputs", "lawful"),
    [
        ({"name": "organization/q/source", "outputs": {"category": "restricted"}}, True),
        ({"name": "organization/q/source", "outputs": {"category": "secret"}}, False),
        ({"name": "organization/q/source", "outputs": {"category": "confidential"}}, True),
        ({"name": "organization/q/other", "outputs": {"category": "confidential"}}, False),
        ({"name": "organization/q/source", "outputs": {}}, False),
        ({"name": "organization/q/source", "outputs": "[secret]"}, False),
        (None, False),
    ],
)
def test_a_call_that_reads_a_stack_is_judged_by_the_readings_of_the_run(outputs: Any, lawful: bool) -> None:
    facts = world("restricted", record()).facts
    seen = [*events(*HONEST), called(outputs)]
    assert flow.reads([called(outputs)])
    assert [one.rule for one in flow.findings(seen, facts)] == ([] if lawful else ["FLO-001"])


def test_a_read_whose_end_the_events_do_not_show_is_refused() -> None:
    cut = events(read("open"))[:-1]
    assert flow.reads(cut)
    assert [one.rule for one in flow.findings(cut, world().facts)] == ["FLO-001"]


def test_a_stack_of_this_project_is_known_with_and_without_its_full_name() -> None:
    opened = record(from_stack="p/source")
    for name in ("source", "organization/source", "organization/p/source"):
        steps = (said(fromCategory="confidential", fromStack="p/source"), read(name=name, parent=urn(reading())))
        assert flow.findings(events(*steps), world("restricted", opened).facts) == []


names = st.sampled_from(["q/source", "p/source", "p/s"])
some = st.lists(st.sampled_from(["url", "port", "token"]), min_size=1, unique=True)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(RANKED), st.sampled_from(RANKED), names, some, some, st.integers(-3, 3), st.integers(0, 3))
def test_pack_and_events_say_the_same_of_an_honest_reading(
    own: str, category: str, name: str, asked: list[str], opened: list[str], starts: int, days: int
) -> None:
    begins = TODAY + starts * DAY
    one = record(outputs=tuple(opened), starts_on=begins, ends_on=begins + days * DAY)
    facts = world(own, one).facts
    told = {"fromStack": name, "fromCategory": category, "outputs": asked}
    by_pack = bool(refused(world(own, one), Resource(READING, PROPS | told, name="forms")))
    steps = (said(**told), read(category, f"organization/{name}", urn(reading())))
    assert bool(flow.findings(events(*steps, category=own), facts)) == by_pack
    if RANKED.index(category) <= RANKED.index(own):
        assert not by_pack


def test_a_reading_names_its_reference() -> None:
    assert reference_of(urn(reading())) == REFERENCE_URN
    assert reference_of("not a urn") == ""
