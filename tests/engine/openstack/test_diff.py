"""What replaces, what updates, what is no change: as Terraform's provider plans it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.providers.openstack.check import check_resource
from engine.providers.openstack.diff import diff_resource
from engine.providers.openstack.shapes import digest
from engine.providers.openstack.types import all_facts
from engine.values import UNKNOWN, Secret

INSTANCE = "compute/instance:Instance"
PORT = "networking/port:Port"
NETWORK = "networking/network:Network"
SUBNET = "networking/subnet:Subnet"
VOLUME = "blockstorage/volume:Volume"
RULE = "networking/secGroupRule:SecGroupRule"
VM = {"name": "vm", "flavorId": "small", "imageId": "i", "networks": [{"port": "p"}]}
VM_LIVE = {
    "flavorName": "Small",
    "imageName": "linux",
    "powerState": "active",
    "availabilityZone": "nova",
    "securityGroups": ["default"],
    "networks": [{"port": "p", "name": "net", "mac": "m", "fixedIpV4": "10.0.0.2"}],
    "hypervisorHostname": "h",
}
DEVICE = {"uuid": "i", "sourceType": "image", "destinationType": "volume", "volumeSize": 5, "bootIndex": 0}
A_RULE = {"direction": "ingress", "ethertype": "IPv4", "securityGroupId": "g", "protocol": "tcp"}

# type, inputs, what the cloud told besides, new inputs -> path: kind
CHANGES: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "nothing": (INSTANCE, VM, VM_LIVE, VM, {}),
    "a name": (INSTANCE, VM, VM_LIVE, {**VM, "name": "other"}, {"name": "update"}),
    "another flavor is a resize": (INSTANCE, VM, VM_LIVE, {**VM, "flavorId": "large"}, {"flavorId": "update"}),
    "another image is a rebuild": (INSTANCE, VM, VM_LIVE, {**VM, "imageId": "j"}, {"imageId": "update"}),
    "user data": (INSTANCE, {**VM, "userData": "a"}, VM_LIVE | {"userData": digest("a")}, {**VM, "userData": "a"}, {}),
    "other user data": (
        INSTANCE,
        {**VM, "userData": "a"},
        VM_LIVE | {"userData": digest("a")},
        {**VM, "userData": "b"},
        {"userData": "update-replace"},
    ),
    "another port": (
        INSTANCE,
        VM,
        VM_LIVE,
        {**VM, "networks": [{"port": "q"}]},
        {"networks[0].port": "update-replace"},
    ),
    "a port that is not known yet": (
        INSTANCE,
        VM,
        VM_LIVE,
        {**VM, "networks": [{"port": UNKNOWN}]},
        {"networks[0].port": "update-replace"},
    ),
    "one more network": (
        INSTANCE,
        VM,
        VM_LIVE,
        {**VM, "networks": [{"port": "p"}, {"port": "q"}]},
        {"networks[1]": "add-replace"},
    ),
    "a zone": (
        INSTANCE,
        {**VM, "availabilityZone": "nova"},
        VM_LIVE,
        {**VM, "availabilityZone": "b"},
        {"availabilityZone": "update-replace"},
    ),
    "a zone that is no longer asked for": (INSTANCE, {**VM, "availabilityZone": "nova"}, VM_LIVE, VM, {}),
    "a larger boot volume": (
        INSTANCE,
        {**VM, "blockDevices": [DEVICE]},
        VM_LIVE,
        {**VM, "blockDevices": [{**DEVICE, "volumeSize": 6}]},
        {"blockDevices[0].volumeSize": "update-replace"},
    ),
    "an instance that somebody stopped": (
        INSTANCE,
        VM,
        VM_LIVE | {"powerState": "shutoff"},
        VM,
        {"powerState": "update"},
    ),
    "an instance that failed": (
        INSTANCE,
        VM,
        VM_LIVE | {"powerState": "error"},
        VM,
        {"powerState": "update-replace"},
    ),
    "metadata": (
        INSTANCE,
        {**VM, "metadata": {"a": "1", "b": "1"}},
        VM_LIVE,
        {**VM, "metadata": {"a": "2", "c": "1"}},
        {"metadata.a": "update", "metadata.b": "delete", "metadata.c": "add"},
    ),
    "tags in another order": (
        NETWORK,
        {"name": "n", "tags": ["a", "b"]},
        {"allTags": ["a", "b"]},
        {"name": "n", "tags": ["b", "a"]},
        {},
    ),
    "a tag": (NETWORK, {"name": "n", "tags": ["a"]}, {}, {"name": "n", "tags": ["b"]}, {"tags": "update"}),
    "a description that somebody wrote": (
        NETWORK,
        {"name": "n"},
        {"description": "x"},
        {"name": "n"},
        {"description": "delete"},
    ),
    "an mtu that the cloud chose": (NETWORK, {"name": "n"}, {"mtu": 1450}, {"name": "n"}, {}),
    "groups in another order": (
        PORT,
        {"name": "p", "networkId": "n", "securityGroupIds": ["a", "b"]},
        {},
        {"name": "p", "networkId": "n", "securityGroupIds": ["b", "a"]},
        {},
    ),
    "another network": (
        PORT,
        {"name": "p", "networkId": "n"},
        {},
        {"name": "p", "networkId": "m"},
        {"networkId": "update-replace"},
    ),
    "an address on a port": (
        PORT,
        {"name": "p", "networkId": "n", "fixedIps": [{"subnetId": "s"}]},
        {},
        {"name": "p", "networkId": "n", "fixedIps": [{"subnetId": "s", "ipAddress": "10.0.0.9"}]},
        {"fixedIps[0].ipAddress": "add"},
    ),
    "a cidr": (
        SUBNET,
        {"name": "s", "networkId": "n", "cidr": "10.0.0.0/24"},
        {},
        {"name": "s", "networkId": "n", "cidr": "10.0.1.0/24"},
        {"cidr": "update-replace"},
    ),
    "no DHCP any more": (
        SUBNET,
        {"name": "s", "networkId": "n", "cidr": "10.0.0.0/24"},
        {},
        {"name": "s", "networkId": "n", "cidr": "10.0.0.0/24", "enableDhcp": False},
        {"enableDhcp": "update"},
    ),
    "a size": (VOLUME, {"name": "v", "size": 1}, {}, {"name": "v", "size": 2}, {"size": "update"}),
    "a type": (
        VOLUME,
        {"name": "v", "size": 1, "volumeType": "a"},
        {},
        {"name": "v", "size": 1, "volumeType": "b"},
        {"volumeType": "update"},
    ),
    "an origin": (
        VOLUME,
        {"name": "v", "size": 1, "imageId": "a"},
        {},
        {"name": "v", "size": 1, "imageId": "b"},
        {"imageId": "update-replace"},
    ),
    "any part of a rule": (RULE, A_RULE, {}, {**A_RULE, "protocol": "udp"}, {"protocol": "update-replace"}),
    "a protocol in capitals": (RULE, A_RULE, {"protocol": "TCP"}, A_RULE, {}),
}


def recorded(token: str, inputs: dict[str, Any], told: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    old = check_resource(all_facts()[f"openstack:{token}"], None, inputs, logical_name="web", random_seed=b"s").inputs
    return old, {**old, **told}


@pytest.mark.parametrize("case", CHANGES)
def test_changes_are_what_terraform_would_plan(case: str) -> None:
    token, inputs, told, news, expected = CHANGES[case]
    facts = all_facts()[f"openstack:{token}"]
    old, outputs = recorded(token, inputs, told)
    new = check_resource(facts, old, news, logical_name="web", random_seed=b"s").inputs
    diff = diff_resource(facts, old, outputs, new, ())
    assert {path: change.kind for path, change in (diff.detailed or {}).items()} == expected
    assert diff.changes is bool(expected)
    assert set(diff.replaces) == {path for path, kind in expected.items() if kind.endswith("-replace")}


def test_a_secret_is_compared_by_what_it_hides() -> None:
    facts = all_facts()[f"openstack:{INSTANCE}"]
    old, outputs = recorded(INSTANCE, {**VM, "metadata": {"a": "1"}}, VM_LIVE)
    assert not diff_resource(facts, old, outputs, {**old, "metadata": Secret({"a": "1"})}, ()).changes
    assert diff_resource(facts, old, outputs, {**old, "metadata": Secret({"a": "2"})}, ()).changes


def test_ignored_changes_are_none_inside_lists_too() -> None:
    facts = all_facts()[f"openstack:{INSTANCE}"]
    old, outputs = recorded(INSTANCE, VM, VM_LIVE)
    new = {**old, "name": "b", "networks": [{"port": "q"}]}
    assert set(diff_resource(facts, old, outputs, new, ("networks",)).diffs) == {"name"}
    assert set(diff_resource(facts, old, outputs, new, ("networks[*].port", "name")).diffs) == set()


def test_a_name_that_the_program_gave_may_be_there_once() -> None:
    facts = all_facts()[f"openstack:{VOLUME}"]
    for inputs, first in (({"name": "v", "size": 1, "imageId": "a"}, True), ({"size": 1, "imageId": "a"}, False)):
        old, outputs = recorded(VOLUME, inputs, {})
        new = check_resource(facts, old, {**inputs, "imageId": "b"}, logical_name="web", random_seed=b"x").inputs
        diff = diff_resource(facts, old, outputs, new, ())
        assert diff.replaces == ("imageId",)
        assert diff.delete_before_replace is first
