"""Two opinions, one law: whatever the world, placement allows exactly what the policy pack does not refuse."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pulumi.runtime.proto import analyzer_pb2 as wire

from components.placement import WISH, Placement, Request, place
from inventories import load_profile, load_rules
from tests.policies.asking import STACK_TYPE, Provider, Resource, World, access, known_ca, law, made, secret
from tests.strategies import any_day, registers, requests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventories.models import Cluster, Profile, Register, RuleMeta

RULES = load_rules()
PLACING = ("ACC-001", "ACC-002", "ACC-003", "ACC-004", "CAT-002", "CAT-003", "CRY-001", "EXP-001", "RES-001")
profiles = st.sampled_from(("pakistan-cloud-first", "pakistan-cloud-first-trial"))


@cache
def profile(name: str) -> Profile:
    return load_profile(name)


def pack_for(
    request: Request,
    register: Register,
    name: str,
    on: date,
    *,
    category: str = "",
    rules: Mapping[str, RuleMeta] | None = None,
) -> World:
    config: dict[str, str | None] = {
        "onshore:department": request.department,
        "onshore:exposure": request.exposure,
    }
    facts = None if rules is None else replace(law(register, profile(name), on), rules=rules)
    return World(
        category or request.category, register=register, profile=profile(name), on=on, config=config, facts=facts
    )


def to(cluster: Cluster) -> Provider:
    return Provider(kubeconfig=secret(json.dumps(access(cluster.server))))


def claim(request: Request, cluster: Cluster, category: str) -> Resource:
    """What a workload of this size claims on a cluster; something without a volume where it needs none."""
    if not request.storage_gib:
        asked = made("ConfigMap", "v1", category=category)
    else:
        name = min(cluster.encrypted_storage_classes, default="default")
        asked = made("PersistentVolumeClaim", "v1", category=category, spec={"storageClassName": name})
    return Resource(asked.type, asked.props, to(cluster))


@settings(deadline=None)
@given(registers(consistent=False), requests(wishes=False), profiles, any_day())
def test_placement_and_the_pack_name_the_same_rules_for_every_cluster(
    register: Register, request: Request, name: str, on: date
) -> None:
    register = known_ca(register)
    decision = place(request, register, profile(name), on=on)
    world = pack_for(request, register, name, on)
    stack = world.refused_by(Resource(STACK_TYPE, {}))
    for verdict in decision.verdicts:
        claimed = world.refused_by(claim(request, verdict.place, request.category)) & {"CRY-001"}
        assert stack | claimed | world.refused_by(world.provider(to(verdict.place))) == verdict.rules - {WISH}


@settings(deadline=None)
@given(
    registers(consistent=False),
    requests(wishes=False),
    profiles,
    any_day(),
    st.dictionaries(st.sampled_from(PLACING), st.integers(-1, 2)),
)
def test_a_rule_advises_both_until_the_day_it_binds(
    register: Register, request: Request, name: str, on: date, days: dict[str, int]
) -> None:
    assume(date.min + timedelta(days=9) < on < date.max - timedelta(days=9))
    register = known_ca(register)
    rules = {id_: rule.model_copy(update={"effective_on": on - timedelta(days=9)}) for id_, rule in RULES.items()}
    for id_, later in days.items():
        rules[id_] = rules[id_].model_copy(update={"effective_on": on + timedelta(days=later)})
    decision = place(request, register, profile(name), on=on, rules=rules)
    world = pack_for(request, register, name, on, rules=rules)
    for verdict in decision.verdicts:
        asked = (Resource(STACK_TYPE, {}), world.provider(to(verdict.place)))
        asked += (claim(request, verdict.place, request.category),) if request.storage_gib else ()
        found = [(one.policyName, one.enforcementLevel) for each in asked for one in world.analyze(each)]
        assert {rule for rule, level in found if level == wire.MANDATORY} == verdict.rules - {WISH}
        advices = {advice.reason.rule: advice.binds_from for advice in verdict.advices}
        assert {rule for rule, level in found if level == wire.ADVISORY} == advices.keys()
        assert all(advices[rule] == rules[rule].effective_on > on >= register.issued_on for rule in advices)


@settings(deadline=None)
@given(registers(), requests(), profiles, any_day())
def test_where_placement_puts_a_workload_the_pack_finds_nothing(
    register: Register, request: Request, name: str, on: date
) -> None:
    register = known_ca(register)
    decision = place(request, register, profile(name), on=on)
    if not isinstance(decision, Placement):
        return
    world = pack_for(request, register, name, on)
    provider = to(decision.cluster)
    for resource in (
        Resource(STACK_TYPE, {}),
        world.provider(provider),
        claim(request, decision.cluster, decision.category.id),
    ):
        assert world.refused_by(resource) == set()


@settings(deadline=None)
@given(registers(consistent=False), requests(wishes=False, public=False), profiles, any_day())
def test_stricter_data_in_a_loose_stack_is_judged_as_placement_would_judge_it(
    register: Register, request: Request, name: str, on: date
) -> None:
    register = known_ca(register)
    decision = place(request, register, profile(name), on=on)
    world = pack_for(request, register, name, on, category="open")
    stricter = profile(name).category(request.category)
    assert stricter is not None
    if stricter.id == "open":
        return
    for verdict in decision.verdicts:
        asked = claim(request, verdict.place, stricter.id)
        assert world.refused_by(asked) == verdict.rules - {WISH}
