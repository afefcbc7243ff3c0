"""Programs for Google Cloud: its region in the country is made up, as all of the register is."""

from __future__ import annotations

from functools import partial
from typing import Any

import pulumi

from tests.policies.programs.running import KEYS, Program, refused, resource

_KEY = KEYS["gcp"] + "ring/cryptoKeys/a"
_ABROAD = {"ACC-001", "RES-001"}


def access(**changes: Any) -> pulumi.ProviderResource:
    told = {"region": "pk1", "credentials": "not-to-be-shown", **changes}
    return pulumi.ProviderResource("gcp", "cloud", {key: value for key, value in told.items() if value is not None})


def one(token: str, provider: Any = access, **props: Any) -> Any:
    return lambda: resource(f"gcp:{token}", "it", props, provider())


def bucket(**changes: Any) -> Any:
    props = {
        "location": "pk1",
        "publicAccessPrevention": "enforced",
        "encryption": {"defaultKmsKeyName": _KEY},
        **changes,
    }
    return one("storage/bucket:Bucket", **props)


PROGRAMS: dict[str, Program] = {
    "a bucket in the country": Program(bucket()),
    "a dataset in the country": Program(one("bigquery/dataset:Dataset", datasetId="d", location="pk1")),
    "a disk in a zone": Program(one("compute/disk:Disk", zone="pk1-a", diskEncryptionKey={"kmsKeySelfLink": _KEY})),
    "a firewall inside": refused(one("compute/firewall:Firewall", network="n", sourceRanges=["10.0.0.0/8"]), "RES-003"),
    "a bucket of a continent": refused(bucket(location="US"), "CRY-001", *_ABROAD),
    "a bucket of two places": refused(bucket(customPlacementConfig={"dataLocations": ["pk1", "xa1"]}), "RES-002"),
    "a dataset of a continent": refused(one("bigquery/dataset:Dataset", datasetId="d", location="EU"), *_ABROAD),
    "a dataset of no place": refused(one("bigquery/dataset:Dataset", datasetId="d"), "RES-004"),
    "a dataset for everybody": refused(
        one(
            "bigquery/dataset:Dataset",
            datasetId="d",
            location="pk1",
            accesses=[{"role": "READER", "specialGroup": "allAuthenticatedUsers"}],
        ),
        "EXP-001",
    ),
    "a secret of everywhere": refused(
        one("secretmanager/secret:Secret", secretId="s", replication={"auto": {}}), "OPQ-002"
    ),
    "a balancer of everywhere": refused(
        one("compute/globalForwardingRule:GlobalForwardingRule", target="t"), "RES-003"
    ),
    "a balancer outside": refused(one("compute/forwardingRule:ForwardingRule"), "EXP-001"),
    "keys of everywhere": refused(one("kms/keyRing:KeyRing", location="global"), "ACC-001", "RES-003"),
    "a provider abroad": refused(
        one("compute/subnetwork:Subnetwork", partial(access, region="xa1"), network="n"), *_ABROAD
    ),
    "credentials of the machine": refused(
        one("compute/subnetwork:Subnetwork", partial(access, credentials=None), network="n"), "PIN-003"
    ),
    "a public bucket": refused(bucket(publicAccessPrevention="inherited"), "EXP-001"),
    "a disk of the vendor's key": refused(one("compute/disk:Disk", zone="pk1-a"), "CRY-003"),
    "a zone that is none": refused(one("compute/disk:Disk", zone="pk1"), "CRY-001", "CRY-003", "RES-004"),
}
