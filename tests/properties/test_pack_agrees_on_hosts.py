"""Two opinions on hosts: whatever the world, an inventory lists exactly the hosts that the pack does not refuse."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from components.placement import Placement, Request, place
from inventories import load_profile
from inventories.hosts import Use, refusals
from inventories.models import Host
from tests.policies.asking import Resource, World, known_ca
from tests.strategies import CATEGORIES, DEPARTMENTS, any_day, registers

if TYPE_CHECKING:
    from datetime import date

    from hypothesis.strategies import DrawFn

    from inventories.models import Provider, Register

KEY = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"k" * 32).decode()
PROFILES = ("pakistan-cloud-first", "pakistan-cloud-first-trial")


@st.composite
def registers_with_hosts(draw: DrawFn) -> Register:
    """A register whose providers have perhaps a host in each region; some stand where they cannot."""
    found = draw(registers(max_providers=2))
    providers = tuple(draw(_with_hosts(provider)) for provider in found.providers)
    return known_ca(found.model_copy(update={"providers": providers}))


@st.composite
def _with_hosts(draw: DrawFn, provider: Provider) -> Provider:
    hosts = []
    for number, region in enumerate(provider.regions):
        fields: dict[str, Any] = {
            "id": f"{provider.id}-host-{number}",
            "address": f"host-{number}.{provider.id}.example",
            "host_key": KEY,
            "department": draw(st.sampled_from(DEPARTMENTS)),
            "category_ceiling": draw(st.sampled_from((*CATEGORIES[2:], *CATEGORIES, "royal"))),
            "region": draw(st.sampled_from((*[region.id] * 7, "nowhere"))),
            "site": draw(st.sampled_from((*[region.sites[0]] * 7, "nowhere", provider.sites[0].id))),
            "fictional": draw(st.sampled_from((*[False] * 7, True))),
        }
        hosts.append(Host.model_validate(fields))
    scope = provider.accreditation.scope
    if draw(st.booleans()):
        scope = scope.model_copy(update={"service_kinds": scope.service_kinds | {"vm"}})
    accreditation = provider.accreditation.model_copy(update={"scope": scope})
    return provider.model_copy(update={"hosts": tuple(hosts), "accreditation": accreditation})


@given(
    registers_with_hosts(),
    st.sampled_from(DEPARTMENTS),
    st.sampled_from(CATEGORIES),
    st.sampled_from(PROFILES),
    any_day(),
)
def test_the_register_and_the_pack_name_the_same_rules_for_every_host(
    register: Register, department: str, category: str, name: str, on: date
) -> None:
    profile = load_profile(name)
    asked = profile.category(category)
    assert asked is not None
    world = World(category, register=register, profile=profile, on=on, config={"onshore:department": department})
    for provider, host in register.hosts():
        rules = {reason.rule for reason in refusals(register, profile, host.id, Use(department, asked, on))}
        if "RES-001" in rules or register.site(host.site) is None:
            rules.add("HST-001")  # it speaks of the site too: a host is named by hand
        if not any(region.id == host.region for region in provider.regions):
            rules = {"HST-001"}  # nothing is known of what it would stand in
        resource = Resource("onshore:index:Machines", {"category": category, "hosts": [host.id]})
        found = world.refused_by(resource)
        assert rules <= found if rules == {"HST-001"} else rules == found


@given(
    registers_with_hosts(),
    st.sampled_from(DEPARTMENTS),
    st.sampled_from(CATEGORIES),
    st.sampled_from(PROFILES),
    any_day(),
)
def test_a_host_is_placed_on_exactly_when_nothing_stands_against_it(
    register: Register, department: str, category: str, name: str, on: date
) -> None:
    profile = load_profile(name)
    asked = profile.category(category)
    assert asked is not None
    config: dict[str, str | None] = {"onshore:department": department}
    world = World(category, register=register, profile=profile, on=on, config=config)
    decision = place(Request(department=department, category=category, service_kind="vm"), register, profile, on=on)
    assert {verdict.place.id for verdict in decision.verdicts} == {host.id for _, host in register.hosts()}
    for verdict in decision.verdicts:
        found = world.refused_by(
            Resource("onshore:index:Machines", {"category": category, "hosts": [verdict.place.id]})
        )
        assert verdict.lawful is (not found)
    if isinstance(decision, Placement):
        assert decision.host in [host for _, host in register.hosts()]
        assert decision.place.id in {verdict.place.id for verdict in decision.verdicts if verdict.lawful}


@given(registers_with_hosts(), st.sampled_from(DEPARTMENTS), st.sampled_from(PROFILES), any_day())
def test_a_stricter_category_never_widens_the_hosts_that_are_lawful(
    register: Register, department: str, name: str, on: date
) -> None:
    profile, wider = load_profile(name), None
    for category in sorted(profile.categories, key=lambda one: one.rank):
        request = Request(department=department, category=category.id, service_kind="vm")
        lawful = {verdict.place.id for verdict in place(request, register, profile, on=on).verdicts if verdict.lawful}
        # A private cloud by approval is lawful for secret data alone.
        assert wider is None or lawful <= wider or category.rule.models_by_approval
        wider = lawful
