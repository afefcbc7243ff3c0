"""Every type on a real OpenStack: made, read, changed, lost and found, deleted; looked at by a client not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from engine.provider import CallOptions, ProviderError
from tests.engine.openstack.conftest import Asked, settings_of
from tests.engine.openstack.programs import KEY, Resource
from tests.region import connect

if TYPE_CHECKING:
    from engine.testing import Stack
    from sandbox import RegionInfo

BOOT = {
    "sourceType": "image",
    "destinationType": "volume",
    "volumeSize": 1,
    "bootIndex": 0,
    "deleteOnTermination": True,
}
HTTPS = {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "portRangeMin": 443, "portRangeMax": 443}


class Wishes:
    """What a program asks for; changed between ups."""

    def __init__(self, image: str, flavor: str) -> None:
        self.image, self.flavor = image, flavor
        self.metadata = {"role": "db"}
        self.size, self.ports, self.cidr = 1, [443], "10.9.0.0/24"

    def __call__(self) -> None:
        net = Resource("networking/network:Network", "net")
        sub = Resource("networking/subnet:Subnet", "sub", networkId=net.id, cidr=self.cidr)
        router = Resource("networking/router:Router", "router")
        Resource("networking/routerInterface:RouterInterface", "way", routerId=router.id, subnetId=sub.id)
        group = Resource("networking/secGroup:SecGroup", "door", deleteDefaultRules=True)
        for port in self.ports:
            rule = {**HTTPS, "portRangeMin": port, "portRangeMax": port}
            Resource("networking/secGroupRule:SecGroupRule", f"in{port}", securityGroupId=group.id, **rule)
        fixed = [{"subnetId": sub.id}]
        port = Resource(
            "networking/port:Port", "port", networkId=net.id, fixedIps=fixed, securityGroupIds=[group.id], tags=["ours"]
        )
        key = Resource("compute/keypair:Keypair", "key", publicKey=KEY)
        together = Resource("compute/serverGroup:ServerGroup", "together", policies="soft-anti-affinity")
        vm = Resource(
            "compute/instance:Instance",
            "vm",
            flavorName=self.flavor,
            blockDevices=[{**BOOT, "uuid": self.image}],
            keyPair=key.id,
            networks=[{"port": port.id}],
            metadata=self.metadata,
            schedulerHints=[{"group": together.id}],
            userData="#!/bin/sh\n",
        )
        data = Resource("blockstorage/volume:Volume", "data", size=self.size, enableOnlineResize=True)
        Resource("compute/volumeAttach:VolumeAttach", "disk", instanceId=vm.id, volumeId=data.id)
        kept = Resource("objectstorage/container:Container", "kept", metadata={"for": "tests"})
        Resource("objectstorage/containerObject:ContainerObject", "page", containerName=kept.id, content="hello")


def test_a_stack_lives_its_whole_life_on_a_real_region(here: Stack, theirs: Any) -> None:
    flavors = sorted(theirs.compute.flavors(), key=lambda each: each.ram)
    image = next(iter(theirs.image.images()))
    wishes = Wishes(image.id, flavors[0].name)
    first = here.up(wishes)
    assert first.ok, first.errors
    server = theirs.compute.get_server(first.resource("vm").id)
    assert (server.status, server.metadata["role"]) == ("ACTIVE", "db")
    assert first.resource("data").id in {each["id"] for each in server.attached_volumes}
    group = theirs.network.get_security_group(first.resource("door").id)
    assert [rule["port_range_min"] for rule in group.security_group_rules] == [443]
    port = theirs.network.get_port(first.resource("port").id)
    assert port.tags == ["ours"]
    assert first.resource("vm").outputs["accessIpV4"] == port.fixed_ips[0]["ip_address"]
    assert set(here.up().changes) == {"same"}
    assert set(here.refresh().changes) == {"same"}

    wishes.flavor, wishes.size, wishes.metadata = flavors[1].name, 2, {"role": "web"}
    wishes.ports = [443, 8443]
    changed = here.up()
    assert changed.ok, changed.errors
    assert changed.changes == {"same": 13, "update": 2, "create": 1}
    server = theirs.compute.get_server(server.id)
    assert (server.flavor.name, server.metadata["role"]) == (flavors[1].name, "web")
    assert theirs.block_storage.get_volume(first.resource("data").id).size == 2

    theirs.compute.set_server_metadata(server, role="theirs")
    theirs.network.delete_security_group_rule(changed.resource("in8443").id)
    found = here.refresh()
    assert found.ok, found.errors
    assert (found.changes["update"], found.changes["delete"]) == (1, 1)
    again = here.up()
    assert again.ok, again.errors
    assert theirs.compute.get_server(server.id).metadata["role"] == "web"
    assert set(here.up().changes) == {"same"}


def test_an_address_of_the_outside_points_at_a_port(here: Stack, theirs: Any) -> None:
    outside = next(iter(theirs.network.networks(is_router_external=True)))

    def program() -> None:
        net = Resource("networking/network:Network", "net")
        sub = Resource("networking/subnet:Subnet", "sub", networkId=net.id, cidr="10.12.0.0/24")
        router = Resource("networking/router:Router", "router", externalNetworkId=outside.id)
        way = Resource("networking/routerInterface:RouterInterface", "way", routerId=router.id, subnetId=sub.id)
        port = Resource("networking/port:Port", "port", networkId=net.id, fixedIps=[{"subnetId": sub.id}])
        address = Resource("networking/floatingIp:FloatingIp", "address", pool=outside.name)
        shown = pulumi.Output.from_input(address.id).apply(lambda id_: theirs.network.get_ip(id_).floating_ip_address)
        Resource(
            "networking/floatingIpAssociate:FloatingIpAssociate",
            "points",
            opts=pulumi.ResourceOptions(depends_on=[way]),
            floatingIp=shown,
            portId=port.id,
        )

    ran = here.up(program)
    assert ran.ok, ran.errors
    live = theirs.network.get_ip(ran.resource("address").id)
    assert live.port_id == ran.resource("port").id
    assert ran.resource("address").outputs["pool"] == outside.name
    router = theirs.network.get_router(ran.resource("router").id)
    assert router.external_gateway_info["network_id"] == outside.id
    assert here.refresh().ok
    assert set(here.up().changes) == {"same"}


def test_quotas_are_set_and_given_back(region: RegionInfo) -> None:
    admin = connect(region, admin=True)
    project = admin.identity.create_project(name="quotas-of-tests", domain_id="default")
    asked = Asked(settings_of(region, f"{region.name}-admin"))
    try:
        for token, wish in (
            ("compute/quotaSetV2:QuotaSetV2", {"instances": 3}),
            ("networking/quotaV2:QuotaV2", {"network": 3}),
            ("blockstorage/quoteSetV3:QuoteSetV3", {"volumes": 3}),
        ):
            resource, inputs, outputs = asked.up(token, "quota", projectId=project.id, **wish)
            assert resource.id == f"{project.id}/{region.region_name}"
            assert wish.items() <= asked.provider.read(resource, inputs, outputs).outputs.items()
            asked.provider.delete(resource, inputs, outputs, CallOptions())
            assert not wish.items() <= asked.provider.read(resource, inputs, outputs).outputs.items()
    finally:
        asked.provider.close()
        admin.identity.delete_project(project)
        admin.close()


def test_what_the_region_refuses_is_said_in_its_words(region: RegionInfo) -> None:
    asked = Asked(settings_of(region))
    net, inputs, outputs = asked.up("networking/network:Network", "net")
    subnet, *more = asked.up("networking/subnet:Subnet", "one", networkId=net.id, cidr="10.3.0.0/24")
    try:
        with pytest.raises(ProviderError, match="overlaps"):
            asked.up("networking/subnet:Subnet", "two", networkId=net.id, cidr="10.3.0.0/25")
        with pytest.raises(ProviderError, match="no flavors have the name 'none-such'"):
            asked.up("compute/instance:Instance", "vm", flavorName="none-such", imageId="i")
        flavors = {"flavorName": next(iter(_flavors(asked)))}
        gone = "00000000-0000-0000-0000-000000000000"
        with pytest.raises(ProviderError, match=f"Can not find requested image.*asked for .*{gone}"):
            asked.up("compute/instance:Instance", "vm", **flavors, imageId=gone, networks=[{"uuid": net.id}])
    finally:
        asked.provider.delete(subnet, *more, CallOptions())
        asked.provider.delete(net, inputs, outputs, CallOptions())
        asked.provider.close()


def _flavors(asked: Asked) -> list[str]:
    cloud = asked.provider._reached()
    return sorted(each["name"] for each in cloud.call("compute", "GET", "/flavors").document["flavors"])


def test_an_authority_that_is_not_the_regions_is_not_trusted(region: RegionInfo) -> None:
    import ssl

    public = next(iter(ssl.create_default_context().get_ca_certs(binary_form=True)))
    asked = Asked({**settings_of(region), "cacertFile": ssl.DER_cert_to_PEM_cert(public)})
    with pytest.raises(ProviderError, match="certificate is not trusted"):
        asked.up("networking/network:Network", "net")
    asked.provider.close()


def test_look_ups_find_the_one_thing_that_is_named(region: RegionInfo, theirs: Any) -> None:
    asked = Asked(settings_of(region))
    image = next(iter(theirs.image.images()))
    found = asked.provider.invoke("openstack:images/getImage:getImage", {"name": image.name}, preview=False)
    assert found.outputs["id"] == image.id
    flavor = next(iter(theirs.compute.flavors()))
    found = asked.provider.invoke("openstack:compute/getFlavor:getFlavor", {"name": flavor.name}, preview=False)
    assert (found.outputs["id"], found.outputs["ram"]) == (flavor.id, flavor.ram)
    network = next(iter(theirs.network.networks(is_router_external=True)))
    found = asked.provider.invoke("openstack:networking/getNetwork:getNetwork", {"name": network.name}, preview=False)
    assert found.outputs["id"] == network.id
    with pytest.raises(ProviderError, match="no image has name 'none-such'"):
        asked.provider.invoke("openstack:images/getImage:getImage", {"name": "none-such"}, preview=False)
    asked.provider.close()


def test_what_is_there_already_is_imported(region: RegionInfo, here: Stack, theirs: Any) -> None:
    network = theirs.network.create_network(name="made-elsewhere", description="by hand")

    def program() -> None:
        options = pulumi.ResourceOptions(import_=network.id)
        Resource("networking/network:Network", "net", name="made-elsewhere", description="by hand", opts=options)

    imported = here.up(program)
    assert imported.ok, imported.errors
    assert imported.changes["import"] == 1
    assert imported.resource("net").id == network.id
    del region
