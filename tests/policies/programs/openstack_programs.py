"""Programs of others for OpenStack, in Pulumi's own SDK for it; none of them knows a component of ours."""

from __future__ import annotations

from functools import partial
from typing import Any

import pulumi

from components._openstack import openstack
from inventories.labels import CATEGORY_TAG
from tests.policies.asking import certificate
from tests.policies.checks.test_clouds import HERE
from tests.policies.programs.running import ABROAD, AUTH, Program, refused

_LAWFUL = {
    "auth_url": AUTH,
    "region": HERE["region"],
    "cacert_file": HERE["cacertFile"],
    "user_name": HERE["userName"],
    "password": HERE["password"],
    "tenant_name": HERE["tenantName"],
}


def access(**changes: Any) -> Any:
    """A provider pinned to the register's region, or one with other words; None takes a word away."""
    told = {key: value for key, value in (_LAWFUL | changes).items() if value is not None}
    return openstack.Provider("region", **told)


def by(provider: Any = None) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(provider=provider or access())


def network(opts: pulumi.ResourceOptions, **changes: Any) -> Any:
    return openstack.networking.Network("net", name="net", opts=opts, **changes)


def rules(*ranges: str, **changes: Any) -> Any:
    """A group with a rule for each range."""

    def body() -> None:
        opts = by()
        group = openstack.networking.SecGroup("group", name="group", opts=opts)
        for index, prefix in enumerate(ranges):
            told = {"direction": "ingress", "ethertype": "IPv4", "remote_ip_prefix": prefix, **changes}
            openstack.networking.SecGroupRule(f"rule-{index}", security_group_id=group.id, opts=opts, **told)

    return body


def groups(*, trusted: str = "inner", made_here: bool = True) -> Any:
    """A rule that trusts another group: a closed one, one that is open to the world, or one by an id."""

    def body() -> None:
        opts = by()
        made = {name: openstack.networking.SecGroup(name, name=name, opts=opts) for name in ("web", "inner", "front")}
        told = {"direction": "ingress", "ethertype": "IPv4", "opts": opts}
        rule = openstack.networking.SecGroupRule
        rule("inside", security_group_id=made["inner"].id, remote_ip_prefix="10.0.0.0/8", **told)
        if trusted == "front":
            rule("outside", security_group_id=made["front"].id, remote_ip_prefix="0.0.0.0/0", **told)
        other = made[trusted].id if made_here else "5a2a2e3e-0000-4000-8000-000000000000"
        rule("trust", security_group_id=made["web"].id, remote_group_id=other, **told)

    return body


def machine(*, networks: Any = None, provider: Any = None, **changes: Any) -> Any:
    """A machine on an encrypted boot volume in a network of the stack, or one that differs."""

    def body() -> None:
        opts = by(provider() if provider else None)
        net = network(opts)
        openstack.networking.Subnet("subnet", network_id=net.id, cidr="10.60.0.0/24", ip_version=4, opts=opts)
        port = openstack.networking.Port("port", network_id=net.id, opts=opts)
        disk = openstack.blockstorage.Volume("disk", size=20, volume_type="encrypted", opts=opts)
        boot = {"source_type": "volume", "destination_type": "volume", "uuid": disk.id, "boot_index": 0}
        told = {"block_devices": [boot], "flavor_name": "small", "image_name": "debian-12", "availability_zone": "a"}
        for key, value in changes.items():
            told |= {"block_devices": [boot | value]} if key == "boot" else {key: value() if callable(value) else value}
        told = {key: value for key, value in told.items() if value is not None}
        attached = [{"port": port.id}] if networks is None else networks
        openstack.compute.Instance("machine", networks=attached, opts=opts, **told)

    return body


def volume(provider: Any = access, **changes: Any) -> Any:
    def body() -> None:
        told = {"size": 10, "volume_type": "encrypted", **changes}
        openstack.blockstorage.Volume("data", opts=by(provider()), **told)

    return body


def without_a_provider() -> None:
    openstack.networking.Network("net", name="net")


def shared_volume(label: str) -> Any:
    """A machine that says a category of its own, on a volume of the stack."""

    def body() -> None:
        opts = by()
        disk = openstack.blockstorage.Volume("disk", size=10, volume_type="encrypted", opts=opts)
        boot = {"source_type": "volume", "destination_type": "volume", "uuid": disk.id, "boot_index": 0}
        openstack.compute.Instance(
            "machine", flavor_name="small", block_devices=[boot], metadata={CATEGORY_TAG: label}, opts=opts
        )

    return body


def floating(pool: Any) -> Any:
    return lambda: openstack.networking.FloatingIp("address", pool=pool, opts=by())


def unknown_pool() -> None:
    opts = by()
    openstack.networking.FloatingIp("address", pool=network(opts).id, opts=opts)


def container(**changes: Any) -> Any:
    return lambda: openstack.objectstorage.Container("files", name="files", opts=by(), **changes)


def port_on(network_id: str, **changes: Any) -> Any:
    return lambda: openstack.networking.Port("port", network_id=network_id, opts=by(), **changes)


def port_without_protection() -> None:
    opts = by()
    openstack.networking.Port("port", network_id=network(opts).id, port_security_enabled=False, opts=opts)


def addresses(*ranges: str) -> Any:
    """A rule that trusts a group of addresses."""

    def body() -> None:
        opts = by()
        trusted = openstack.networking.AddressGroupV2("trusted", addresses=[*ranges], opts=opts)
        group = openstack.networking.SecGroup("group", opts=opts)
        openstack.networking.SecGroupRule(
            "rule",
            security_group_id=group.id,
            direction="ingress",
            ethertype="IPv4",
            remote_address_group_id=trusted.id,
            opts=opts,
        )

    return body


IMAGE = {"source_type": "image", "volume_type": "encrypted", "uuid": "2a7e0c1e-0000-4000-8000-000000000000"}
OTHER = certificate("another-ca").decode()
PROGRAMS: dict[str, Program] = {
    "a machine on an encrypted volume": Program(machine()),
    "an encrypted volume": Program(volume()),
    "a group inside": Program(rules("10.0.0.0/8", "192.168.0.0/16")),
    "a group that trusts a closed group": Program(groups()),
    "a rule outwards": Program(rules("0.0.0.0/0", direction="egress")),
    "an address of the department's network": Program(floating("wan")),
    "addresses inside": Program(addresses("10.1.0.0/16")),
    "open data in public": Program(rules("0.0.0.0/0"), category="open"),
    "open data abroad": Program(volume(partial(access, auth_url=ABROAD)), category="open"),
    "a region of the same name abroad": refused(volume(partial(access, auth_url=ABROAD)), "RES-001"),
    "a region of the same name at nobody": refused(
        volume(partial(access, auth_url="https://x.example/v3")), "ACC-001", "CRY-001", "RES-001"
    ),
    "a resource of its own region": refused(volume(region="Elsewhere"), "ACC-001", "CRY-001", "RES-001"),
    "no provider": refused(without_a_provider, "PIN-001", "PIN-003", "RES-004"),
    "an auth URL of the environment": refused(
        volume(partial(access, auth_url=None)), "ACC-001", "CRY-001", "PIN-003", "RES-001"
    ),
    "a region of the environment": refused(volume(partial(access, region=None)), "CRY-001", "PIN-003", "RES-004"),
    "an authority of the machine": refused(volume(partial(access, cacert_file=None)), "PIN-003"),
    "an authority by a path": refused(volume(partial(access, cacert_file="ca.pem")), "PIN-002", "PIN-003"),
    "another authority": refused(volume(partial(access, cacert_file=OTHER)), "PIN-002"),
    "a cloud of a file": refused(volume(partial(access, cloud="mine")), "PIN-003"),
    "TLS that is not verified": refused(volume(partial(access, insecure=True)), "PIN-003"),
    "other endpoints": refused(
        volume(partial(access, endpoint_overrides={"compute": "https://x.example/"})), "PIN-003"
    ),
    "the world": refused(rules("0.0.0.0/0"), "EXP-001"),
    "the world of version 6": refused(rules("::/0", ethertype="IPv6"), "EXP-001"),
    "the world in halves": refused(rules("0.0.0.0/1", "128.0.0.0/1"), "EXP-001"),
    "the world in many rules": refused(rules(*(f"{i}.0.0.0/8" for i in range(16, 32))), "EXP-001"),
    "a range that is none": refused(rules("everybody"), "EXP-001"),
    "a direction of no kind": refused(rules("0.0.0.0/0", direction="INGRESS"), "EXP-001"),
    "a group that trusts an open group": refused(groups(trusted="front"), "EXP-001"),
    "a group that trusts an id": refused(groups(made_here=False), "EXP-001"),
    "addresses of the world": refused(addresses("0.0.0.0/1", "128.0.0.0/1"), "EXP-001"),
    "an address of the internet": refused(floating("internet"), "EXP-001"),
    "an address of a pool not known yet": refused(unknown_pool, "UNK-001"),
    "a machine on the internet": refused(machine(networks=[{"name": "internet"}]), "EXP-001"),
    "a machine on a network by its id": refused(machine(networks=[{"uuid": "x"}]), "EXP-001"),
    "a port on a network by its id": refused(port_on("x"), "EXP-001"),
    "a port without protection": refused(port_without_protection, "EXP-001"),
    "a machine on its host's disk": refused(machine(block_devices=None), "CRY-001"),
    "a machine on a plain volume": refused(
        machine(boot={"source_type": "blank", "volume_type": "standard"}), "CRY-001"
    ),
    "a machine of an image by its id": refused(machine(boot=IMAGE), "IMG-001"),
    "a volume of an image by its id": refused(volume(image_id=IMAGE["uuid"]), "IMG-001"),
    "open data's machine of any image": Program(machine(boot=IMAGE), category="open"),
    "a machine of another image": refused(machine(image_name="own-build"), "IMG-001"),
    "a machine that is told a password": refused(machine(user_data="export DB_PASSWORD=not-to-be-shown"), "CRY-004"),
    "a machine that is told a secret": refused(
        machine(user_data=lambda: pulumi.Output.secret("not-to-be-shown")), "CRY-004"
    ),
    "a machine in a zone of nobody": refused(machine(availability_zone="b"), "RES-004"),
    "a plain volume": refused(volume(volume_type="standard"), "CRY-001"),
    "a volume of no type": refused(volume(volume_type=None), "CRY-001"),
    "files for everybody": refused(container(container_read=".r:*,.rlistings"), "CRY-001", "EXP-001"),
    "files written by everybody": refused(container(container_write="*:*"), "CRY-001", "EXP-001"),
    "files copied elsewhere": refused(
        container(container_sync_to="https://x.example/v1/a", container_sync_key="k"), "CRY-001", "RES-002"
    ),
    "a machine on a volume of its category": Program(shared_volume("restricted")),
    "a machine on a volume of another category": refused(shared_volume("confidential"), "CAT-004"),
    "a network for every project": refused(lambda: network(by(), shared=True), "CAT-004"),
    "a template nobody sees into": refused(
        lambda: openstack.orchestration.StackV1("stack", name="s", template_opts={"Bin": "x"}, opts=by()), "OPQ-001"
    ),
}
