"""WVR-001, and what waivers and days do to the findings of other rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi.runtime.proto import analyzer_pb2 as wire

from inventories.models import Waiver
from policies import dispatcher
from policies.dispatcher import Finding, judge, load_checks
from policies.subject import Violation
from tests.policies.asking import STACK_TYPE, UNKNOWN, Resource, World, deployment, made
from tests.worlds import TODAY

DAY = timedelta(days=1)
PATTERN = "urn:pulumi:s::p::kubernetes:apps/v1:Deployment::*"
TAGGED = deployment("containers", 0, "image", to="registry.example/app:1")
STACK = Resource(STACK_TYPE, {})


def waiver(**changes: Any) -> Waiver:
    facts = {
        "id": "noc-1", "rule": "IMG-001", "stacks": ("s",), "urn_pattern": PATTERN, "owner": "A person",
        "reason": "No digests yet", "approving_office": "Cloud Office", "reference": "NOC/2026/1",
        "starts_on": TODAY - DAY, "ends_on": TODAY + DAY,
    }  # fmt: skip
    return Waiver(**(facts | changes))


def world(*waivers: Waiver, rules: dict[str, Any] | None = None) -> World:
    facts = World().facts
    return World(facts=replace(facts, waivers=waivers, rules=rules or facts.rules))


def told(asked: World, resource: Resource = TAGGED) -> dict[str, tuple[bool, str]]:
    """Rule -> whether it refuses, and its message."""
    found = asked.analyze(resource)
    return {one.policyName: (one.enforcementLevel == wire.MANDATORY, one.message) for one in found}


def test_a_waiver_in_force_turns_a_refusal_into_an_advice_that_names_it() -> None:
    (found,) = world(waiver()).analyze(TAGGED)
    assert found.enforcementLevel == wire.ADVISORY
    assert f"WAIVED BY noc-1 (Cloud Office, NOC/2026/1) until {TODAY + DAY} · " in found.message
    assert told(world(waiver()), STACK) == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ends_on": TODAY - DAY}, f"The waiver noc-1 (Cloud Office, NOC/2026/1) ended on {TODAY - DAY}."),
        ({"starts_on": TODAY + DAY}, f"The waiver noc-1 (Cloud Office, NOC/2026/1) begins on {TODAY + DAY}."),
    ],
)
def test_a_waiver_that_is_not_in_force_refuses_and_says_since_when(change: dict[str, Any], said: str) -> None:
    found = told(world(waiver(**change)))
    assert {rule: refuses for rule, (refuses, _) in found.items()} == {"IMG-001": True, "WVR-001": True}
    assert said in found["IMG-001"][1]
    assert told(world(waiver(**change)), deployment()) == {}
    both = told(world(waiver(**change), waiver(id="noc-2")))
    assert {rule: refuses for rule, (refuses, _) in both.items()} == {"IMG-001": False}


@pytest.mark.parametrize(
    "change",
    [
        {"rule": "POD-001"},
        {"stacks": ("other",)},
        {"urn_pattern": "urn:pulumi:s::p::kubernetes:apps/v1:StatefulSet::*"},
        {"urn_pattern": "urn:pulumi:s::q::kubernetes:apps/v1:Deployment::*"},
    ],
)
def test_out_of_its_scope_a_waiver_says_nothing(change: dict[str, Any]) -> None:
    assert told(world(waiver(**change))) == told(world())


@pytest.mark.parametrize(
    "change",
    [
        {"owner": " "},
        {"reason": ""},
        {"reference": ""},
        {"ends_on": TODAY - 3 * DAY},
        {"ends_on": TODAY + 200 * DAY},
        {"stacks": ("*",)},
        {"urn_pattern": "urn:pulumi:*::*::*::*"},
        {"rule": "PIN-001"},
        {"rule": "ABC-009"},
    ],
)
def test_a_faulty_waiver_waives_nothing_and_refuses_its_stack(change: dict[str, Any]) -> None:
    faulty = waiver().model_copy(update=change)
    assert told(world(faulty))["IMG-001"][0]
    assert set(told(world(faulty), STACK)) == {"WVR-001"}


def test_an_unknown_or_malformed_value_is_never_waived() -> None:
    for image, refusing in ((UNKNOWN, {"UNK-001": True}), (1, {"IMG-001": False})):
        found = told(world(waiver()), deployment("containers", 0, "image", to=image))
        assert {rule: refuses for rule, (refuses, _) in found.items()} == refusing


def test_a_crashed_check_is_never_waived_nor_too_early() -> None:
    def crash(_subject: Any) -> Any:
        raise KeyError

    asked = world(waiver())
    subject = asked.pack._builder.subject(asked.request(TAGGED))
    (check,) = [one for one in load_checks(asked.facts.rules) if one.rule.id == "IMG-001"]
    later = check.rule.model_copy(update={"effective_on": date(2030, 1, 1)})
    for broken in (replace(check, judge=crash), replace(check, judge=crash, rule=later)):
        (found,) = judge(subject, [broken])
        assert found.mandatory


def test_a_rule_binds_from_its_day_on() -> None:
    rules = dict(World().facts.rules)
    for day, refuses in ((TODAY, True), (TODAY + DAY, False)):
        rules["IMG-001"] = rules["IMG-001"].model_copy(update={"effective_on": day})
        refused, message = told(world(rules=rules))["IMG-001"]
        assert refused is refuses
        assert (f"BINDS FROM {day} · " in message) is not refuses
    unknown = told(world(rules=rules), deployment("containers", 0, "image", to=UNKNOWN))
    assert not unknown["UNK-001"][0]


def test_of_two_findings_at_one_path_the_one_that_refuses_stays() -> None:
    asked = world()
    subject = asked.pack._builder.subject(asked.request(TAGGED))
    rules = asked.facts.rules
    early = rules["IMG-001"].model_copy(update={"effective_on": TODAY + DAY})
    from policies.values import UNKNOWN as MARKER

    found: dict[tuple[str, str], Finding] = {}
    for rule in (early, rules["POD-001"], early):
        dispatcher._note(found, rule, subject, Violation("a.path", MARKER, "something"))
    assert [one.mandatory for one in found.values()] == [True]


dates = st.integers(-120, 120).map(lambda days: TODAY + days * DAY)
lengths = st.integers(0, 120)
PATTERNS = [PATTERN, "urn:pulumi:*::*::*::*", "*", "urn:pulumi:s::p::*::deployment", "urn:pulumi:s::p::a:b:C::*"]
FIELDS = ("rule", "stacks", "urn_pattern", "starts_on")
waivers = st.builds(
    lambda *values: waiver().model_copy(
        update=dict(zip(FIELDS, values[:4], strict=True)) | {"ends_on": values[3] + values[4] * DAY}
    ),
    st.sampled_from(["IMG-001", "POD-001", "CAT-001", "UNK-001", "OPQ-002", "PIN-001", "WVR-001", "NO-SUCH"]),
    st.sampled_from([("s",), ("other",), ("*",)]),
    st.sampled_from(PATTERNS),
    dates,
    lengths,
)  # fmt: skip
resources = st.sampled_from(
    [
        TAGGED,
        deployment("hostPID", to=True),
        deployment("hostPID", to=UNKNOWN),
        made("ConfigMap", "v1", category=None),
        Resource("a:b:C", {}, World().provider().provider),
        made("Deployment", "apps/v1", category=None, spec=UNKNOWN),
    ]
)


@settings(deadline=None, max_examples=60)
@given(waivers, resources)
def test_a_waiver_touches_its_scope_alone_and_never_a_rule_that_cannot_be_waived(
    given: Waiver, asked: Resource
) -> None:
    without, beside = World(), world(given)

    def findings(one: World) -> dict[tuple[str, str], Finding]:
        subject = one.pack._builder.subject(one.request(asked))
        return {(found.rule, found.path): found for found in judge(subject, load_checks(one.facts.rules))}

    before, after = findings(without), findings(beside)
    assert before.keys() <= after.keys()
    assert {rule for rule, _ in after.keys() - before.keys()} <= {"WVR-001"}
    for key, found in before.items():
        rule = without.facts.rules[found.rule]
        if not rule.waivable or not given.covers(found.rule, "s", found.urn):
            assert after[key] == found
        elif not after[key].mandatory:
            assert after[key].waiver == given.id
            assert given.starts_on <= TODAY <= given.ends_on
