"""The laws of clouds' fields, two-way: each row names the rule that speaks, or none."""

from __future__ import annotations

from typing import Any

from inventories.models import PulumiRegion
from tests.policies.asking import UNKNOWN, Resource, World, table
from tests.policies.checks.test_clouds import STACK, cloud, world

SPEAKING = {"EXP-001", "RES-002", "CRY-001", "UNK-001"}
RULE = STACK("networking/secGroupRule:SecGroupRule")


def inbound(**fields: Any) -> Resource:
    props = {"direction": "Inbound", "access": "Allow", "networkSecurityGroupName": "g", **fields}
    return cloud("azure-native:network:SecurityRule", **props)


def classic(**fields: Any) -> Resource:
    props = {"direction": "Inbound", "access": "Allow", "networkSecurityGroupName": "g", **fields}
    return cloud("azure:network/networkSecurityRule:NetworkSecurityRule", **props)


def group(*rules: Any) -> Resource:
    return cloud("azure-native:network:NetworkSecurityGroup", location="xa", securityRules=list(rules))


def from_world(**fields: Any) -> dict[str, Any]:
    return {"direction": "Inbound", "access": "Allow", "sourceAddressPrefix": "*", **fields}


def machine(*access: Any) -> Resource:
    interface = {"network": "n", "accessConfigs": list(access)} if access else {"network": "n"}
    return cloud("gcp:compute/instanceTemplate:InstanceTemplate", region="xa1", networkInterfaces=[interface])


def firewall(**fields: Any) -> Resource:
    return cloud("gcp:compute/firewall:Firewall", network="n", **fields)


def aws(token: str, **fields: Any) -> Resource:
    return cloud(f"aws:{token}", **fields)


INGRESS = "vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@table(
    {
        "inside": (inbound(sourceAddressPrefix="10.0.0.0/8"),),
        "from the network itself": (inbound(sourceAddressPrefix="VirtualNetwork"),),
        "several inside": (inbound(sourceAddressPrefixes=["10.1.0.0/16", "10.2.0.0/16"]),),
        "a group of applications": (inbound(sourceApplicationSecurityGroups=[{"id": "x"}]),),
        "outwards": (inbound(direction="Outbound", sourceAddressPrefix="*"),),
        "denied": (inbound(access="Deny", sourceAddressPrefix="*"),),
        "anybody": (inbound(sourceAddressPrefix="*"), "EXP-001"),
        "anybody, in small letters": (inbound(direction="inbound", access="allow", sourceAddressPrefix="*"), "EXP-001"),
        "the internet": (inbound(sourceAddressPrefix="Internet"), "EXP-001"),
        "the world": (inbound(sourceAddressPrefix="0.0.0.0/0"), "EXP-001"),
        "anybody beside a list": (inbound(sourceAddressPrefix="*", sourceAddressPrefixes=["10.0.0.0/8"]), "EXP-001"),
        "the world in a list": (inbound(sourceAddressPrefixes=["0.0.0.0/1", "128.0.0.0/1"]), "EXP-001"),
        "no source": (inbound(), "EXP-001"),
        "a source that is a number": (inbound(sourceAddressPrefix=1), "EXP-001"),
        "a source not known yet": (inbound(sourceAddressPrefix=UNKNOWN), "UNK-001"),
        "classic, inside": (classic(sourceAddressPrefix="10.0.0.0/8"),),
        "classic, anybody": (classic(sourceAddressPrefix="*"), "EXP-001"),
        "a group's own rules inside": (group(from_world(sourceAddressPrefix="10.0.0.0/8")),),
        "a group's own rule outwards": (group(from_world(direction="Outbound")),),
        "a group's own rule for anybody": (group(from_world()), "EXP-001"),
        "a group's own rule that is no rule": (group("all"), "EXP-001"),
        "a firewall inside": (firewall(sourceRanges=["10.0.0.0/8"]),),
        "a firewall for a service": (firewall(sourceServiceAccounts=["a@x.example"]),),
        "a firewall for the world": (firewall(sourceRanges=["0.0.0.0/0"]), "EXP-001"),
        "a firewall for anybody": (firewall(), "EXP-001"),
        "a machine inside": (machine(),),
        "a machine with an address": (machine({}), "EXP-001"),
        "a rule of AWS for a group": (aws(INGRESS, referencedSecurityGroupId="g"),),
        "a rule of AWS for a list of ranges": (aws(INGRESS, prefixListId="pl-1"), "EXP-001"),
        "a rule of AWS for nobody": (aws(INGRESS), "EXP-001"),
        "a rule for no group": (cloud(RULE, direction="ingress", remoteGroupId=""), "EXP-001"),
        "a rule for a group and the world": (
            cloud(RULE, direction="ingress", remoteGroupId="g", remoteIpPrefix="::/0"),
            "EXP-001",
        ),
    }
)
def test_ways_in_from_outside(asked: Resource, refusing: set[str]) -> None:
    assert world().refused_by(asked) & SPEAKING == refusing


SQL = "azure-native:sql:Database"
VAULT = "azure-native:dataprotection:BackupVault"


@table(
    {
        "backups nearby": (cloud(SQL, location="xa", requestedBackupStorageRedundancy="Local"),),
        "backups far away by default": (cloud(SQL, location="xa"), "RES-002"),
        "backups far away": (cloud(SQL, location="xa", requestedBackupStorageRedundancy="Geo"), "RES-002"),
        "backups who knows where": (cloud(SQL, location="xa", requestedBackupStorageRedundancy=UNKNOWN), "UNK-001"),
        "a vault nearby": (cloud(VAULT, location="xa", properties={"storageSettings": [{"type": "ZoneRedundant"}]}),),
        "a vault elsewhere": (
            cloud(VAULT, location="xa", properties={"storageSettings": [{"type": "GeoRedundant"}]}),
            "RES-002",
        ),
        "a vault that does not say": (cloud(VAULT, location="xa"), "RES-002"),
        "a plan without copies": (aws("backup/plan:Plan", rules=[{"targetVaultName": "v"}]),),
        "a plan that copies": (
            aws("backup/plan:Plan", rules=[{"copyActions": [{"destinationVaultArn": "x"}]}]),
            "RES-002",
        ),
        "logs into a bucket": (
            aws("kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", destination="extended_s3"),
        ),
        "logs to an address": (
            aws("kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", destination="http_endpoint"),
            "RES-002",
        ),
        "metrics sent on": (aws("cloudwatch/metricStream:MetricStream"), "RES-002"),
        "a trail of one region": (aws("cloudtrail/trail:Trail"),),
        "a trail of all regions": (aws("cloudtrail/trail:Trail", isMultiRegionTrail=True), "RES-002"),
        "a volume type of the stack's own": (cloud(STACK("blockstorage/volumeTypeV3:VolumeTypeV3")), "CRY-001"),
        "storage that nobody vouches for": (cloud("gcp:compute/disk:Disk", zone="xa1-b"), "CRY-001"),
    }
)
def test_copies_and_storage(asked: Resource, refusing: set[str]) -> None:
    assert world().refused_by(asked) & SPEAKING == refusing


def test_storage_that_the_register_vouches_for() -> None:
    told = world().register
    provider = told.providers[0]
    *others, region = provider.regions
    there = {"pulumi": PulumiRegion(package="gcp", region="xa1"), "encrypted_at_rest": frozenset({"volume"})}
    changed = provider.model_copy(update={"regions": (*others, region.model_copy(update=there))})
    judging = World(register=told.model_copy(update={"providers": (changed,)}))
    # whose key it is, the register's word does not say
    assert judging.refused_by(cloud("gcp:compute/disk:Disk", zone="xa1-b")) == {"CRY-003"}


def halves(*ranges: str) -> list[Resource]:
    made = [cloud(RULE, direction="ingress", remoteIpPrefix=one) for one in ranges]
    return [Resource(one.type, one.props, one.provider, f"rule-{i}") for i, one in enumerate(made)]


def test_ranges_of_several_rules_are_added_up() -> None:
    world_in_parts = [f"{i}.0.0.0/8" for i in range(256) if i != 10]
    for ranges, refused in (
        (world_in_parts, True),
        (["192.0.2.0/24", "198.51.100.0/24"], False),
        (["10.0.0.0/9", "10.128.0.0/9"], False),
        (["2000::/32", "2000:1::/32"], True),
        (["2000::/33", "2000:0:8000::/33"], False),
    ):
        assert ("EXP-001" in world().stack_refused_by(*halves(*ranges))) is refused, ranges[:2]
        assert "EXP-001" not in world("open").stack_refused_by(*halves(*ranges))
    inline = [from_world(sourceAddressPrefix=f"{i}.0.0.0/8") for i in range(16, 32)]
    assert "EXP-001" in world().stack_refused_by(group(*inline))
    assert "EXP-001" not in world().stack_refused_by(group(*inline[::2]))
