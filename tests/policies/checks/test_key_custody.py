"""CRY-003, two-way: keys of clouds, and of the volumes that a storage class makes."""

from __future__ import annotations

from typing import Any

import pytest

from inventories.models import KeyStore, Site
from tests.policies.asking import UNKNOWN, Provider, Resource, World, made, secret, table, with_setting
from tests.worlds import DEPARTMENT, load_cases

LAWFUL = load_cases()[0]
ARN = "arn:aws:kms:xp-1:000000000000:key/"
GCP = "projects/health/locations/xp-1/keyRings/"
OTHERS = "arn:aws:kms:xp-1:111111111111:key/"
ABROAD = "arn:aws:kms:xa-1:000000000000:key/"
AZURE = "https://vault.example/keys/"
S3 = "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"


def _register() -> Any:
    (home,) = LAWFUL.register.providers
    site = home.sites[0].id
    sites = (*home.sites, Site(id="xa-site", name="Abroad", country="XA"))
    stores = (
        KeyStore(id="a", prefix=ARN, department=DEPARTMENT, site=site),
        KeyStore(id="b", prefix=GCP, department=DEPARTMENT, site=site),
        KeyStore(id="c", prefix=OTHERS, department="finance-example", site=site),
        KeyStore(id="d", prefix=ABROAD, department=DEPARTMENT, site="xa-site"),
        KeyStore(id="e", prefix=AZURE, department=DEPARTMENT, site=site),
    )
    providers = (home.model_copy(update={"sites": sites}),)
    return LAWFUL.register.model_copy(update={"providers": providers, "key_stores": stores})


REGISTER = _register()
EBS, PD, DISK = "ebs.csi.aws.com", "pd.csi.storage.gke.io", "disk.csi.azure.com"


def refused(world: World, asked: Resource) -> set[str]:
    """What refuses a storage class, but for CRY-001: that rule refuses every class of a stack's own."""
    return world.refused_by(asked) - {"CRY-001"}


def storage_class(provisioner: Any, **parameters: Any) -> Resource:
    return made("StorageClass", "storage.k8s.io/v1", provisioner=provisioner, parameters=parameters)


def ebs(key: Any, encrypted: Any = "true") -> Resource:
    return storage_class(EBS, kmsKeyId=key, encrypted=encrypted)


@table(
    {
        "a key of the department": (ebs(ARN + "k"),),
        "a key of another cloud": (storage_class(PD, **{"disk-encryption-kms-key": GCP + "r/cryptoKeys/k"}),),
        "a key that is a secret": (ebs(secret(ARN + "k")),),
        "no key": (storage_class(EBS, encrypted="true"), "CRY-003"),
        "no parameters": (made("StorageClass", "storage.k8s.io/v1", provisioner=EBS), "CRY-003"),
        "a key, and no encryption": (storage_class(EBS, kmsKeyId=ARN + "k"), "CRY-003"),
        "encryption that is off": (ebs(ARN + "k", "false"), "CRY-003"),
        "a truth that is no text": (ebs(ARN + "k", encrypted=True), "CRY-003"),
        "a key of another department": (ebs(OTHERS + "k"), "CRY-003"),
        "a key abroad": (ebs(ABROAD + "k"), "CRY-003"),
        "a key by its id alone": (ebs("1234abcd-12ab-34cd-56ef-1234567890ab"), "CRY-003"),
        "an alias": (ebs("alias/aws/ebs"), "CRY-003"),
        "an alias in full": (ebs("arn:aws:kms:xp-1:000000000000:alias/k"), "CRY-003"),
        "a key with more before": (ebs("x" + ARN + "k"), "CRY-003"),
        "a way up": (ebs(ARN + "../k"), "CRY-003"),
        "a list for a key": (ebs([ARN + "k"]), "CRY-003"),
        "a disk encryption set": (storage_class(DISK, diskEncryptionSetID="/subscriptions/s/x"), "CRY-003"),
        "a provisioner that does not say": (storage_class("rancher.io/local-path"), "CRY-003"),
        "no provisioner": (made("StorageClass", "storage.k8s.io/v1"), "CRY-003"),
        "a list for a provisioner": (storage_class([EBS]), "CRY-003"),
        "parameters that are text": (
            made("StorageClass", "storage.k8s.io/v1", provisioner=EBS, parameters="k"),
            "CRY-003",
        ),
        "an unknown key": (ebs(UNKNOWN), "UNK-001"),
        "an unknown provisioner": (storage_class(UNKNOWN), "UNK-001"),
    }
)
def test_volumes_of_a_cluster_are_encrypted_by_the_departments_key(asked: Resource, refusing: set[str]) -> None:
    assert refused(World("restricted", register=REGISTER), asked) == refusing


def test_open_data_needs_no_key() -> None:
    asked = made("StorageClass", "storage.k8s.io/v1", category="open", provisioner="rancher.io/local-path")
    assert World("open", register=REGISTER).refused_by(asked) == set()


def cloud(token: str, **props: Any) -> Resource:
    package = token.partition(":")[0]
    return Resource(token, props, Provider(f"pulumi:providers:{package}", "cloud", more={"region": "xp-1"}))


@pytest.mark.parametrize(
    ("asked", "lawful"),
    [
        (cloud("aws:ebs/volume:Volume", encrypted=True, kmsKeyId=ARN + "k"), True),
        (cloud("aws:ebs/volume:Volume", encrypted=True), False),
        (cloud("aws:ebs/volume:Volume", encrypted=True, kmsKeyId=ABROAD + "k"), False),
        (cloud("aws:ebs/volume:Volume", encrypted=True, kmsKeyId=7), False),
        (cloud("aws:rds/instance:Instance", storageEncrypted=True, kmsKeyId=ARN + "k"), True),
        (cloud("aws:rds/instance:Instance", storageEncrypted=True, kmsKeyId=OTHERS + "k"), False),
        (cloud("aws:ec2/instance:Instance", rootBlockDevice={"encrypted": True, "kmsKeyId": ARN + "k"}), True),
        (cloud("aws:ec2/instance:Instance"), False),
        (cloud(f"aws:{S3}"), False),
        (cloud(f"aws:{S3}", rules=[{"applyServerSideEncryptionByDefault": {"kmsMasterKeyId": ARN + "k"}}]), True),
        (cloud(f"aws:{S3}", rules=[{"applyServerSideEncryptionByDefault": {"kmsMasterKeyId": ARN + "k"}}, {}]), False),
        (cloud("gcp:compute/disk:Disk", diskEncryptionKey={"kmsKeySelfLink": GCP + "r/cryptoKeys/k"}), True),
        (cloud("gcp:storage/bucket:Bucket", encryption={"defaultKmsKeyName": "projects/x"}), False),
        (cloud("gcp:sql/databaseInstance:DatabaseInstance"), False),
        (cloud("azure:storage/account:Account", customerManagedKey={"keyVaultKeyId": AZURE + "k"}), True),
        (cloud("azure:storage/account:Account"), False),
        (cloud("azure-native:storage:StorageAccount", encryption={"keySource": "Microsoft.Storage"}), False),
        (cloud("azure-native:compute:Disk", encryption="x"), False),
    ],
)
def test_storage_of_clouds_is_encrypted_by_the_departments_key(asked: Resource, lawful: bool) -> None:
    assert ("CRY-003" in World("restricted", register=REGISTER).refused_by(asked)) is not lawful
    assert "CRY-003" not in World("open", register=REGISTER).refused_by(asked)


def test_an_unknown_key_of_a_cloud_is_refused_as_unknown() -> None:
    found = World(register=REGISTER).refused_by(cloud("aws:ebs/volume:Volume", encrypted=True, kmsKeyId=UNKNOWN))
    assert "UNK-001" in found
    assert "CRY-003" not in found


def test_where_any_key_in_the_country_will_do_it_need_not_be_the_departments() -> None:
    profile = with_setting(LAWFUL.profile, "key-custody", value="country")
    world = World(register=REGISTER, profile=profile)
    for key, refusing in ((OTHERS + "k", set()), (ABROAD + "k", {"CRY-003"}), ("k", {"CRY-003"})):
        assert refused(world, ebs(key)) == refusing
    assert refused(world, storage_class(EBS, encrypted="true")) == set()


@pytest.mark.parametrize("value", ["provider", "", 1, True])
def test_a_custody_that_nobody_knows_is_the_departments(value: Any) -> None:
    profile = with_setting(LAWFUL.profile, "key-custody", value=value)
    assert refused(World(register=REGISTER, profile=profile), ebs(OTHERS + "k")) == {"CRY-003"}
