"""The gate on a project without a cluster: what is gated, what no longer fits, and what no receipt may be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from engine.secrets import PassphraseSecrets
from tests.cli.conftest import STACK, TOKEN, UP
from tests.cli.refusals import PHRASE, check_words

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Claimed
    from tests.project import Onshore


def test_a_receipt_is_shown_and_holds_while_nothing_changes(gated: Onshore) -> None:
    shown = gated("receipt", "show", "receipt.json")
    assert shown.returncode == 0, shown.stderr
    assert f"Receipt of onshore/{STACK}" in shown.stdout
    assert "18 create" in shown.stdout
    document = json.loads(gated("receipt", "show", "receipt.json", "--json").stdout)
    assert document["coverage"]["registered"] == len(document["operations"]) == 18
    assert {"engine", "version", "engine/embedded.py"} <= document["materials"]["engine"].keys()
    verified = gated("receipt", "verify", "receipt.json")
    assert (verified.returncode, verified.stdout[:18]) == (0, "the receipt holds:"), verified.stderr
    # the same program gated again plans the same
    again = json.loads(gated("gate", STACK, "--key", "keys/gate.pem", "--receipt", "again.json", "--json").stdout)
    assert json.loads(gated("receipt", "show", "again.json", "--json").stdout)["operations"] == document["operations"]
    assert again["stack"] == STACK


CHANGES = {
    "the register": ("inventories/registers/example/register.yaml", "register: register/register.yaml"),
    "the stack's configuration": (f"stacks/Pulumi.{STACK}.yaml", f"configuration: Pulumi.{STACK}.yaml"),
    "the Score file": ("stacks/workloads/vaccination-api/score.yaml", "program: program/workloads/vaccination-api"),
    "the program": ("stacks/__main__.py", "program: program/__main__.py"),
    "the settings": ("onshore.yaml", "settings: onshore.yaml"),
    "the project": ("Pulumi.yaml", "program: Pulumi.yaml"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_since_is_named_and_nothing_is_made(gated: Onshore, name: str) -> None:
    file, says = CHANGES[name]
    with (gated.root / file).open("a", encoding="utf-8") as text:
        text.write("# changed\n")
    check_words(gated(*UP), 3, [says, "changed since it was gated", "gated", "fix:"], [TOKEN])
    assert not (gated.root / ".onshore/state").exists()


def test_a_salt_that_an_engine_wrote_is_named_by_itself(gated: Onshore) -> None:
    with (gated.root / f"stacks/Pulumi.{STACK}.yaml").open("a", encoding="utf-8") as text:
        text.write(f"encryptionsalt: {PassphraseSecrets.create(PHRASE).salt}\n")
    refused = gated(*UP)
    check_words(refused, 3, ["configuration: encryptionsalt: is new since it was gated", "keep and commit it"], [TOKEN])
    assert f"Pulumi.{STACK}.yaml" not in refused.stderr


def test_a_profile_or_pack_that_is_another_is_named(gated: Onshore, tmp_path: Path) -> None:
    profile = tmp_path / "other.yaml"
    profile.write_text("extends: pakistan-cloud-first-trial\nid: other\n", "utf-8")
    check_words(gated(*UP, ONSHORE_PROFILE=str(profile)), 3, ["profile: digest", "profile: id"])
    pack = (gated.root / "policies").resolve()
    (gated.root / "policies").unlink()
    (gated.root / "policies").mkdir()
    for file in pack.glob("*.*"):
        (gated.root / "policies" / file.name).write_bytes(file.read_bytes())
    (gated.root / "policies" / "__main__.py").write_text("# nothing is judged\n", "utf-8")
    check_words(gated(*UP), 3, ["pack: pack/__main__.py", "changed since it was gated"])


def _signature(document: dict) -> None:
    document["signatures"][0]["sig"] = "AAAA" + document["signatures"][0]["sig"][4:]


def _payload(document: dict) -> None:
    document["payload"] = document["payload"][:400] + "AAAA" + document["payload"][404:]


EDITS = {
    "payload": (_payload, "the signature does not fit"),
    "signature": (_signature, "the signature does not fit"),
    "type": (lambda d: d.update(payloadType="text/plain"), "the payload is not application/vnd.in-toto+json"),
    "many": (lambda d: d["signatures"].append(d["signatures"][0]), "not signed once"),
    "none": (lambda d: d["signatures"].clear(), "not signed once"),
    "key": (lambda d: d["signatures"][0].update(keyid="f" * 64), "signed by an unknown key"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_receipt_that_was_edited_is_refused(gated: Onshore, name: str) -> None:
    change, says = EDITS[name]
    document = json.loads((gated.root / "receipt.json").read_text("utf-8"))
    change(document)
    gated.write("receipt.json", json.dumps(document))
    check_words(gated(*UP), 3, [says, "fix: "])


def test_what_is_cut_short_or_gone_is_no_receipt(gated: Onshore) -> None:
    text = (gated.root / "receipt.json").read_text("utf-8")
    gated.write("receipt.json", text[: len(text) // 2])
    check_words(gated(*UP), 3, ["not JSON, or cut short"])
    (gated.root / "receipt.json").unlink()
    check_words(gated(*UP), 3, ["cannot be read: No such file"])


def test_a_project_that_requires_receipts_goes_up_with_one_only(claimed: Claimed, tmp_path: Path) -> None:
    profile = tmp_path / "strict.yaml"
    text = {"extends": "pakistan-cloud-first-trial", "id": "strict", "require_receipt": True}
    profile.write_text(yaml.safe_dump(text), "utf-8")
    done = claimed.onshore("up", STACK, "--yes", ONSHORE_PROFILE=str(profile))
    check_words(done, 3, ["nothing goes up here without a receipt", "require_receipt: true", f"onshore gate {STACK}"])
    assert not (claimed.onshore.root / ".onshore/state").exists()
    assert claimed.onshore("gate", "keygen", "k.pem").returncode == 0
    assert claimed.onshore("gate", STACK, "--key", "k.pem", "--receipt", "r.json").returncode == 0
    untrusted = claimed.onshore("up", STACK, "--yes", "--receipt", "r.json")
    check_words(untrusted, 3, ["no key is trusted (trusted_keys)"])


def test_keys_that_cannot_sign_are_refused_without_showing_them(claimed: Claimed) -> None:
    onshore = claimed.onshore
    check_words(onshore("gate", STACK), 2, ["there is no key to sign with", "onshore gate keygen"])
    check_words(onshore("gate", STACK, "--key", "gone.pem"), 2, ["gone.pem: cannot be read"])
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    secrets = pem.splitlines()[1:3]
    check_words(onshore("gate", STACK, ONSHORE_GATE_KEY=pem), 2, ["not an Ed25519 key", "RSA"], secrets)
    check_words(onshore("gate", STACK, ONSHORE_GATE_KEY=pem[:200]), 2, ["not a private key in PEM form"], secrets)
    assert onshore("gate", "keygen", "k.pem").returncode == 0
    check_words(onshore("gate", "keygen", "k.pem"), 2, ["there is a file already"])


def test_a_receipt_neither_outlives_the_setting_nor_binds_itself(gated: Onshore) -> None:
    long = gated("gate", STACK, "--key", "keys/gate.pem", "--valid-hours", "25")
    check_words(long, 2, ["onshore.yaml allows 24 (receipt_hours)"])
    inside = gated("gate", STACK, "--key", "keys/gate.pem", "--receipt", "stacks/receipt.json")
    check_words(inside, 2, ["would lie among the files it binds"])
    check_words(gated(*UP, "--refresh"), 2, ["no --target and no --refresh"])
