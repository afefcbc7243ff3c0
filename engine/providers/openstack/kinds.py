"""Where each type lives in the cloud's API, and how its properties are called there (pure data).

A property's API name is its own in snake case unless `fields` says otherwise. `unread` properties are never told by the
API: what was asked for is what is recorded. `mark` says where a new object carries whose it is (`marks.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Service = Literal["compute", "network", "block_storage", "object_store", "image"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of objects that are a collection: POST to `path`, then `path/id`. `one`, `many`: the JSON's keys."""

    service: Service
    path: str
    one: str
    many: str
    what: str  # in messages
    fields: Mapping[str, str] = field(default_factory=dict)
    nested: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    unsent: frozenset[str] = frozenset()
    listed: str = ""  # where the list has all details, if not at `path`
    mark: Literal["", "metadata", "description"] = ""
    microversion: str = ""
    by_name: bool = False  # the name is the id


INSTANCE: Final = "openstack:compute/instance:Instance"
VOLUME: Final = "openstack:blockstorage/volume:Volume"
NETWORK: Final = "openstack:networking/network:Network"
SUBNET: Final = "openstack:networking/subnet:Subnet"
ROUTER: Final = "openstack:networking/router:Router"
PORT: Final = "openstack:networking/port:Port"
SEC_GROUP: Final = "openstack:networking/secGroup:SecGroup"
SEC_GROUP_RULE: Final = "openstack:networking/secGroupRule:SecGroupRule"
FLOATING_IP: Final = "openstack:networking/floatingIp:FloatingIp"
SERVER_GROUP: Final = "openstack:compute/serverGroup:ServerGroup"
KEYPAIR: Final = "openstack:compute/keypair:Keypair"
VOLUME_ATTACH: Final = "openstack:compute/volumeAttach:VolumeAttach"
INTERFACE_ATTACH: Final = "openstack:compute/interfaceAttach:InterfaceAttach"
ROUTER_INTERFACE: Final = "openstack:networking/routerInterface:RouterInterface"
FLOATING_IP_ASSOCIATE: Final = "openstack:networking/floatingIpAssociate:FloatingIpAssociate"
CONTAINER: Final = "openstack:objectstorage/container:Container"
CONTAINER_OBJECT: Final = "openstack:objectstorage/containerObject:ContainerObject"
COMPUTE_QUOTA: Final = "openstack:compute/quotaSetV2:QuotaSetV2"
NETWORK_QUOTA: Final = "openstack:networking/quotaV2:QuotaV2"
VOLUME_QUOTA: Final = "openstack:blockstorage/quoteSetV3:QuoteSetV3"

_NOT_SENT: Final = frozenset({"region", "tags", "valueSpecs", "vendorOptions"})
# Flavors are told by id up to 2.46, tags from 2.26 on.
COMPUTE_READS: Final = "2.26"

KINDS: Final[Mapping[str, Kind]] = {
    NETWORK: Kind(
        "network",
        "/networks",
        "network",
        "networks",
        "network",
        fields={"external": "router:external", "transparentVlan": "vlan_transparent"},
        nested={
            "segments": {
                "networkType": "provider:network_type",
                "physicalNetwork": "provider:physical_network",
                "segmentationId": "provider:segmentation_id",
            }
        },
        unread=frozenset({"valueSpecs"}),
        unsent=_NOT_SENT,
        mark="description",
    ),
    SUBNET: Kind(
        "network",
        "/subnets",
        "subnet",
        "subnets",
        "subnet",
        fields={"prefixLength": "prefixlen"},
        unread=frozenset({"prefixLength", "valueSpecs"}),
        unsent=_NOT_SENT | {"noGateway"},
        mark="description",
    ),
    ROUTER: Kind(
        "network",
        "/routers",
        "router",
        "routers",
        "router",
        unread=frozenset({"valueSpecs", "vendorOptions", "externalSubnetIds"}),
        unsent=_NOT_SENT
        | {"externalNetworkId", "enableSnat", "externalFixedIps", "externalQosPolicyId", "externalSubnetIds"},
        mark="description",
    ),
    PORT: Kind(
        "network",
        "/ports",
        "port",
        "ports",
        "port",
        fields={
            "securityGroupIds": "security_groups",
            "extraDhcpOptions": "extra_dhcp_opts",
            "dnsAssignments": "dns_assignment",
            "allSecurityGroupIds": "security_groups",
        },
        nested={"extraDhcpOptions": {"name": "opt_name", "value": "opt_value", "ipVersion": "ip_version"}},
        unread=frozenset({"fixedIps", "noFixedIp", "noSecurityGroups", "securityGroupIds", "valueSpecs"}),
        unsent=_NOT_SENT | {"binding", "noFixedIp", "noSecurityGroups"},
        mark="description",
    ),
    SEC_GROUP: Kind(
        "network",
        "/security-groups",
        "security_group",
        "security_groups",
        "security group",
        unread=frozenset({"deleteDefaultRules"}),
        unsent=_NOT_SENT | {"deleteDefaultRules"},
        mark="description",
    ),
    SEC_GROUP_RULE: Kind(
        "network",
        "/security-group-rules",
        "security_group_rule",
        "security_group_rules",
        "security group rule",
        unsent=frozenset({"region"}),
    ),
    FLOATING_IP: Kind(
        "network",
        "/floatingips",
        "floatingip",
        "floatingips",
        "floating IP",
        fields={"address": "floating_ip_address", "fixedIp": "fixed_ip_address"},
        unread=frozenset({"subnetId", "subnetIds", "valueSpecs"}),
        unsent=_NOT_SENT | {"pool", "subnetIds"},
        mark="description",
    ),
    SERVER_GROUP: Kind(
        "compute",
        "/os-server-groups",
        "server_group",
        "server_groups",
        "server group",
        unread=frozenset({"valueSpecs", "rules"}),
        unsent=_NOT_SENT | {"rules"},
    ),
    KEYPAIR: Kind(
        "compute",
        "/os-keypairs",
        "keypair",
        "keypairs",
        "key pair",
        unread=frozenset({"privateKey", "valueSpecs"}),
        unsent=_NOT_SENT,
        microversion="2.10",
        by_name=True,
    ),
    INSTANCE: Kind(
        "compute",
        "/servers",
        "server",
        "servers",
        "instance",
        unread=frozenset(
            {
                "adminPass",
                "availabilityZoneHints",
                "blockDevices",
                "configDrive",
                "forceDelete",
                "networkMode",
                "personalities",
                "schedulerHints",
                "stopBeforeDestroy",
                "userData",
                "vendorOptions",
            }
        ),
        listed="/servers/detail",
        mark="metadata",
        microversion=COMPUTE_READS,
    ),
    VOLUME: Kind(
        "block_storage",
        "/volumes",
        "volume",
        "volumes",
        "volume",
        fields={"sourceVolId": "source_volid", "consistencyGroupId": "consistencygroup_id"},
        unread=frozenset(
            {"backupId", "consistencyGroupId", "enableOnlineResize", "imageId", "schedulerHints", "sourceReplica"}
            | {"volumeRetypePolicy"}
        ),
        unsent=frozenset({"region", "enableOnlineResize", "schedulerHints", "volumeRetypePolicy"}),
        listed="/volumes/detail",
        mark="metadata",
    ),
}
