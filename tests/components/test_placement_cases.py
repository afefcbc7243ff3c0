"""Placement is held to the hand-written legal cases."""

from __future__ import annotations

import pytest

from components.placement import Placement, place
from tests.worlds import Case, load_cases


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.id)
def test_placement_agrees_with_the_legal_case(case: Case) -> None:
    decision = place(case.request, case.register, case.profile, on=case.on)
    (verdict,) = decision.verdicts
    assert verdict.rules == case.expect, case.because
    assert isinstance(decision, Placement) is (not case.expect)


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
