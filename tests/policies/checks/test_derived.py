"""RES-004 for what lies within another resource, two-way: when it is registered, and in the finished stack."""

from __future__ import annotations

from typing import Any

from tests.policies.asking import UNKNOWN, Provider, Resource, table, urn
from tests.policies.checks.test_clouds import world

AZURE = Provider("pulumi:providers:azure-native", "azure", more={"location": "xa"})
OTHER = Provider("pulumi:providers:azure-native", "other", more={"location": "xa"})
CLASSIC = Provider("pulumi:providers:azure", "classic", more={})
GOOGLE = Provider("pulumi:providers:gcp", "google", more={"region": "xa1"})
RANDOM = Provider("pulumi:providers:random", "random")


def azure(token: str, name: str, *, by: Provider = AZURE, **props: Any) -> Resource:
    return Resource(f"azure-native:{token}", {"resourceGroupName": "group", **props}, by, name)


def blobs(account: Any, *, by: Provider = AZURE, **more: Any) -> Resource:
    return azure("storage:BlobContainer", "blobs", by=by, **{"accountName": account, "publicAccess": "None", **more})


def item(bucket: Any, **more: Any) -> Resource:
    return Resource("gcp:storage/bucketObject:BucketObject", {"bucket": bucket, **more}, GOOGLE, "object")


ACCOUNT = azure("storage:StorageAccount", "account", accountName="theirs", location="xa")
NETWORK = azure("network:VirtualNetwork", "network", virtualNetworkName="net", location="xa")
GROUP = Resource("azure-native:resources:ResourceGroup", {"resourceGroupName": "group", "location": "xa"}, AZURE, "rg")
BUCKET = Resource("gcp:storage/bucket:Bucket", {"name": "mine", "location": "XA1"}, GOOGLE, "bucket")
WORD = Resource("random:index/randomPet:RandomPet", {}, RANDOM, "word")
CLASSIC_ACCOUNT = Resource("azure:storage/account:Account", {"name": "theirs", "location": "xa"}, CLASSIC, "account")


def classic(account: Any) -> Resource:
    props = {"storageAccountId": account, "containerAccessType": "private"}
    return Resource("azure:storage/container:Container", props, CLASSIC, "container")


@table(
    {
        "the account of the stack": ((ACCOUNT, blobs("theirs")),),
        "the network of the stack": ((NETWORK, azure("network:Subnet", "s", virtualNetworkName="net")),),
        "the bucket of the stack": ((BUCKET, item("mine")),),
        "an account not known yet": ((ACCOUNT, blobs(UNKNOWN)),),
        "an id, which the end tells": ((CLASSIC_ACCOUNT, classic("/subscriptions/x/storageAccounts/theirs")),),
        "a foreign account": ((ACCOUNT, blobs("foreign")), "RES-004"),
        "no account": ((ACCOUNT, blobs(None)), "RES-004"),
        "an account that is a number": ((ACCOUNT, blobs(1)), "RES-004"),
        "an account of nobody": ((blobs("theirs"),), "RES-004"),
        "the name of something else": ((NETWORK, blobs("net")), "RES-004"),
        "the account by another provider": ((ACCOUNT, blobs("theirs", by=OTHER)), "RES-004"),
        "the account of another group": ((ACCOUNT, blobs("theirs", resourceGroupName="another")), "RES-004"),
        "an object's name as a bucket": ((BUCKET, item("mine", name="foreign"), item("foreign")), "RES-004"),
        "a public container": ((ACCOUNT, blobs("theirs", publicAccess="Blob")), "EXP-001"),
        "the share of the stack's account": (
            (ACCOUNT, azure("storage:FileShare", "s", accountName="theirs", shareName="s")),
        ),
        "a share of nobody's account": ((azure("storage:FileShare", "s", accountName="x", shareName="s"),), "RES-004"),
        "what may carry data elsewhere": ((azure("datafactory:Pipeline", "p", factoryName="f"),), "OPQ-002"),
        "a bucket for everybody": (
            (
                BUCKET,
                Resource(
                    "gcp:storage/bucketIAMMember:BucketIAMMember", {"bucket": "mine", "member": "allUsers"}, GOOGLE
                ),
            ),
            "EXP-001",
        ),
        "a bucket for one account": (
            (
                BUCKET,
                Resource(
                    "gcp:storage/bucketIAMMember:BucketIAMMember",
                    {"bucket": "mine", "member": "user:a@x.example"},
                    GOOGLE,
                ),
            ),
        ),
    }
)
def test_a_derived_resource_as_it_is_registered(asked: tuple[Resource, ...], refusing: set[str]) -> None:
    judging = world()
    *before, last = asked
    for resource in before:
        judging.analyze(resource)
    assert judging.refused_by(last) == refusing


@table(
    {
        "not known yet, from the account": (((ACCOUNT, blobs(UNKNOWN)), "accountName", ACCOUNT),),
        "known, from the account": (((ACCOUNT, blobs("theirs")), "accountName", ACCOUNT),),
        "an id from the account": (((CLASSIC_ACCOUNT, classic(UNKNOWN)), "storageAccountId", CLASSIC_ACCOUNT),),
        "a plain name in the stack": (((BUCKET, item("mine")), "bucket", None),),
        "not known yet, from nowhere": (((ACCOUNT, blobs(UNKNOWN)), "accountName", None), "RES-004"),
        "an id spelt out": (
            ((CLASSIC_ACCOUNT, classic("/subscriptions/x/storageAccounts/theirs")), "storageAccountId", None),
            "RES-004",
        ),
        "from a random word": (((ACCOUNT, WORD, blobs(UNKNOWN)), "accountName", WORD), "RES-004"),
        "from the group's name": (((ACCOUNT, GROUP, blobs(UNKNOWN)), "accountName", GROUP), "RES-004"),
        "known, and not the account's": (((ACCOUNT, blobs("theirs2")), "accountName", ACCOUNT), "RES-004"),
        "a path to another's bucket": (((BUCKET, item("b/other/mine")), "bucket", None), "RES-004"),
    }
)
def test_a_derived_resource_in_the_finished_stack(
    asked: tuple[tuple[Resource, ...], str, Resource | None], refusing: set[str]
) -> None:
    stack, key, source = asked
    sources = {stack[-1].name: {key: [urn(source)]}} if source else {}
    assert world().stack_refused_by(*stack, sources=sources) == refusing
