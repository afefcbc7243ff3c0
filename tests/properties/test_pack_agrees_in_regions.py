"""Two opinions on regions: whatever the world, placement allows exactly what the policy pack does not refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from components.placement import WISH, Placement, Request, place
from inventories import load_profile
from inventories.models import MachineImage, ObjectStore, OpenStack, PulumiRegion, Zone
from tests.policies.asking import Provider, Resource, World, ca_sha256, certificate
from tests.strategies import CATEGORIES, DEPARTMENTS, any_day, registers

if TYPE_CHECKING:
    from datetime import date

    from hypothesis.strategies import DrawFn

    from inventories.models import Provider as CloudProvider
    from inventories.models import Region, Register, ServiceKind

PROFILES = ("pakistan-cloud-first", "pakistan-cloud-first-trial")
KINDS: tuple[ServiceKind, ...] = ("vm", "volume", "object-store")
BOOT = {"bootIndex": 0, "sourceType": "image", "destinationType": "volume", "volumeType": "encrypted"}
BUILT: dict[str, tuple[str, dict[str, Any]]] = {
    "vm": ("openstack:compute/instance:Instance", {"imageName": "debian-12", "blockDevices": [BOOT]}),
    "volume": ("openstack:blockstorage/volume:Volume", {"volumeType": "encrypted"}),
    "object-store": ("openstack:objectstorage/container:Container", {"name": "records"}),
}


@st.composite
def registers_with_openstack(draw: DrawFn) -> Register:
    """A register whose regions are perhaps OpenStack, all under one name, each at an address of its own."""
    found = draw(registers(max_providers=2))
    return found.model_copy(update={"providers": tuple(draw(_with_openstack(one)) for one in found.providers)})


@st.composite
def _with_openstack(draw: DrawFn, provider: CloudProvider) -> CloudProvider:
    sites = [site.id for site in provider.sites]
    regions = []
    for region in provider.regions:
        if draw(st.sampled_from((False, True, True))):
            more = frozenset(draw(st.sampled_from(((), (), tuple(sites)))))
            changes = {
                "sites": tuple(sorted({*region.sites, *more})),
                "service_kinds": frozenset(KINDS),
                "pulumi": PulumiRegion(
                    package="openstack", region="RegionOne", endpoint=f"https://{region.id}.example/v3"
                ),
                "encrypted_volume_types": draw(st.sampled_from((frozenset({"encrypted"}), frozenset()))),
                "plain_volume_types": frozenset({"standard"}),
                "encrypted_at_rest": draw(st.sampled_from((frozenset({"object-store"}), frozenset()))),
                "dedicated_nodes": draw(st.booleans()),
                "fictional": draw(st.sampled_from((*[False] * 7, True))),
                "openstack": OpenStack(
                    ca_sha256=ca_sha256(),
                    project="onshore",
                    zones=(Zone(name="a", site=region.sites[0]),),
                    images=(MachineImage(name="debian-12", digest=f"sha256:{'d' * 64}"),),
                    object_store=ObjectStore(endpoint="https://objects.example"),
                ),
            }
            regions.append(region.model_copy(update=changes))
        else:
            regions.append(region)
    scope = provider.accreditation.scope
    if draw(st.sampled_from((True, True, False))):
        scope = scope.model_copy(update={"service_kinds": scope.service_kinds | set(KINDS)})
    accreditation = provider.accreditation.model_copy(update={"scope": scope})
    return provider.model_copy(update={"regions": tuple(regions), "accreditation": accreditation})


def built(kind: str, region: Region) -> Resource:
    """What a component registers first in a region, by a provider that is pinned to it."""
    assert region.pulumi
    login = {"userName": "robot", "password": "not-to-be-shown", "tenantName": "onshore"}
    place_ = {"authUrl": region.pulumi.endpoint, "region": "RegionOne", "cacertFile": certificate().decode()}
    token, props = BUILT[kind]
    provider = Provider("pulumi:providers:openstack", "region", kubeconfig="", more=login | place_)
    return Resource(token, props, provider)


@given(
    registers_with_openstack(),
    st.sampled_from(KINDS),
    st.sampled_from(DEPARTMENTS),
    st.sampled_from(CATEGORIES),
    st.sampled_from(PROFILES),
    any_day(),
)
def test_a_region_is_lawful_exactly_when_the_pack_lets_it_pass(
    register: Register, kind: ServiceKind, department: str, category: str, name: str, on: date
) -> None:
    profile = load_profile(name)
    config: dict[str, str | None] = {"onshore:department": department}
    world = World(category, register=register, profile=profile, on=on, config=config)
    request = Request(department=department, category=category, service_kind=kind, target="region")
    decision = place(request, register, profile, on=on)
    offered = {region.id: region for _, region in register.regions() if region.openstack}
    assert {verdict.place.id for verdict in decision.verdicts} == set(offered)
    for verdict in decision.verdicts:
        refused = world.refused_by(built(kind, offered[verdict.place.id]))
        assert verdict.rules - {WISH} == refused
    if isinstance(decision, Placement):
        assert decision.place == decision.region
        assert decision.region.id in {verdict.place.id for verdict in decision.verdicts if verdict.lawful}


@given(
    registers_with_openstack(),
    st.sampled_from(KINDS),
    st.sampled_from(DEPARTMENTS),
    st.sampled_from(PROFILES),
    any_day(),
)
def test_a_stricter_category_never_widens_the_regions_that_are_lawful(
    register: Register, kind: ServiceKind, department: str, name: str, on: date
) -> None:
    profile, wider = load_profile(name), None
    for category in sorted(profile.categories, key=lambda one: one.rank):
        request = Request(department=department, category=category.id, service_kind=kind, target="region")
        verdicts = place(request, register, profile, on=on).verdicts
        lawful = {verdict.place.id for verdict in verdicts if verdict.lawful}
        # A private cloud by approval is lawful for secret data alone.
        assert wider is None or lawful <= wider or category.rule.models_by_approval
        wider = lawful


@given(registers_with_openstack(), st.sampled_from(KINDS), st.sampled_from(DEPARTMENTS), any_day())
def test_the_order_of_the_register_decides_nothing(
    register: Register, kind: ServiceKind, department: str, on: date
) -> None:
    profile = load_profile(PROFILES[1])
    turned = [provider.model_copy(update={"regions": provider.regions[::-1]}) for provider in register.providers[::-1]]
    request = Request(department=department, category="public", service_kind=kind, target="region")
    one = place(request, register, profile, on=on)
    other = place(request, register.model_copy(update={"providers": tuple(turned)}), profile, on=on)
    assert [(v.place.id, v.rules) for v in one.verdicts] == [(v.place.id, v.rules) for v in other.verdicts]
    assert type(one) is type(other)
    if isinstance(one, Placement) and isinstance(other, Placement):
        assert one.region.id == other.region.id
