"""What no single field of an OpenStack resource tells: what a machine starts from, and what an id leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.cloud_law import broken, open_together
from policies.subject import Violation
from policies.values import UNKNOWN, at, join, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policies.subject import Subject

_INSTANCE: Final = "openstack:compute/instance:Instance"
_VOLUME: Final = "openstack:blockstorage/volume:Volume"
_OWN_MACHINE: Final = "onshore:index:VirtualMachine"
_RULE: Final = "openstack:networking/secGroupRule:SecGroupRule"
_BALANCER: Final = "openstack:loadbalancer/loadBalancer:LoadBalancer"
_NETWORK: Final = "openstack:networking/network:Network"
_SUBNET: Final = "openstack:networking/subnet:Subnet"
_PORT: Final = "openstack:networking/port:Port"
_GROUP: Final = "openstack:networking/secGroup:SecGroup"
_ADDRESSES: Final = "openstack:networking/addressGroupV2:AddressGroupV2"

# An id says nothing of what it leads to: it may be a public network's, or an open group's. These must be made here.
_MADE_HERE: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    _INSTANCE: {"networks": frozenset({_NETWORK, _SUBNET, _PORT})},
    _PORT: {"networkId": frozenset({_NETWORK, _SUBNET})},
    _BALANCER: {
        "vipNetworkId": frozenset({_NETWORK}),
        "vipSubnetId": frozenset({_SUBNET}),
        "vipPortId": frozenset({_PORT}),
    },
    _RULE: {"remoteGroupId": frozenset({_GROUP}), "remoteAddressGroupId": frozenset({_ADDRESSES})},
}


def root_disk(subject: Subject) -> Iterator[Violation]:
    """CRY-001: a machine starts from a volume, whose type is judged, unless the region encrypts its machines' disks."""
    region = subject.place.region if subject.place else None
    if subject.type != _INSTANCE or (region and "vm" in region.encrypted_at_rest):
        return
    devices = subject.props.get("blockDevices")
    first = [at(device, "bootIndex") for device in sequence(devices)]
    if not any(type(index) in (int, float) and index == 0 for index in first):
        got = devices if devices is UNKNOWN else UNKNOWN if UNKNOWN in first else "a disk of the machine's host"
        allowed = "a boot volume: a block device with bootIndex 0 of an encrypted volume type"
        yield Violation("blockDevices", got, allowed, public=isinstance(got, str))


def foreign_ids(subjects: Sequence[Subject], stack: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """EXP-001: networks and groups that are known by an id only are the stack's own."""
    types = {subject.urn: subject.type for subject in stack}
    for subject in subjects:
        for key, lawful in _MADE_HERE.get(subject.type, {}).items():
            made = {types.get(urn, "") for urn in subject.sources.get(key, frozenset())}
            if made & lawful:
                continue
            for path in _by_id(subject, key):
                noun = "group" if subject.type == _RULE else "network"
                got = f"a {noun} by an id that is not of this stack"
                yield subject.urn, Violation(path, got, f"a {noun} that this stack makes, or names", public=True)


def unseen_images(subjects: Sequence[Subject], stack: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """IMG-001: an id does not say what an image holds; our component compares the image's digest with the register's.

    What it says of its image the register lists; nobody else is taken at their word.
    """
    by_urn = {subject.urn: subject for subject in stack}
    for subject in subjects:
        region = subject.place.region if subject.place else None
        listed = {image.name for image in region.openstack.images} if region and region.openstack else set()
        parent = by_urn.get(subject.parent)
        compared = parent is not None and parent.type == _OWN_MACHINE and parent.props.get("image") in listed
        for path, value in () if compared else _images_by_id(subject):
            if value not in (None, ""):
                got = "an image by its id, whose content nobody here can tell"
                allowed = f"imageName, one of {', '.join(sorted(listed)) or 'none'}, or a VirtualMachine of onshore's"
                fix = "let VirtualMachine build it: it compares the image's digest with the register's"
                yield subject.urn, Violation(path, got, allowed, public=True, fix=fix)


def _images_by_id(subject: Subject) -> Iterator[tuple[str, Any]]:
    if subject.type in (_INSTANCE, _VOLUME):
        yield "imageId", subject.props.get("imageId")
    for index, device in enumerate(sequence(subject.props.get("blockDevices")) if subject.type == _INSTANCE else ()):
        if at(device, "sourceType") not in ("volume", "blank"):
            yield f"blockDevices[{index}].uuid", at(device, "uuid")


def opened_groups(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """EXP-001: a group that is itself open to the world is no one to trust."""
    rules = {subject.urn: subject for subject in subjects if subject.type == _RULE}
    faulty = {urn for urn, rule in rules.items() if any(True for _ in broken(rule, "EXP-001"))}
    faulty |= {urn for urn, _ in open_together(list(rules.values()))}
    opened = frozenset[str]().union(*(rules[urn].sources.get("securityGroupId", frozenset()) for urn in faulty))
    for urn, rule in rules.items():
        if rule.sources.get("remoteGroupId", frozenset()) & opened:
            yield urn, Violation("remoteGroupId", "a group that is open to the world", "a closed group", public=True)


def _by_id(subject: Subject, key: str) -> Iterator[str]:
    value: Any = subject.props.get(key)
    if subject.type != _INSTANCE:
        if value not in (None, ""):
            yield key
        return
    for index, one in enumerate(sequence(value)):
        for part in ("uuid", "port"):
            if at(one, part) not in (None, ""):
                yield join(f"{key}[{index}]", part)
