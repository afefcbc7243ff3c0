"""Located resources, two-way: places, exposure (EXP-001), copies (RES-002), global services (RES-003), CRY-001."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

import inventories
from cli.main import run
from inventories.models import ExternalNetwork, MachineImage, OpenStack, PulumiRegion, Region, Zone
from policies.cloud_types import CloudTypes
from tests.policies.asking import UNKNOWN, Provider, Resource, World, ca_sha256, certificate, edited, table
from tests.worlds import load_cases

AUTH = "https://identity.example-csp.example/v3"
TYPES = CloudTypes(Path(inventories.__file__).parent / "resource_types")
LOGIN = {"userName": "robot", "password": "not-to-be-shown", "tenantName": "onshore"}
HERE = {"authUrl": AUTH, "region": "RegionOne", "cacertFile": certificate("example-ca").decode(), **LOGIN}
NOWHERE = {"ACC-001", "RES-001"}


def world(category: str = "restricted", *, country: str = "PK", kinds: tuple[str, ...] = ("vm", "volume")) -> World:
    """A world whose provider also has an OpenStack region."""
    register = load_cases()[0].register
    provider = register.providers[0]
    site = provider.sites[0].model_copy(update={"country": country})
    region = Region(
        id="example-region",
        sites=(site.id,),
        service_kinds=frozenset({"vm", "volume"}),
        deployment_model="government",
        security_level=provider.clusters[0].security_level,
        pulumi=PulumiRegion(package="openstack", region="RegionOne", endpoint=AUTH),
        encrypted_volume_types=frozenset({"encrypted"}),
        openstack=OpenStack(
            ca_sha256=ca_sha256(),
            project="onshore",
            zones=(Zone(name="a", site=site.id),),
            images=(MachineImage(name="debian-12", digest=f"sha256:{'d' * 64}"),),
            external_networks=(
                ExternalNetwork(name="wan", public=False),
                ExternalNetwork(name="internet", public=True),
            ),
        ),
    )
    scope = provider.accreditation.scope.model_copy(update={"service_kinds": frozenset({"kubernetes", *kinds})})
    accreditation = provider.accreditation.model_copy(update={"scope": scope})
    changes = {"sites": (site,), "regions": (*provider.regions, region), "accreditation": accreditation}
    return World(category, register=register.model_copy(update={"providers": (provider.model_copy(update=changes),)}))


def cloud(token: str, **props: Any) -> Resource:
    """A resource by a provider that says its place."""
    package = token.partition(":")[0]
    told = {"openstack": HERE, "aws": {"region": "xa-1"}, "gcp": {"region": "xa1"}}.get(package, {})
    return Resource(token, props, Provider(f"pulumi:providers:{package}", "cloud", more=told))


STACK = "openstack:{}".format
RULE = STACK("networking/secGroupRule:SecGroupRule")
VOLUME = STACK("blockstorage/volume:Volume")
MACHINE = STACK("compute/instance:Instance")
FLOATING = STACK("networking/floatingIp:FloatingIp")
GROUP = "aws:ec2/securityGroup:SecurityGroup"


def machine(**device: Any) -> Resource:
    """A machine on an encrypted volume, or with another first device."""
    boot = {"bootIndex": 0, "sourceType": "image", "destinationType": "volume", "volumeType": "encrypted"}
    return cloud(MACHINE, imageName="debian-12", blockDevices=[boot | device])


@table(
    {
        "a network": (cloud(STACK("networking/network:Network")),),
        "its own region": (cloud(STACK("networking/network:Network"), region="RegionOne"),),
        "an encrypted volume": (cloud(VOLUME, volumeType="encrypted"),),
        "a rule inside": (cloud(RULE, direction="ingress", remoteIpPrefix="10.0.0.0/8"),),
        "a rule for a group": (cloud(RULE, direction="ingress", remoteGroupId="g"),),
        "a rule outwards": (cloud(RULE, direction="egress", remoteIpPrefix="0.0.0.0/0"),),
        "a random name": (
            Resource("random:index/randomId:RandomId", {}, Provider("pulumi:providers:random", "default")),
        ),
        "another region": (cloud(STACK("networking/network:Network"), region="Elsewhere"), *NOWHERE),
        "a region not known yet": (cloud(STACK("networking/network:Network"), region=UNKNOWN), "UNK-001"),
        "a region that is a number": (cloud(STACK("networking/network:Network"), region=1), "RES-004"),
        "a volume of no type": (cloud(VOLUME), "CRY-001"),
        "a plain volume": (cloud(VOLUME, volumeType="plain"), "CRY-001"),
        "a volume of a type not known yet": (cloud(VOLUME, volumeType=UNKNOWN), "UNK-001"),
        "a rule for the world": (cloud(RULE, direction="ingress", remoteIpPrefix="0.0.0.0/0"), "EXP-001"),
        "a rule for the other world": (cloud(RULE, direction="ingress", remoteIpPrefix="::/0"), "EXP-001"),
        "half the world": (cloud(RULE, direction="ingress", remoteIpPrefix="128.0.0.0/1"), "EXP-001"),
        "no range": (cloud(RULE, direction="ingress"), "EXP-001"),
        "no range at all": (cloud(RULE, direction="ingress", remoteIpPrefix="all"), "EXP-001"),
        "a range not known yet": (cloud(RULE, direction="ingress", remoteIpPrefix=UNKNOWN), "UNK-001"),
        "a direction not known yet": (cloud(RULE, direction=UNKNOWN, remoteIpPrefix="0.0.0.0/0"), "EXP-001"),
        "a floating IP": (cloud(STACK("networking/floatingIp:FloatingIp")), "EXP-001"),
        "a floating IP of the department's network": (cloud(FLOATING, pool="wan"),),
        "a floating IP of the internet": (cloud(FLOATING, pool="internet"), "EXP-001"),
        "a floating IP of a pool not known yet": (cloud(FLOATING, pool=UNKNOWN), "UNK-001"),
        "a network without protected ports": (
            cloud(STACK("networking/network:Network"), portSecurityEnabled=False),
            "EXP-001",
        ),
        "a network for everybody": (cloud(STACK("networking/network:Network"), shared=True), "CAT-004"),
        "a zone of the region": (cloud(VOLUME, volumeType="encrypted", availabilityZone="a"),),
        "a zone of nobody": (cloud(VOLUME, volumeType="encrypted", availabilityZone="b"), "RES-004"),
        "a zone not known yet": (cloud(VOLUME, volumeType="encrypted", availabilityZone=UNKNOWN), "UNK-001"),
        "a machine on an encrypted volume": (machine(),),
        "a machine on a volume that exists": (machine(volumeType=None, sourceType="volume", destinationType=None),),
        "a machine on a plain volume": (machine(volumeType="plain"), "CRY-001"),
        "a machine on its host's disk": (cloud(MACHINE, imageName="debian-12"), "CRY-001"),
        "a machine with another disk of its host": (machine(destinationType="local"), "CRY-001"),
        "a machine whose first volume is not the first": (machine(bootIndex=1), "CRY-001"),
        "a machine whose volume is not known yet": (machine(bootIndex=UNKNOWN), "UNK-001"),
        "a machine of an image nobody knows": (edited(machine(), "imageName", to="own-build"), "IMG-001"),
        "a machine on the internet": (edited(machine(), "networks", to=[{"name": "internet"}]), "EXP-001"),
        "a machine on the department's network": (edited(machine(), "networks", to=[{"name": "wan"}]),),
        "a port without a group": (
            cloud(STACK("networking/port:Port"), noSecurityGroups=True, networkId="n"),
            "EXP-001",
        ),
        "a group of addresses for the world": (
            cloud(STACK("networking/addressGroupV2:AddressGroupV2"), addresses=["0.0.0.0/1", "128.0.0.0/1"]),
            "EXP-001",
        ),
        "an image for everybody": (cloud(STACK("images/image:Image"), visibility="public"), "EXP-001"),
        "an image from elsewhere": (cloud(STACK("images/image:Image"), imageSourceUrl="https://x.example"), "RES-002"),
        "a port forwarded": (cloud(STACK("networking/portForwardingV2:PortForwardingV2")), "EXP-001"),
        "a database outside the scope": (cloud(STACK("database/database:Database")), "ACC-002"),
        "a public container that is copied": (
            cloud(
                STACK("objectstorage/container:Container"), containerRead=".r:*", containerSyncTo="https://x.example"
            ),
            "ACC-002",
            "EXP-001",
            "RES-002",
            "CRY-001",
        ),
        "a template nobody sees into": (cloud(STACK("orchestration/stackV1:StackV1")), "OPQ-001"),
        "a type of tomorrow": (cloud(STACK("compute/thing:Thing")), "OPQ-002"),
        "a region of AWS": (cloud("aws:sqs/queue:Queue"), *NOWHERE),
        "a group for the world in halves": (
            cloud(GROUP, ingress=[{"cidrBlocks": ["0.0.0.0/1", "128.0.0.0/1"]}]),
            "EXP-001",
            *NOWHERE,
        ),
        "a group for the world in sixteen": (
            cloud(GROUP, ingress=[{"cidrBlocks": [f"{16 * i}.0.0.0/4"]} for i in range(16)]),
            "EXP-001",
            *NOWHERE,
        ),
        "a group inside": (cloud(GROUP, ingress=[{"cidrBlocks": ["10.1.0.0/16"]}]), *NOWHERE),
        "a group of text": (cloud(GROUP, ingress="all"), "EXP-001", *NOWHERE),
        "a public bucket": (cloud("aws:s3/bucket:Bucket", acl="public-read"), "EXP-001", *NOWHERE),
        "a bucket copied": (cloud("aws:s3/bucketReplicationConfig:BucketReplicationConfig"), "RES-002", *NOWHERE),
        "a table copied": (
            cloud("aws:dynamodb/table:Table", replicas=[{"regionName": "xb-1"}]),
            "RES-002",
            *NOWHERE,
        ),
        "a public database": (
            cloud("aws:rds/instance:Instance", publiclyAccessible=True, storageEncrypted=True),
            "EXP-001",
            "CRY-003",
            *NOWHERE,
        ),
        "a plain database": (
            cloud("aws:rds/instance:Instance", storageEncrypted="true"),
            "CRY-001",
            "CRY-003",
            *NOWHERE,
        ),
        "a network whose id says that it is global": (cloud("gcp:compute/network:Network"), "ACC-001", "RES-003"),
        "a firewall whose id says so": (
            cloud("gcp:compute/firewall:Firewall", direction="EGRESS", network="n"),
            "ACC-001",
            "RES-003",
        ),
        "what is global and may carry code": (cloud("gcp:compute/image:Image"), "OPQ-002"),
        "a content network": (cloud("aws:cloudfront/distribution:Distribution"), "ACC-001", "RES-003"),
        "a public address of Azure": (
            cloud("azure-native:network:PublicIPAddress", location="xa"),
            "EXP-001",
            *NOWHERE,
        ),
        "a geo-redundant account": (
            cloud(
                "azure-native:storage:StorageAccount",
                location="xa",
                allowBlobPublicAccess=False,
                sku={"name": "Standard_GRS"},
            ),
            "RES-002",
            "CRY-003",
            *NOWHERE,
            "CRY-001",
        ),
        "a locally redundant account": (
            cloud(
                "azure-native:storage:StorageAccount",
                location="xa",
                allowBlobPublicAccess=False,
                sku={"name": "Standard_LRS"},
            ),
            "CRY-003",
            *NOWHERE,
            "CRY-001",
        ),
        "Azure without a location": (cloud("azure-native:compute:Disk"), "RES-004", "CRY-001", "CRY-003"),
        "a geo-redundant classic account": (
            cloud(
                "azure:storage/account:Account",
                location="xa",
                accountReplicationType="GRS",
                allowNestedItemsToBePublic=False,
            ),
            "RES-002",
            "CRY-003",
            *NOWHERE,
            "CRY-001",
        ),
        "a public classic account": (
            cloud("azure:storage/account:Account", location="xa", accountReplicationType="LRS"),
            "EXP-001",
            "CRY-003",
            *NOWHERE,
            "CRY-001",
        ),
        "a bucket of many regions": (
            cloud(
                "gcp:storage/bucket:Bucket",
                location="XA",
                publicAccessPrevention="enforced",
                customPlacementConfig={"dataLocations": ["xa1", "xa2"]},
            ),
            "RES-002",
            "CRY-003",
            *NOWHERE,
            "CRY-001",
        ),
        "a global address": (cloud("gcp:compute/globalAddress:GlobalAddress"), "ACC-001", "EXP-001", "RES-003"),
        "a zone": (cloud("gcp:compute/disk:Disk", zone="xa1-b"), *NOWHERE, "CRY-001", "CRY-003"),
        "a zone that is none": (cloud("gcp:compute/disk:Disk", zone="xa1"), "RES-004", "CRY-001", "CRY-003"),
        "a global place": (cloud("gcp:kms/keyRing:KeyRing", location="global"), "ACC-001", "RES-003"),
        "a type of a parent's place": (cloud("gcp:storage/bucketObject:BucketObject"), "RES-004"),
    }
)
def test_resources_of_clouds(asked: Resource, refusing: set[str]) -> None:
    assert world().refused_by(asked) == refusing


@table(
    {
        "a region of the register": (HERE,),
        "a region of the same name elsewhere": (HERE | {"authUrl": "https://other.example/v3"}, *NOWHERE),
        "no credentials": ({key: HERE[key] for key in HERE.keys() - LOGIN.keys()}, "PIN-003"),
        "no user": ({key: value for key, value in HERE.items() if key != "userName"}, "PIN-003"),
        "no project": ({key: value for key, value in HERE.items() if key != "tenantName"}, "PIN-003"),
        "a bound credential": (
            {key: HERE[key] for key in HERE.keys() - LOGIN.keys()}
            | {"applicationCredentialId": "1", "applicationCredentialSecret": "not-to-be-shown"},
        ),
        "a region of the environment": ({key: value for key, value in HERE.items() if key != "region"}, "PIN-003"),
        "an authority of the machine": ({key: value for key, value in HERE.items() if key != "cacertFile"}, "PIN-003"),
        "an authority in a file": (HERE | {"cacertFile": "/etc/ssl/ca.pem"}, "PIN-002", "PIN-003"),
        "another authority": (HERE | {"cacertFile": certificate("other").decode()}, "PIN-002"),
        "two authorities": (
            HERE | {"cacertFile": (certificate("example-ca") + certificate("other")).decode()},
            "PIN-002",
        ),
        "an authority not known yet": (HERE | {"cacertFile": UNKNOWN}, "UNK-001"),
        "an authority of numbers": (HERE | {"cacertFile": 1}, "PIN-002", "PIN-003"),
        "other endpoints": (HERE | {"endpointOverrides": '{"compute":"https://x.example"}'}, "PIN-003"),
        "a file of clouds": (HERE | {"cloud": "mine"}, "PIN-003"),
        "TLS not verified": (HERE | {"insecure": "true"}, "PIN-003"),
        "a file not known yet": (HERE | {"cloud": UNKNOWN}, "UNK-001"),
    }
)
def test_a_clouds_provider(asked: dict[str, Any], refusing: set[str]) -> None:
    provider = Resource("pulumi:providers:openstack", asked, name="cloud")
    assert world().refused_by(provider) == refusing
    default = Resource("pulumi:providers:openstack", asked, name="default_5_5_3")
    assert world().refused_by(default) == refusing | {"PIN-001"}


def test_a_region_abroad_holds_open_data_only() -> None:
    provider = Resource("pulumi:providers:openstack", HERE, name="cloud")
    assert world(country="XA").refused_by(provider) == {"RES-001"}
    assert world("open", country="XA").refused_by(provider) == set()


def test_a_resource_without_a_place_or_with_a_default_provider_is_refused() -> None:
    token = STACK("networking/network:Network")
    nowhere = Provider("pulumi:providers:openstack", "cloud", more={"authUrl": AUTH})
    assert world().refused_by(Resource(token, {}, nowhere)) == {"RES-004"}
    default = Provider("pulumi:providers:openstack", "default", more=HERE)
    assert world().refused_by(Resource(token, {}, default)) == {"PIN-001"}


def test_open_data_may_be_open_and_plain() -> None:
    for token in (STACK("networking/floatingIp:FloatingIp"), VOLUME):
        assert world("open").refused_by(cloud(token)) == set()


@pytest.mark.parametrize("name", TYPES.names())
def test_a_package_is_well_formed(name: str) -> None:
    package = TYPES.package(name)
    assert package is not None
    listed = json.loads((TYPES.directory / "sdk" / f"{name}.json").read_text(encoding="utf-8"))["types"]
    tokens = [token for part in listed.values() for token in part]
    assert len(tokens) == len(set(tokens))
    assert [p for p in package.patterns if not any(fnmatchcase(token, p) for token in tokens)] == []
    assert {law.rule for law in package.laws} <= set(inventories.load_rules())


@pytest.mark.parametrize("name", TYPES.names())
def test_what_is_global_by_its_id_has_no_place(name: str) -> None:
    package = TYPES.package(name)
    assert package is not None
    listed = json.loads((TYPES.directory / "sdk" / f"{name}.json").read_text(encoding="utf-8"))
    everywhere = set(listed.get("global", []))
    assert everywhere <= set(listed["types"].get("none", []))
    assert {package.types[token].kind for token in everywhere} <= {"global", "unclassified", "opaque"}
    assert bool(everywhere) is (name == "gcp")


def test_coverage_counts_every_package_and_names_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["coverage", "--json"]) == 0
    rows = {row["package"]: row for row in json.loads(capsys.readouterr().out)["packages"]}
    assert rows.keys() == {"kubernetes", *TYPES.names()}
    assert all(row["classified"] + len(row["unclassified"]) == row["types"] for row in rows.values())
    assert rows["openstack"]["unclassified"] == []
    assert "gcp:storage/bucketObject:BucketObject" not in rows["gcp"]["unclassified"]
    assert "gcp:storage/bucketIAMPolicy:BucketIAMPolicy" in rows["gcp"]["unclassified"]
