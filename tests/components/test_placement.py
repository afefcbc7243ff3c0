"""What a placement decision tells: the choice, the reasons, the way out, and the words for them."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.explain import as_dict, as_error, explain, way_out
from components.placement import WISH, Placement, Placer, Refusal, Request, place
from inventories import load_profile, load_register, load_rules
from inventories.models import Status, StatusChange
from tests.worlds import load_cases

if TYPE_CHECKING:
    from inventories.models import Profile, Register

ON = date(2026, 6, 1)
RESTRICTED = Request(
    department="health-example", category="restricted", vcpu=2, memory_gib=4, storage_gib=10, from_stack=True
)
ABROAD = replace(RESTRICTED, region="example-csp-delta-xa")


@pytest.fixture(scope="module")
def register() -> Register:
    return load_register(Path("inventories/registers/example"))


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile("pakistan-cloud-first-trial")


def placed(request: Request, register: Register, profile: Profile, on: date = ON) -> Placement:
    decision = place(request, register, profile, on=on)
    assert isinstance(decision, Placement), explain(decision)
    return decision


def refused(request: Request, register: Register, profile: Profile, on: date = ON) -> Refusal:
    decision = place(request, register, profile, on=on)
    assert isinstance(decision, Refusal), explain(decision)
    return decision


def test_a_rule_that_binds_later_is_told_and_does_not_choose(register: Register, profile: Profile) -> None:
    rules, day = dict(load_rules()), date(2026, 7, 1)
    rules["RES-001"] = rules["RES-001"].model_copy(update={"effective_on": day})
    abroad = replace(RESTRICTED, cluster="example-csp-delta-xa-1")
    assert "RES-001" in {rule for verdict in refused(abroad, register, profile).verdicts for rule in verdict.rules}
    decision = place(abroad, register, profile, on=ON, rules=rules)
    words = explain(decision, rules)
    assert "    advice, BINDS FROM 2026-07-01: RES-001 restricted data must stay in the country: got XA" in words
    assert f"  RES-001 {rules['RES-001'].title}." in words
    told = next(one for one in as_dict(decision)["candidates"] if one["cluster"] == "example-csp-delta-xa-1")
    assert [(one["rule"], one["binds_from"]) for one in told["advices"]] == [("RES-001", "2026-07-01")]
    assert "RES-001" not in {one["rule"] for one in told["reasons"]}
    later = place(abroad, register, profile, on=day, rules=rules)
    assert isinstance(later, Refusal)
    assert "BINDS FROM" not in explain(later, rules)


def test_restricted_data_goes_to_the_cheapest_lawful_cluster(register: Register, profile: Profile) -> None:
    decision = placed(RESTRICTED, register, profile)
    assert (decision.cluster.id, decision.site.id, decision.region.id, decision.provider.id) == (
        "example-csp-alpha-khi-1",
        "pk-example-site-1",
        "example-csp-alpha-khi",
        "example-csp-alpha",
    )
    assert decision.monthly_cost_pkr == 2 * 2600 + 4 * 650 + 10 * 28
    assert decision.because == "the cheapest of 2 lawful clusters for restricted data on 2026-06-01"
    assert decision.register == f"{register.version}@{register.digest[:12]}"
    assert {v.place.id: v.rules for v in decision.verdicts if not v.lawful} == {
        "example-csp-beta-isb-1": {"ACC-001"},
        "example-csp-delta-xa-1": {"RES-001", "CAT-002"},
        "example-csp-epsilon-pew-1": {"ACC-003"},
        "example-csp-gamma-lyp-1": {"ACC-001"},
        "example-csp-zeta-mux-1": {"CAT-002", "CAT-003", "CRY-001"},
    }


@pytest.mark.parametrize(
    ("department", "category", "exposure", "cluster"),
    [
        ("statistics-example", "open", "public", "example-csp-zeta-mux-1"),
        ("statistics-example", "public", "internal", "example-csp-zeta-mux-1"),
        ("finance-example", "confidential", "internal", "example-csp-alpha-khi-1"),
        ("finance-example", "sensitive", "internal", "example-csp-alpha-khi-1"),
        ("finance-example", "secret", "internal", "example-csp-alpha-lhe-1"),
    ],
)
def test_each_department_of_the_example_has_its_place(
    register: Register, profile: Profile, department: str, category: str, exposure: str, cluster: str
) -> None:
    request = Request(department=department, category=category, exposure=exposure)
    assert placed(request, register, profile).cluster.id == cluster


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cluster", "example-csp-alpha-lhe-1"),
        ("region", "example-csp-alpha-lhe"),
        ("site", "pk-example-site-2"),
    ],
)
def test_a_wish_is_granted_where_it_is_lawful(register: Register, profile: Profile, field: str, value: str) -> None:
    decision = placed(replace(RESTRICTED, **{field: value}), register, profile)
    assert decision.cluster.id == "example-csp-alpha-lhe-1"
    assert decision.because == "the only lawful cluster for restricted data on 2026-06-01"
    cheaper = next(v for v in decision.verdicts if v.place.id == "example-csp-alpha-khi-1")
    assert cheaper.rules == {WISH}


def test_a_foreign_region_is_refused_with_every_reason_and_the_way_out(register: Register, profile: Profile) -> None:
    decision = refused(ABROAD, register, profile)
    assert len(decision.verdicts) == len(register.clusters())
    text = explain(decision, load_rules())
    assert "RES-001 restricted data must stay in the country: got XA (xa-example-site-1), allowed PK" in text
    assert "CAT-002 deployment model not allowed for restricted data: got public" in text
    assert text.endswith(
        "Way out: remove `onshore:placement.region: example-csp-delta-xa`; "
        "then example-csp-alpha-khi-1 (Karachi, PKR 8,080 a month) is lawful."
    )
    error = as_error(decision)
    assert error.refused
    assert "Way out: remove" in str(error)


def test_a_program_that_asks_for_itself_is_not_told_of_keys_that_it_does_not_have(
    register: Register, profile: Profile
) -> None:
    decision = refused(replace(ABROAD, exposure="public", from_stack=False), register, profile)
    assert "set `exposure: internal`, and do not ask for region example-csp-delta-xa; then" in way_out(decision)
    assert "onshore:" not in explain(decision)
    wrong = refused(replace(ABROAD, region="nowhere", category="none", from_stack=False), register, profile)
    assert [fault.where for fault in wrong.faults] == ["category", "region"]


def test_the_way_out_may_take_several_steps(register: Register, profile: Profile) -> None:
    decision = refused(replace(ABROAD, exposure="public"), register, profile)
    assert [change.field for change in decision.changes] == ["exposure", "region"]
    assert "set `onshore:exposure: internal`, and remove `onshore:placement.region" in way_out(decision)


def test_what_the_department_can_do_goes_before_what_others_must(register: Register, profile: Profile) -> None:
    """One audit would make epsilon lawful as well, but dropping two wishes lies in the department's own hands."""
    wishes = {"provider": "example-csp-epsilon", "site": "pk-example-site-5"}
    decision = refused(replace(RESTRICTED, **wishes), register, profile)
    assert {change.who for change in decision.changes} == {"department"}
    assert decision.leads_to.place.id == "example-csp-alpha-khi-1"


EARLY = date(2024, 1, 1)


def test_a_day_that_the_register_names_goes_before_what_nobody_has_promised(
    register: Register, profile: Profile
) -> None:
    """Beta is cheaper, but nobody has promised its accreditation; the others' is in the register with its day."""
    decision = refused(RESTRICTED, register, profile, EARLY)
    assert [change.who for change in decision.changes] == ["time"]
    assert decision.wait_until == date(2025, 1, 1)
    assert placed(RESTRICTED, register, profile, date(2025, 1, 1)).cluster == decision.leads_to.place
    said = way_out(decision)
    assert said.startswith("Way out: wait until 2025-01-01, when the register is in force and has ")
    assert f"{decision.leads_to.provider.id} accredited and its audits passed; then" in said
    assert "not in your hands" not in said
    assert "beta" not in said


def test_an_audit_that_is_recorded_for_later_is_waited_for(register: Register, profile: Profile) -> None:
    text = explain(refused(RESTRICTED, register, profile, EARLY))
    assert "wait until 2024-11-15, when the register has it passed" in text
    late = explain(refused(RESTRICTED, register, profile, date(2037, 1, 1)))  # no audit lies ahead
    assert "the provider passes a security audit and the register records it" in late


def test_what_the_department_can_do_today_goes_before_a_wait(register: Register, profile: Profile) -> None:
    beta = next(p for p in register.providers if p.id == "example-csp-beta")
    history = (*beta.accreditation.history, StatusChange(status=Status.ACCREDITED, effective_on=date(2026, 7, 1)))
    soon = beta.model_copy(update={"accreditation": beta.accreditation.model_copy(update={"history": history})})
    changed = tuple(soon if p is beta else p for p in register.providers)
    sooner = register.model_copy(update={"providers": changed})
    decision = refused(replace(RESTRICTED, provider="example-csp-beta"), sooner, profile)
    assert [change.who for change in decision.changes] == ["department"]
    assert decision.wait_until is None


def test_what_stands_against_the_register_itself_is_said_once(register: Register, profile: Profile) -> None:
    decision = refused(RESTRICTED, register, profile, EARLY)
    assert explain(decision).count("ACC-004") == 1
    assert all("ACC-004" in verdict.rules for verdict in decision.verdicts)


def test_among_equally_small_ways_out_a_place_in_the_country_comes_first(register: Register, profile: Profile) -> None:
    """Delta abroad costs less than alpha, and dropping either wish is one step."""
    asked = replace(RESTRICTED, category="open", country="XA", region="example-csp-alpha-khi")
    decision = refused(asked, register, profile)
    abroad = placed(replace(asked, region=None), register, profile)
    assert (abroad.site.country, decision.leads_to.place.id) == ("XA", "example-csp-alpha-khi-1")
    assert abroad.monthly_cost_pkr < decision.leads_to.monthly_cost_pkr
    assert [change.field for change in decision.changes] == ["country"]


def test_machines_are_told_apart_what_is_unlawful_and_what_was_not_wished(register: Register, profile: Profile) -> None:
    told = {
        c["cluster"]: (c["lawful"], c["as_wished"]) for c in as_dict(refused(ABROAD, register, profile))["candidates"]
    }
    assert told["example-csp-alpha-khi-1"] == (True, False)
    assert told["example-csp-delta-xa-1"] == (False, True)
    assert told["example-csp-beta-isb-1"] == (False, False)


def test_where_only_others_can_help_the_way_out_says_so(register: Register, profile: Profile) -> None:
    without_alpha = tuple(p for p in register.providers if p.id != "example-csp-alpha")
    decision = refused(RESTRICTED, register.model_copy(update={"providers": without_alpha}), profile)
    assert decision.leads_to.place.id == "example-csp-beta-isb-1"
    assert "not in your hands" in way_out(decision)


def test_where_nothing_helps_the_way_out_says_so(register: Register, profile: Profile) -> None:
    only_delta = tuple(p for p in register.providers if p.id == "example-csp-delta")
    decision = refused(RESTRICTED, register.model_copy(update={"providers": only_delta}), profile)
    assert (decision.changes, decision.leads_to) == ((), None)
    assert way_out(decision).startswith("Way out: none by changing the request")


def test_an_approval_is_a_way_out_for_secret_data_in_a_private_cloud() -> None:
    case = next(case for case in load_cases() if case.id == "models/secret-on-private-without-approval")
    decision = refused(case.request, case.register, case.profile, case.on)
    (change,) = decision.changes
    assert change.who == "cloud office"
    assert "an approval of private cloud for secret data of health-example" in change.step


def test_public_data_asks_for_a_public_way_in(register: Register, profile: Profile) -> None:
    request = Request(
        department="statistics-example", category="open", exposure="public", cluster="example-csp-alpha-khi-1"
    )
    decision = refused(request, register, profile)
    verdict = next(v for v in decision.verdicts if v.place.id == "example-csp-alpha-khi-1")
    assert verdict.rules == {WISH}
    assert placed(replace(request, exposure="internal"), register, profile).cluster.id == "example-csp-alpha-khi-1"


def test_the_production_profile_refuses_the_example_register_altogether(register: Register) -> None:
    decision = refused(RESTRICTED, register, load_profile("pakistan-cloud-first"))
    assert all("ACC-004" in verdict.rules for verdict in decision.verdicts)
    assert decision.leads_to is None


@pytest.mark.parametrize(("on", "rule"), [(date(2024, 12, 31), "ACC-004"), (date(2037, 1, 1), "ACC-004")])
def test_outside_the_dates_of_the_register_nothing_is_lawful(
    register: Register, profile: Profile, on: date, rule: str
) -> None:
    assert all(rule in verdict.rules for verdict in refused(RESTRICTED, register, profile, on).verdicts)


def test_the_same_question_is_answered_for_each_day_by_itself(register: Register, profile: Profile) -> None:
    on_gamma = replace(RESTRICTED, provider="example-csp-gamma")
    assert placed(on_gamma, register, profile, date(2025, 8, 31)).cluster.id == "example-csp-gamma-lyp-1"
    assert refused(on_gamma, register, profile, date(2025, 9, 1)).changes
    on_epsilon = replace(RESTRICTED, provider="example-csp-epsilon")
    assert placed(on_epsilon, register, profile, date(2025, 11, 14)).cluster.id == "example-csp-epsilon-pew-1"
    assert refused(on_epsilon, register, profile, date(2025, 11, 15)).changes


FAULTS = [
    ({"category": "restrictd"}, "onshore:category", "unknown data category", "did you mean `restricted`?"),
    ({"category": "Restricted"}, "onshore:category", "unknown data category", "did you mean `restricted`?"),
    ({"category": ""}, "onshore:category", "unknown data category", "known: `open`"),
    ({"department": "helth-example"}, "onshore:department", "unknown department", "did you mean `health-example`?"),
    ({"region": "example-csp-delta-xy"}, "onshore:placement.region", "unknown region", "`example-csp-delta-xa`"),
    ({"cluster": "nowhere"}, "onshore:placement.cluster", "unknown cluster", "known: `example-csp-alpha-khi-1`"),
    ({"site": ""}, "onshore:placement.site", "unknown site", "known: `pk-example-site-1`"),
    ({"provider": "example-csp-eta"}, "onshore:placement.provider", "unknown provider", "did you mean"),
    ({"country": "QQ"}, "onshore:placement.country", "unknown country", "known: `PK`, `XA`"),
    ({"deployment_model": "goverment"}, "onshore:placement.deployment_model", "unknown deployment", "`government`"),
    ({"exposure": "pubic"}, "onshore:exposure", "unknown exposure", "did you mean `public`?"),
    ({"service_kind": "database"}, "service_kind", "unknown kind of service", "`kubernetes`"),
    ({"vcpu": -1.0}, "vcpu", "a size must be", ""),
    ({"memory_gib": float("nan")}, "memory_gib", "a size must be", ""),
    ({"storage_gib": float("inf")}, "storage_gib", "a size must be", ""),
]


@pytest.mark.parametrize(("fields", "where", "what", "fix"), FAULTS, ids=[f"{row[0]}" for row in FAULTS])
def test_a_request_that_makes_no_sense_is_a_fault_with_the_nearest_name(
    register: Register, profile: Profile, fields: dict[str, str], where: str, what: str, fix: str
) -> None:
    decision = refused(replace(RESTRICTED, **fields), register, profile)
    (fault,) = decision.faults
    assert fault.where == where
    assert what in fault.what
    assert fix in fault.fix
    error = as_error(decision)
    assert not error.refused
    assert error.faults == decision.faults


def test_all_faults_of_a_request_are_named_at_once(register: Register, profile: Profile) -> None:
    request = Request(department="x", category="y", region="z", exposure="w", vcpu=-1)
    assert len(refused(request, register, profile).faults) == 5


def test_a_register_of_another_country_is_refused(register: Register, profile: Profile) -> None:
    (fault,) = refused(RESTRICTED, register.model_copy(update={"country": "XA"}), profile).faults
    assert "different countries" in fault.what


def test_a_decision_is_told_to_machines_as_plain_json(register: Register, profile: Profile) -> None:
    good = json.loads(json.dumps(as_dict(placed(RESTRICTED, register, profile))))
    assert (good["decision"], good["cluster"], good["country"]) == ("placed", "example-csp-alpha-khi-1", "PK")
    bad = json.loads(json.dumps(as_dict(refused(ABROAD, register, profile))))
    assert (bad["decision"], bad["leads_to"]) == ("refused", "example-csp-alpha-khi-1")
    assert bad["changes"][0]["field"] == "region"
    rules = {c["cluster"]: {r["rule"] for r in c["reasons"]} for c in bad["candidates"]}
    assert rules["example-csp-delta-xa-1"] == {"RES-001", "CAT-002"}


def test_one_placer_answers_many_requests_without_mixing_them(register: Register, profile: Profile) -> None:
    placer = Placer(register, profile, on=ON)
    requests = [RESTRICTED, ABROAD, replace(RESTRICTED, category="secret"), replace(RESTRICTED, category="open")]
    for request in (*requests, *reversed(requests)):
        assert placer.place(request) == place(request, register, profile, on=ON)


def test_requests_and_decisions_travel_between_processes(register: Register, profile: Profile) -> None:
    for request in (RESTRICTED, ABROAD, replace(RESTRICTED, category="none")):
        decision = place(pickle.loads(pickle.dumps(request)), register, profile, on=ON)  # noqa: S301 - our own bytes
        assert pickle.loads(pickle.dumps(decision)) == decision  # noqa: S301 - our own bytes
