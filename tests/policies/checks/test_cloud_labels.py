"""CAT-001 and the placement laws for the category that a cloud's resource names itself, two-way."""

from __future__ import annotations

from typing import Any

from inventories.labels import CATEGORY_LABEL, CATEGORY_TAG
from tests.policies.asking import UNKNOWN, Resource, edited, table
from tests.policies.checks.test_clouds import STACK, cloud, world
from tests.policies.checks.test_clouds import machine as encrypted
from tests.policies.checks.test_derived import ACCOUNT, blobs

MACHINE = STACK("compute/instance:Instance")
NETWORK = STACK("networking/network:Network")


def told(metadata: Any) -> Resource:
    return edited(encrypted(), "metadata", to=metadata)


def machine(label: Any, *, name: str = CATEGORY_LABEL) -> Resource:
    return told({name: label, "other": "x"})


@table(
    {
        "no label": (told({"other": "x"}),),
        "the stack's own": (machine("restricted"),),
        "stricter, and the region is good enough": (machine("confidential"),),
        "in a list of tags": (cloud(NETWORK, tags=["x", f"{CATEGORY_TAG}=restricted"]),),
        "lower": (machine("open"), "CAT-001"),
        "lower, by the name without a prefix": (machine("open", name=CATEGORY_TAG), "CAT-001"),
        "lower, in a list of tags": (cloud(NETWORK, tags=[f"{CATEGORY_LABEL}=open"]), "CAT-001"),
        "no category": (machine("colourful"), "CAT-001"),
        "a label that is a number": (machine(1), "CAT-001"),
        "a label not known yet": (machine(UNKNOWN), "UNK-001"),
        "labels not known yet": (told(UNKNOWN), "UNK-001"),
    }
)
def test_the_label_of_a_clouds_resource(asked: Resource, refusing: set[str]) -> None:
    assert world().refused_by(asked) == refusing


def test_stricter_data_in_an_open_stack_meets_its_own_laws() -> None:
    abroad = world("open", country="XA")
    assert abroad.refused_by(cloud(MACHINE)) == set()
    assert abroad.refused_by(machine("restricted")) == {"RES-001"}
    volume = STACK("blockstorage/volume:Volume")
    assert world("open").refused_by(cloud(volume)) == set()
    assert world("open").refused_by(cloud(volume, metadata={CATEGORY_LABEL: "restricted"})) == {"CRY-001"}
    bucket = {"location": "global", "labels": {CATEGORY_TAG: "restricted"}}
    assert "RES-003" in world("open").refused_by(cloud("gcp:kms/keyRing:KeyRing", **bucket))


def test_what_lies_within_another_is_labelled_with_it() -> None:
    judging = world("open")
    judging.analyze(ACCOUNT)
    assert judging.refused_by(blobs("theirs")) == set()
    assert judging.refused_by(blobs("theirs", tags={CATEGORY_LABEL: "restricted"})) == {"CAT-001"}
