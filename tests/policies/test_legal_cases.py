"""The pack is held to the hand-written legal cases, by its own reasoning."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from pulumi.runtime.proto import analyzer_pb2 as wire

from components.placement import Request, place
from inventories import load_rules
from tests.policies.asking import STACK_TYPE, Resource, World, deployment, edited, known_ca, law, made
from tests.worlds import DEPARTMENT, Case, load_cases, load_host_cases


def of(case: Case, category: str) -> World:
    config: dict[str, str | None] = {"onshore:exposure": case.request.exposure, "onshore:department": DEPARTMENT}
    return World(category, register=case.register, profile=case.profile, on=case.on, config=config)


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.id)
def test_the_pack_agrees_with_the_legal_case(case: Case) -> None:
    world = of(case, case.request.category)
    found = world.refused_by(Resource(STACK_TYPE, {})) | world.refused_by(world.provider())
    assert found == case.expect, case.because


@pytest.mark.parametrize("case", load_host_cases(), ids=lambda case: case.id)
def test_the_pack_agrees_with_the_legal_case_of_a_host(case: Case) -> None:
    world = of(case, case.request.category)
    ((_, host),) = case.register.hosts()
    named = Resource("onshore:index:PostgresDatabase", {"category": case.request.category, "hosts": [host.id]})
    # A host is named by hand: that it stands at no place, or not in the country, is against the host itself, too.
    nowhere = case.expect & {"RES-001", "RES-004"}
    assert world.refused_by(named) == case.expect | ({"HST-001"} if nowhere else set()), case.because


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.id)
def test_before_the_day_that_rules_bind_the_pack_advises_what_it_will_refuse(case: Case) -> None:
    day = case.on + timedelta(days=1)
    rules = {id_: rule.model_copy(update={"effective_on": day}) for id_, rule in load_rules().items()}
    facts = replace(law(known_ca(case.register), case.profile, case.on), rules=rules)
    config: dict[str, str | None] = {"onshore:exposure": case.request.exposure}
    world = World(case.request.category, register=case.register, profile=case.profile, config=config, facts=facts)
    found = [*world.analyze(Resource(STACK_TYPE, {})), *world.analyze(world.provider())]
    assert {one.policyName for one in found} == case.expect, case.because
    early = case.on < case.register.issued_on  # which excuses nothing: it is a wrong clock's day
    assert all(one.enforcementLevel == (wire.MANDATORY if early else wire.ADVISORY) for one in found)
    assert all((f" BINDS FROM {day} · " in one.message) is not early for one in found)


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.id)
def test_a_resource_labelled_stricter_than_its_stack_is_judged_by_its_own_label(case: Case) -> None:
    category = case.profile.category(case.request.category)
    assert category is not None
    world = of(case, "open")
    found = world.refused_by(made("ConfigMap", "v1", category=category.id))
    exposed = {"EXP-001"}
    assert found == (case.expect - exposed if category.id != "open" else set()), case.because


def test_resources_of_the_stacks_own_category_do_not_repeat_what_the_provider_says() -> None:
    case = next(case for case in load_cases() if case.expect == {"ACC-001"} and case.request.category == "restricted")
    world = of(case, "restricted")
    assert world.refused_by(world.provider()) == {"ACC-001"}
    assert world.refused_by(deployment()) == set()


def test_a_pod_template_labelled_stricter_than_its_workload_is_judged_by_its_label() -> None:
    case = next(case for case in load_cases() if case.expect == {"RES-001"} and case.request.category == "restricted")
    world = of(case, "public")
    public = deployment(category="public")
    stricter = ("spec", "template", "metadata", "labels")
    label = next(iter(public.props["metadata"]["labels"]))
    assert world.refused_by(public) == set()
    assert "RES-001" in world.refused_by(edited(public, *stricter, label, to="restricted"))


def test_a_clock_that_begins_anew_excuses_nothing() -> None:
    world = World("restricted", on=date(1970, 1, 1))
    levels = {one.enforcementLevel for one in world.analyze(world.provider())}
    assert levels == {wire.MANDATORY}
    placed = place(Request(department=DEPARTMENT, category="restricted"), world.register, world.facts.profile,
                   on=date(1970, 1, 1), rules=load_rules())  # fmt: skip
    assert all("ACC-004" in verdict.rules and not verdict.advices for verdict in placed.verdicts)
