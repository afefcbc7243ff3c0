"""Placement is held to the hand-written legal cases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from components.placement import Placement, place
from inventories import load_rules
from tests.worlds import Case, load_cases, load_host_cases


@pytest.mark.parametrize("case", [*load_cases(), *load_host_cases()], ids=lambda case: case.id)
def test_placement_agrees_with_the_legal_case(case: Case) -> None:
    decision = place(case.request, case.register, case.profile, on=case.on)
    (verdict,) = decision.verdicts
    assert verdict.rules == case.expect, case.because
    assert isinstance(decision, Placement) is (not case.expect)


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.id)
def test_before_the_day_that_rules_bind_placement_advises_what_it_will_refuse(case: Case) -> None:
    day = case.on + timedelta(days=1)
    rules = {id_: rule.model_copy(update={"effective_on": day}) for id_, rule in load_rules().items()}
    before = place(case.request, case.register, case.profile, on=case.on, rules=rules)
    (verdict,) = before.verdicts
    # A site that nobody knows is no place to build on; a day before the register's own excuses nothing.
    binds = case.expect if case.on < case.register.issued_on else case.expect & {"RES-004"}
    assert verdict.rules == binds
    assert isinstance(before, Placement) is (not binds)
    told = {(advice.reason.rule, advice.binds_from) for advice in verdict.advices}
    assert told == {(id_, day) for id_ in case.expect - binds}
    on_it = place(case.request, case.register, case.profile, on=day, rules=rules)
    assert on_it.verdicts == place(case.request, case.register, case.profile, on=day).verdicts


def test_there_are_enough_cases_and_their_names_are_unique() -> None:
    names = [case.id for case in load_cases()]
    assert len(names) >= 60
    assert len(set(names)) == len(names)


def test_every_rule_that_placement_can_name_has_a_case_for_and_against_it() -> None:
    spoken = frozenset().union(*(case.expect for case in load_cases()))
    assert spoken == {"ACC-001", "ACC-002", "ACC-003", "ACC-004", "RES-001", "RES-004", "CAT-002", "CAT-003", "EXP-001"}
    assert {case.request.category for case in load_cases() if not case.expect} >= {
        "open",
        "public",
        "restricted",
        "confidential",
        "sensitive",
        "secret",
    }
