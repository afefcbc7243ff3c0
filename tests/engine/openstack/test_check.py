"""Checked inputs: names and defaults as pulumi-openstack leaves them, and every fault at once."""

from __future__ import annotations

from typing import Any

import pytest

from engine.providers.openstack.check import check_resource
from engine.providers.openstack.types import all_facts
from engine.values import UNKNOWN, Secret

INSTANCE = "compute/instance:Instance"
SUBNET = "networking/subnet:Subnet"
RULE = "networking/secGroupRule:SecGroupRule"
VOLUME = "blockstorage/volume:Volume"
DEVICE = {"uuid": "i", "sourceType": "image", "destinationType": "volume", "volumeSize": 5, "bootIndex": 0}
OPEN = {"direction": "ingress", "ethertype": "IPv4", "securityGroupId": "g"}


def checked(token: str, inputs: dict[str, Any], old: dict[str, Any] | None = None) -> Any:
    return check_resource(all_facts()[f"openstack:{token}"], old, inputs, logical_name="web", random_seed=b"s")


# type, inputs -> the properties that are refused
REFUSED: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "a subnet of nothing": (SUBNET, {"networkId": "n"}, {"cidr"}),
    "a subnet without its network": (SUBNET, {"cidr": "10.0.0.0/24"}, {"networkId"}),
    "an address for a network": (SUBNET, {"networkId": "n", "cidr": "10.0.0.1/24"}, {"cidr"}),
    "the other family": (SUBNET, {"networkId": "n", "cidr": "fd00::/64"}, {"ipVersion"}),
    "a gateway and none": (
        SUBNET,
        {"networkId": "n", "cidr": "10.0.0.0/24", "gatewayIp": "10.0.0.1", "noGateway": True},
        {"noGateway"},
    ),
    "a name server twice": (
        SUBNET,
        {"networkId": "n", "cidr": "10.0.0.0/24", "dnsNameservers": ["9.9.9.9", "9.9.9.9"]},
        {"dnsNameservers"},
    ),
    "half a range": (RULE, {**OPEN, "protocol": "tcp", "portRangeMin": 1}, {"portRangeMax"}),
    "ports of no protocol": (RULE, {**OPEN, "portRangeMin": 1, "portRangeMax": 2}, {"protocol"}),
    "a range backwards": (RULE, {**OPEN, "protocol": "tcp", "portRangeMin": 2, "portRangeMax": 1}, {"portRangeMin"}),
    "no port": (RULE, {**OPEN, "protocol": "tcp", "portRangeMin": 0, "portRangeMax": 70000}, {"portRangeMax"}),
    "two remotes": (RULE, {**OPEN, "remoteGroupId": "g", "remoteIpPrefix": "10.0.0.0/8"}, {"remoteIpPrefix"}),
    "the other family's prefix": (RULE, {**OPEN, "remoteIpPrefix": "::/0"}, {"remoteIpPrefix"}),
    "a direction that is none": (RULE, {**OPEN, "direction": "in"}, {"direction"}),
    "nothing to boot from": (INSTANCE, {"flavorName": "small"}, {"imageId"}),
    "no flavor": (INSTANCE, {"imageId": "i"}, {"flavorId"}),
    "a device without a size": (
        INSTANCE,
        {"flavorName": "small", "blockDevices": [{**DEVICE, "volumeSize": None}]},
        {"blockDevices[0].volumeSize"},
    ),
    "a device of nothing": (
        INSTANCE,
        {"flavorName": "small", "blockDevices": [{**DEVICE, "uuid": ""}]},
        {"blockDevices[0].uuid"},
    ),
    "a word nobody knows": (INSTANCE, {"flavorName": "s", "imageId": "i", "flavour": "s"}, {"flavour"}),
    "a word nobody knows, inside": (
        INSTANCE,
        {"flavorName": "s", "imageId": "i", "networks": [{"id": "n"}]},
        {"networks[0].id"},
    ),
    "text for a size": (VOLUME, {"size": "much"}, {"size"}),
    "no size to speak of": (VOLUME, {"size": 0}, {"size"}),
    "two origins": (VOLUME, {"size": 1, "imageId": "i", "snapshotId": "s"}, {"snapshotId"}),
    "every fault at once": (
        SUBNET,
        {"cidr": "10.0.0.1/24", "nett": 1, "enableDhcp": "maybe"},
        {"networkId", "cidr", "nett", "enableDhcp"},
    ),
}

LAWFUL: dict[str, tuple[str, dict[str, Any]]] = {
    "a subnet": (SUBNET, {"networkId": "n", "cidr": "10.0.0.0/24"}),
    "a subnet whose network is not there yet": (SUBNET, {"networkId": UNKNOWN, "cidr": UNKNOWN}),
    "a subnet from a pool": (SUBNET, {"networkId": "n", "subnetpoolId": "p", "prefixLength": 26}),
    "a rule for all ports": (RULE, {**OPEN}),
    "a rule for echo": (RULE, {**OPEN, "protocol": "icmp", "portRangeMin": 8, "portRangeMax": 0}),
    "an instance on a volume": (INSTANCE, {"flavorId": "f", "blockDevices": [DEVICE]}),
    "an instance from what is not known": (INSTANCE, {"flavorId": UNKNOWN, "imageId": UNKNOWN}),
    "numbers as text": (VOLUME, {"size": "10"}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_by_property(case: str) -> None:
    token, inputs, wrong = REFUSED[case]
    assert {failure.property for failure in checked(token, inputs).failures} == wrong


@pytest.mark.parametrize("case", LAWFUL)
def test_what_can_be_is_not(case: str) -> None:
    assert checked(*LAWFUL[case]).failures == ()


def test_a_name_is_made_up_once_and_kept() -> None:
    first = checked(VOLUME, {"size": 1}).inputs
    assert first["name"].startswith("web-")
    assert len(first["name"]) == len("web-") + 7
    again = check_resource(
        all_facts()[f"openstack:{VOLUME}"], first, {"size": 2}, logical_name="web", random_seed=b"other"
    ).inputs
    assert again["name"] == first["name"]
    assert checked(VOLUME, {"size": 1, "name": "mine"}, first).inputs["name"] == "mine"


def test_defaults_are_terraforms_and_are_said_to_be_defaults() -> None:
    inputs = checked(SUBNET, {"networkId": "n", "cidr": "10.0.0.0/24", "gatewayIp": "10.0.0.1"}).inputs
    assert (inputs["enableDhcp"], inputs["ipVersion"]) == (True, 4)
    assert "noGateway" not in inputs  # it excludes what was given
    assert inputs["__defaults"] == ["enableDhcp", "ipVersion", "name"]


def test_a_secret_stays_one_wherever_it_stands() -> None:
    inputs = checked(
        INSTANCE, {"flavorId": "f", "imageId": "i", "metadata": {"a": Secret("b")}, "adminPass": "p"}
    ).inputs
    assert inputs["metadata"] == {"a": Secret("b")}
    assert inputs["adminPass"] == Secret("p")


def test_a_refused_secret_is_not_repeated() -> None:
    failures = checked(INSTANCE, {"flavorId": "f", "imageId": "i", "adminPass": Secret(["pass-word"])}).failures
    assert failures
    assert not any("pass-word" in failure.reason for failure in failures)
