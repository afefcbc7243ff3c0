"""CRY-004, two-way: secrets of the program, text that looks like one, and what nobody can read yet."""

from __future__ import annotations

import base64
from typing import Any

from tests.policies.asking import UNKNOWN, Resource, edited, secret, table
from tests.policies.checks.test_clouds import cloud, machine, world

SCRIPT = "#cloud-config\npackages: [postgresql]\n"
LOGIN = "#!/bin/sh\nexport DB_PASSWORD=correct-horse\n"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"


def told(user_data: Any) -> Resource:
    return edited(machine(), "userData", to=user_data)


def labelled(**metadata: Any) -> Resource:
    return edited(machine(), "metadata", to=metadata)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def google(**metadata: Any) -> Resource:
    return cloud("gcp:compute/instance:Instance", zone="xa1-a", metadata=metadata)


@table(
    {
        "nothing": (machine(),),
        "a plain script": (told(SCRIPT),),
        "labels": (labelled(role="database", tier=1),),
        "a plain script in base64": (told(encoded(SCRIPT)),),
        "another cloud's script": (google(**{"startup-script": SCRIPT}),),
        "a secret of the program": (told(secret(SCRIPT)), "CRY-004"),
        "a secret among labels": (labelled(role=secret("database")), "CRY-004"),
        "labels that are a secret": (edited(machine(), "metadata", to=secret({"role": "x"})), "CRY-004"),
        "a password": (told(LOGIN), "CRY-004"),
        "a password in base64": (told(encoded(LOGIN)), "CRY-004"),
        "a private key": (told(KEY), "CRY-004"),
        "a token among labels": (labelled(note="token: abcdefgh"), "CRY-004"),
        "another cloud's password": (google(**{"startup-script": LOGIN}), "CRY-004"),
        "another cloud's data": (
            cloud("aws:ec2/instance:Instance", userDataBase64=encoded(LOGIN)),
            "CRY-004",
        ),
        "a nested password": (
            cloud("azure-native:compute:VirtualMachine", osProfile={"customData": encoded(KEY)}),
            "CRY-004",
        ),
        "not known yet": (told(UNKNOWN), "UNK-001"),
        "a label not known yet": (labelled(role=UNKNOWN), "UNK-001"),
        "a list": (told(["x"]), "CRY-004"),
    }
)
def test_what_a_machine_is_told_at_its_start(asked: Resource, refusing: set[str]) -> None:
    found = world().analyze(asked)
    assert {one.policyName for one in found} & {"CRY-004", "UNK-001"} == refusing
    assert [one.message for one in found if "correct-horse" in one.message] == []
