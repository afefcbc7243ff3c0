"""Programs for AWS: its region in the country is made up, as all of the register is."""

from __future__ import annotations

from functools import partial
from typing import Any

import pulumi

from tests.policies.programs.running import KEYS, Program, refused, resource

_KEY = KEYS["aws"] + "a"
_ABROAD = {"ACC-001", "RES-001"}


def access(**changes: Any) -> pulumi.ProviderResource:
    told = {"region": "pk-1", "accessKey": "k", "secretKey": "not-to-be-shown", **changes}
    return pulumi.ProviderResource("aws", "cloud", {key: value for key, value in told.items() if value is not None})


def one(token: str, provider: Any = access, **props: Any) -> Any:
    """A program of one resource."""
    return lambda: resource(f"aws:{token}", "it", props, provider())


def database(**changes: Any) -> Any:
    props = {"storageEncrypted": True, "kmsKeyId": _KEY, "publiclyAccessible": False, **changes}
    return one("rds/instance:Instance", **props)


def group(*ranges: str) -> Any:
    return one("ec2/securityGroup:SecurityGroup", ingress=[{"cidrBlocks": [*ranges]}])


def default_provider() -> None:
    resource("aws:sqs/queue:Queue", "it", {}, None)


def rules_together() -> None:
    provider = access()
    for index, half in enumerate(("0.0.0.0/1", "128.0.0.0/1")):
        props = {"cidrIpv4": half, "securityGroupId": "g", "ipProtocol": "tcp"}
        resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", f"half-{index}", props, provider)


PROGRAMS: dict[str, Program] = {
    "a queue in the country": Program(one("sqs/queue:Queue")),
    "an encrypted database": Program(database()),
    "a table": Program(one("dynamodb/table:Table")),
    "a group inside": Program(group("10.0.0.0/8")),
    "a provider abroad": refused(one("sqs/queue:Queue", partial(access, region="xa-1")), *_ABROAD),
    "a resource abroad": refused(one("sqs/queue:Queue", region="xa-1"), *_ABROAD),
    "a region of the environment": refused(one("sqs/queue:Queue", partial(access, region=None)), "RES-004"),
    "a profile of the machine": refused(
        one("sqs/queue:Queue", partial(access, accessKey=None, profile="mine")), "PIN-003"
    ),
    "no provider": refused(default_provider, "PIN-001", "PIN-003", "RES-004"),
    "a bucket copied": refused(
        one("s3/bucketReplicationConfig:BucketReplicationConfig", bucket="b", role="r", rules=[]), "RES-002"
    ),
    "a bucket copied by itself": refused(
        one("s3/bucket:Bucket", acl="private", replicationConfiguration={"role": "r", "rules": []}), "RES-002"
    ),
    "a database copied from elsewhere": refused(
        database(replicateSourceDb="arn:aws:rds:xa-1:000000000000:db:x"), "RES-002"
    ),
    "backups copied": refused(
        one(
            "rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
            sourceDbInstanceArn="arn:aws:rds:xa-1:000000000000:db:x",
        ),
        "RES-002",
    ),
    "a table of two regions": refused(one("dynamodb/table:Table", replicas=[{"regionName": "xa-1"}]), "RES-002"),
    "a table of the world": refused(one("dynamodb/globalTable:GlobalTable", replicas=[]), "RES-002"),
    "a cluster of the world": refused(one("rds/globalCluster:GlobalCluster"), "RES-002"),
    "a cache of the world": refused(one("elasticache/globalReplicationGroup:GlobalReplicationGroup"), "RES-002"),
    "files copied": refused(
        one("efs/replicationConfiguration:ReplicationConfiguration", sourceFileSystemId="f"), "RES-002"
    ),
    "an address of many regions": refused(
        one("s3control/multiRegionAccessPoint:MultiRegionAccessPoint", details={}), "RES-003"
    ),
    "an interface at every edge": refused(
        one("apigateway/restApi:RestApi", endpointConfiguration={"types": "EDGE"}), "RES-003"
    ),
    "a content network": refused(one("cloudfront/distribution:Distribution"), "RES-003"),
    "a name service": refused(one("route53/zone:Zone"), "RES-003"),
    "the world in halves": refused(group("0.0.0.0/1", "128.0.0.0/1"), "EXP-001"),
    "the world in two rules": refused(rules_together, "EXP-001"),
    "a public address": refused(one("ec2/eip:Eip"), "EXP-001"),
    "a public database": refused(database(publiclyAccessible=True), "EXP-001"),
    "a plain database": refused(database(storageEncrypted=False), "CRY-001"),
    "a key of nobody": refused(database(kmsKeyId="arn:aws:kms:xa-1:000000000000:key/a"), "CRY-003"),
    "a database that may be encrypted": refused(database(storageEncrypted="true"), "CRY-001"),
    "what nobody has classified": refused(one("tomorrow/thing:Thing"), "OPQ-002"),
    "a template nobody sees into": refused(one("cloudformation/stack:Stack", templateBody="{}"), "OPQ-001"),
}
