"""Laws that hold for every register, request and day."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from components.explain import as_dict, as_error, explain
from components.placement import Placement, Placer, Refusal, Request, place
from inventories import load_profile
from tests.strategies import CATEGORIES, DEPARTMENTS, any_day, dates, providers, registers, requests

if TYPE_CHECKING:
    from inventories.models import Profile, Register

PROFILES = ("pakistan-cloud-first", "pakistan-cloud-first-trial")
profiles = st.sampled_from(PROFILES)


@cache
def profile(name: str) -> Profile:
    return load_profile(name)


def lawful(request: Request, register: Register, name: str, on: date) -> set[str]:
    decision = place(request, register, profile(name), on=on)
    return {verdict.place.id for verdict in decision.verdicts if verdict.lawful}


@given(registers(), requests(public=False), profiles, dates)
def test_a_stricter_category_never_widens_the_set_of_lawful_places(
    register: Register, request: Request, name: str, on: date
) -> None:
    # A written approval is a deviation for one category, so it stands outside this order.
    plain = register.model_copy(update={"approvals": ()})
    sets = [lawful(replace(request, category=category), plain, name, on) for category in CATEGORIES]
    for looser, stricter in pairwise(sets):
        assert stricter <= looser


@given(registers(), requests(), profiles, dates)
def test_public_exposure_never_widens_the_set_of_lawful_places(
    register: Register, request: Request, name: str, on: date
) -> None:
    internal, public = replace(request, exposure="internal"), replace(request, exposure="public")
    assert lawful(public, register, name, on) <= lawful(internal, register, name, on)


@given(registers(), requests(), dates)
def test_the_production_profile_never_widens_the_set_of_lawful_places(
    register: Register, request: Request, on: date
) -> None:
    production, trial = (lawful(request, register, name, on) for name in PROFILES)
    assert production <= trial


wild_text = st.text(max_size=8)
wild_size = st.floats() | st.integers(-3, 10**400)
wild_requests = st.builds(
    Request,
    department=wild_text | st.sampled_from(DEPARTMENTS),
    category=wild_text | st.sampled_from(CATEGORIES),
    service_kind=wild_text | st.just("kubernetes"),
    exposure=wild_text | st.just("public"),
    cluster=st.none() | wild_text,
    deployment_model=st.none() | wild_text,
    country=st.none() | wild_text,
    vcpu=wild_size,
    memory_gib=wild_size,
    storage_gib=wild_size,
)


@given(registers(consistent=False), requests() | wild_requests, profiles, any_day())
def test_a_decision_is_always_reached_is_always_the_same_and_can_always_be_told(
    register: Register, request: Request, name: str, on: date
) -> None:
    first = place(request, register, profile(name), on=on)
    again = Placer(register.model_copy(deep=True), profile(name), on=on)
    assert again.place(request) == first
    assert again.place(request) == first  # what the placer keeps does not change its mind
    assert explain(first)
    assert json.loads(json.dumps(as_dict(first)))["decision"] in {"placed", "refused"}
    if isinstance(first, Refusal):
        assert as_error(first).refused is not bool(first.faults)
    else:
        assert first.site.id == first.cluster.site


@given(registers(consistent=False), requests(), profiles, dates, st.randoms(use_true_random=False))
def test_the_order_of_the_register_does_not_matter(
    register: Register, request: Request, name: str, on: date, random: object
) -> None:
    shuffled = list(register.providers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    other = register.model_copy(update={"providers": tuple(shuffled)})
    assert place(request, other, profile(name), on=on) == place(request, register, profile(name), on=on)


@given(registers(), providers("csp-another"), requests(), profiles, dates)
def test_adding_an_unlawful_provider_changes_nothing(
    register: Register, another: object, request: Request, name: str, on: date
) -> None:
    more = register.model_copy(update={"providers": (*register.providers, another)})
    after = place(request, more, profile(name), on=on)
    of_another = [verdict for verdict in after.verdicts if verdict.provider.id == "csp-another"]
    if not any(verdict.lawful for verdict in of_another):
        before = place(request, register, profile(name), on=on)
        assert isinstance(after, Placement) is isinstance(before, Placement)
        if isinstance(before, Placement) and isinstance(after, Placement):
            assert after.cluster == before.cluster
            assert after.monthly_cost_pkr == before.monthly_cost_pkr


@given(registers(), requests(), profiles, dates)
def test_the_cheapest_lawful_cluster_is_chosen_and_ties_go_by_id(
    register: Register, request: Request, name: str, on: date
) -> None:
    decision = place(request, register, profile(name), on=on)
    fit = [(v.monthly_cost_pkr, v.place.id) for v in decision.verdicts if v.lawful]
    if isinstance(decision, Placement):
        assert (decision.monthly_cost_pkr, decision.cluster.id) == min(fit)
        assert math.isfinite(decision.monthly_cost_pkr)
    else:
        assert not fit or decision.faults


@given(registers(), requests(), profiles, dates)
def test_a_way_out_that_nobody_else_must_open_leads_where_it_says(
    register: Register, request: Request, name: str, on: date
) -> None:
    decision = place(request, register, profile(name), on=on)
    if isinstance(decision, Refusal) and decision.changes:
        assert decision.leads_to is not None
        if all(change.who in ("department", "time") for change in decision.changes):
            mended = {c.field: "internal" if c.field == "exposure" else None for c in decision.changes if c.field}
            then = decision.wait_until or on
            after = place(replace(request, **mended), register, profile(name), on=then)  # type: ignore[arg-type]
            assert isinstance(after, Placement)
            assert after.cluster == decision.leads_to.place


@given(registers(consistent=False), requests(), profiles, dates)
def test_a_refusal_names_every_cluster_with_at_least_one_reason(
    register: Register, request: Request, name: str, on: date
) -> None:
    decision = place(request, register, profile(name), on=on)
    if isinstance(decision, Refusal) and not decision.faults:
        assert [v.place.id for v in decision.verdicts] == [c.id for _, c in register.clusters()]
        for verdict in decision.verdicts:
            assert verdict.reasons
            assert all(part for reason in verdict.reasons for part in reason[:5])


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_strategies_do_reach_lawful_and_unlawful_places(category: str) -> None:
    """The laws would mean little if nothing, or everything, were lawful."""
    asked = Request(department=DEPARTMENTS[0], category=category)

    def mixed(register: Register) -> bool:
        verdicts = place(asked, register, profile(PROFILES[1]), on=date(2026, 1, 1)).verdicts
        return {verdict.lawful for verdict in verdicts} == {True, False}

    seeking = settings(max_examples=500, database=None, phases=[Phase.generate])
    assert mixed(find(registers(), mixed, settings=seeking))


def test_a_stricter_category_law_would_notice_a_wider_one() -> None:
    """The law above can fail: a profile whose strictest category allows anything breaks it."""
    base = profile("pakistan-cloud-first-trial")
    lax = base.category("open").rule  # type: ignore[union-attr]
    changed = tuple(c.model_copy(update={"rule": lax}) if c.id == "secret" else c for c in base.categories)
    bent = base.model_copy(update={"categories": changed})
    with pytest.raises(AssertionError):
        _widens_nowhere(bent)


def _widens_nowhere(bent: Profile) -> None:
    @settings(max_examples=500, database=None, phases=[Phase.generate])
    @given(registers(), dates)
    def law(register: Register, on: date) -> None:
        found = []
        for category in ("confidential", "secret"):
            asked = Request(department=DEPARTMENTS[0], category=category)
            decision = place(asked, register, bent, on=on)
            found.append({verdict.place.id for verdict in decision.verdicts if verdict.lawful})
        assert found[1] <= found[0]

    law()
