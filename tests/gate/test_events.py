"""What an engine's events must show before a preview counts as judged, and what two plans have in common."""

from __future__ import annotations

import copy

import pytest

from gate.coverage import Pack, judged
from gate.plan import deed_faults, operations, plan_faults, planned
from inventories import OnshoreError

PACK = Pack("onshore", "0.1.0", frozenset({"RES-001", "UNK-001"}))
NAMED = {"policyPackName": "onshore", "policyPackVersion": "v0.1.0"}
URN = "urn:pulumi:s::p::t:index:T::"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
WILD = "a\n<b>\u202e" + "x" * 10_000


def step(resource="one", op="create", **inputs):
    metadata = {"op": op, "urn": URN + resource, "provider": "", "new": {"inputs": inputs}, "logical": True}
    return {"resourcePreEvent": {"metadata": metadata}}


def verdict(name="one", rules=("RES-001", "UNK-001"), **body):
    return {"policyAnalyzeSummaryEvent": {"resourceUrn": URN + name, "passed": list(rules), **NAMED, **body}}


def finding(message, level="advisory", name="one"):
    body = {"resourceUrn": URN + name, "policyName": "RES-001", "message": message, "enforcementLevel": level}
    return {"policyEvent": {**body, **NAMED}}


def stream(*middle, count=1, **summary):
    end = {"isPreview": True, "result": "succeeded", "resourceChanges": {"create": count}}
    packs = {"PolicyPacks": {"onshore|local|/x": "0.1.0"}}
    asked = {"policyAnalyzeStackSummaryEvent": NAMED}
    return [{"policyLoadEvent": {}}, *middle, asked, {"summaryEvent": {**end, **packs, **summary}}]


def test_a_whole_stream_is_judged_and_its_waivers_are_told():
    judgement = judged(
        stream(verdict(), finding("RES-001 critical WAIVED BY noc-7 (an office, 1) until 2026-12-31 · x"), step()), PACK
    )
    assert (judgement.registered, judgement.reads) == (1, ())
    assert [(one.rule, one.waiver) for one in judgement.waived] == [("RES-001", "noc-7")]


def test_a_finding_of_a_rule_that_binds_later_is_told():
    judgement = judged(stream(verdict(), finding("RES-001 critical BINDS FROM 2027-01-01 · x"), step()), PACK)
    assert [(one.rule, one.urn[-3:]) for one in judgement.advised] == [("RES-001", "one")]
    assert judgement.waived == ()


GAPS = {
    "cut short": (stream(verdict(), step())[:-1], "end without a summary"),
    "steps cut out": (stream(verdict(), step(), count=2), "steps are missing"),
    "no pack": (stream(verdict(), step())[1:], "no policy pack was loaded"),
    "never judged": (stream(step()), "never judged by the pack onshore"),
    "another version": (stream(verdict(policyPackVersion="0.0.9"), step()), "another version than 0.1.0"),
    "another pack": (stream(verdict(policyPackName="other"), step()), "never judged"),
    "a rule switched off": (stream(verdict(rules=("UNK-001",)), step()), "not judged by RES-001"),
    "registered twice": (stream(verdict(), step(), step(), count=2), "registered twice"),
    "judged, not registered": (stream(verdict(), step(), verdict("two")), "no step of it is in the events"),
    "skipped for an unknown": (stream(verdict(), finding("can't run policy 'RES-001'"), step()), "could not judge"),
    "an advice": (stream(verdict(), finding("rather not"), step()), "gave an advice"),
    "a violation": (stream(verdict(), finding("no", "mandatory"), step()), "refused by RES-001"),
    "not a preview": (stream(verdict(), step(), isPreview=False), "not a preview's"),
    "failed": (stream(verdict(), step(), result="failed"), "did not succeed"),
}


@pytest.mark.parametrize("name", GAPS)
def test_a_gap_in_the_events_is_refused(name):
    events, says = GAPS[name]
    with pytest.raises(OnshoreError) as raised:
        judged(events, PACK)
    assert raised.value.refused
    assert says in str(raised.value)
    assert all(fault.fix for fault in raised.value.faults)


def test_names_that_would_break_a_message_are_shown_on_one_line():
    with pytest.raises(OnshoreError) as raised:
        judged(stream(step(WILD)), PACK)
    assert all(len(fault.where) <= 200 and fault.where.isprintable() for fault in raised.value.faults)


def test_two_previews_with_names_made_up_and_other_secrets_plan_the_same():
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"}
    one = [step(name="one-0123abcd", key=secret), step("two", of="v1/one-0123abcd")]
    two = copy.deepcopy(one)
    two[0]["resourcePreEvent"]["metadata"]["new"]["inputs"] = {
        "name": "one-89abcdef",
        "key": {**secret, "ciphertext": "y"},
    }
    two[1]["resourcePreEvent"]["metadata"]["new"]["inputs"] = {"of": "v1/one-89abcdef"}
    plans = [planned(operations(events)) for events in (one, two[::-1])]
    assert plan_faults(*plans) == []
    faults = plan_faults(plans[0], planned(operations([step(a=1), step("three")])))
    assert {fault.where.rpartition("::")[2] for fault in faults} == {"one", "two", "three"}


def test_an_up_that_does_something_else_is_told_and_what_was_unknown_may_be_anything():
    plan = operations([step(known="a", later=UNKNOWN)])
    assert deed_faults(plan, operations([step(known="a", later="b")]), whole=True) == []
    assert deed_faults(plan, operations([step(known="z", later="b")]), whole=True)
    assert deed_faults(plan, operations([step("two")]), whole=False)
    assert deed_faults(plan, (), whole=True)
    assert deed_faults(plan, (), whole=False) == []
