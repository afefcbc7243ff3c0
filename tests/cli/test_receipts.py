"""Receipts that a trusted key has signed and that hold no more, and a project that changes while it goes up."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gate.envelope import look_into, seal
from gate.keys import private_key
from tests.cli.conftest import KEY, STACK, TOKEN, UP, edit_text, trust_a_key
from tests.cli.refusals import check_document, check_words
from tests.cli.terminal import Terminal
from tests.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Claimed
    from tests.project import Onshore

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
FORGERIES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "for another stack": ({"stack": "finance-payroll-nightly"}, ["for another stack", "gated finance-payroll-nightly"]),
    "for another project": ({"project": "offshore"}, ["for another project", "onshore, gated offshore"]),
    "of another stack and project, too late": (
        {"stack": "s", "project": "p", "gated_at": NOW - 3 * HOUR, "expires_at": NOW - HOUR},
        ["for another stack", "for another project", "expired"],
    ),
    "expired": (
        {"gated_at": NOW - 3 * HOUR, "expires_at": NOW - HOUR},
        ["expired", "ended at", f"gate again: onshore gate {STACK}"],
    ),
    "not valid yet": ({"gated_at": NOW + HOUR, "expires_at": NOW + 2 * HOUR}, ["not valid yet", "clock"]),
    "valid too long": ({"expires_at": NOW + 1000 * HOUR}, ["lives too long", "onshore.yaml allows 24 hours"]),
}


def test_what_a_trusted_key_signed_and_does_not_hold_is_refused(gated: Onshore) -> None:
    receipt = look_into((gated.root / "receipt.json").read_text("utf-8")).receipt
    signer = private_key(gated.root / KEY)
    for changes, says in FORGERIES.values():
        gated.write("receipt.json", seal(receipt.model_copy(update=changes), signer))
        check_document(gated(*UP, "--json"), 3, says, [TOKEN])
    assert not (gated.root / ".onshore/state").exists()


def test_a_receipt_of_the_wrong_age_hides_nothing_else_that_differs(gated: Onshore) -> None:
    receipt = look_into((gated.root / "receipt.json").read_text("utf-8")).receipt
    signer = private_key(gated.root / KEY)
    with (gated.root / f"stacks/Pulumi.{STACK}.yaml").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    for age in ("expired", "not valid yet", "valid too long"):
        changes, says = FORGERIES[age]
        gated.write("receipt.json", seal(receipt.model_copy(update=changes), signer))
        says = [*says, f"configuration: Pulumi.{STACK}.yaml: changed since it was gated"]
        check_words(gated("receipt", "verify", "receipt.json"), 3, says, [TOKEN])
    check_document(gated(*UP, "--json"), 3, says, [TOKEN], 2)
    assert not (gated.root / ".onshore/state").exists()


def test_a_receipt_of_a_key_that_nobody_trusts_is_refused_whatever_id_it_claims(gated: Onshore) -> None:
    text = (gated.root / "receipt.json").read_text("utf-8")
    assert gated("gate", "keygen", "keys/other.pem").returncode == 0
    forged = json.loads(seal(look_into(text).receipt, private_key(gated.root / "keys/other.pem")))
    gated.write("receipt.json", json.dumps(forged))
    check_words(gated(*UP), 3, ["signed by an unknown key", "trusted_keys"])
    forged["signatures"][0]["keyid"] = json.loads(text)["signatures"][0]["keyid"]
    gated.write("receipt.json", json.dumps(forged))
    check_words(gated(*UP), 3, ["the signature does not fit", f"onshore gate {STACK}"])


def own_pack(onshore: Onshore) -> None:
    """Give the project a pack of its own to change, which judges like the one it points to."""
    pack = onshore.root / "policies"
    shared = pack.resolve()
    pack.unlink()
    pack.mkdir()
    for file in ("PulumiPolicy.yaml", "__main__.py"):
        shutil.copy2(shared / file, pack / file)


MEANWHILE = {
    f"stacks/Pulumi.{STACK}.yaml": (
        "config:",
        "config:  # changed",
        f"configuration: Pulumi.{STACK}.yaml: changed since it was gated",
    ),
    "inventories/registers/example/register.yaml": ("version:", "version:  ", "register: digest: changed since"),
    "policies/PulumiPolicy.yaml": (
        "runtime:",
        "runtime:  ",
        "pack: pack/PulumiPolicy.yaml: changed since it was gated",
    ),
    "own.yaml": ("version: '1'", "version: '2'", "profile: version: changed since it was gated"),
    f"{KEY}.pub": ("BEGIN PUBLIC KEY", "BEGIN SOME KEY", "no receipt can be believed"),
}


def test_what_changes_between_the_preview_of_an_up_and_its_yes_stops_it(claimed: Claimed) -> None:
    onshore = claimed.onshore
    trust_a_key(onshore)
    own_pack(onshore)
    onshore.write("own.yaml", "extends: pakistan-cloud-first-trial\nid: own\nversion: '1'\n")
    edit_text(onshore.root / "onshore.yaml", "profile: pakistan-cloud-first-trial", "profile: own.yaml")
    made = onshore("gate", STACK, "--key", KEY, "--receipt", "receipt.json")
    assert made.returncode == 0, made.stdout + made.stderr
    for file, (old, new, says) in MEANWHILE.items():
        before = (onshore.root / file).read_text("utf-8")
        with Terminal(onshore, *[word for word in UP if word != "--yes"]) as terminal:
            terminal.wait_for(f"up {STACK}? [y/N]")
            edit_text(onshore.root / file, old, new)
            terminal.type("y\n")
            code = terminal.ends()
        (onshore.root / file).write_text(before, "utf-8")
        assert code == 3, terminal.text
        assert says in terminal.text
        assert "Traceback" not in terminal.text
    assert not list((onshore.root / ".onshore").glob("state/.pulumi/stacks/onshore/*.json"))


class FakeCli:
    """The stand-in for the Pulumi CLI on a project's PATH, playing what the embedded engine did."""

    def __init__(self, onshore: Onshore, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        path = folder / "bin" / "pulumi"
        path.write_text(f'#!/bin/sh\nexec {ROOT}/.venv/bin/python {ROOT}/tests/engine/fake_pulumi.py "$@"\n')
        path.chmod(0o755)
        onshore.environment["PATH"] = f"{path.parent}:{onshore.environment['PATH']}"
        onshore.environment["FAKE_PULUMI"] = str(folder)

    def plays(self, **script: Any) -> None:
        named = {key.replace("_", " "): part for key, part in script.items()}
        (self.folder / "script.json").write_text(json.dumps(named))
        (self.folder / "calls.jsonl").unlink(missing_ok=True)

    def operations(self) -> list[str]:
        lines = (self.folder / "calls.jsonl").read_text().splitlines()
        words = [word for line in lines for word in json.loads(line)["arguments"]]
        return [word for word in words if word in ("preview", "up", "destroy", "refresh")]


NO_STATE = {"exit": 1, "stderr": f"error: no stack named '{STACK}' found"}
STATE = {"stdout": json.dumps({"version": 3, "deployment": {"resources": [{"urn": "urn:pulumi:s::p::t:i:T::x"}]}})}


def test_the_real_cli_is_gated_and_held_alike(claimed: Claimed, tmp_path: Path) -> None:
    onshore = claimed.onshore
    trust_a_key(onshore)
    played = onshore("preview", STACK, "--event-log", "events.jsonl")
    assert played.returncode == 0, played.stdout + played.stderr
    shutil.rmtree(onshore.root / ".onshore/state", ignore_errors=True)
    events = [json.loads(line) for line in (onshore.root / "events.jsonl").read_text("utf-8").splitlines()]
    deeds = [
        event if "summaryEvent" not in event else {"summaryEvent": {**event["summaryEvent"], "isPreview": False}}
        for event in events
    ]
    cli = FakeCli(onshore, tmp_path / "fake")
    pulumi = ("--engine", "pulumi")
    gate = ("gate", STACK, "--key", KEY, "--receipt", "receipt.json", *pulumi)

    # a stack that has no state yet, and one whose resource is left out of the events
    cli.plays(preview={"events": events}, stack_export=NO_STATE)
    made = onshore(*gate)
    assert made.returncode == 0, made.stdout + made.stderr
    document = json.loads(onshore("receipt", "show", "receipt.json", "--json").stdout)
    assert document["materials"]["engine"]["engine"] == "pulumi"
    assert document["materials"]["engine"]["version"] == "3.260.0"
    assert document["materials"]["state"]["resources"] == "0"
    assert document["coverage"]["registered"] == 18

    cli.plays(preview={"events": events}, up={"events": deeds}, stack_export=NO_STATE)
    up = onshore(*UP, *pulumi)
    assert up.returncode == 0, up.stdout + up.stderr
    assert cli.operations() == ["preview", "up"]
    # the embedded engine is another
    check_words(onshore(*UP, "--engine", "embedded"), 3, ["engine: engine: changed", "embedded, gated pulumi"])

    # a file that the run reads, changed while it goes up: it may have been judged by what nobody gated
    command, settings = cli.folder / "bin" / "pulumi", onshore.root / "onshore.yaml"
    plain, before = command.read_text(), settings.read_text()
    change = f'case " $* " in *" up "*) echo "# changed" >> "{settings}";; esac'
    command.write_text(plain.replace("\n", f"\n{change}\n", 1))
    cli.plays(preview={"events": events}, up={"events": deeds}, stack_export=NO_STATE)
    check_words(onshore(*UP, *pulumi), 1, ["not what was previewed and gated", "settings: onshore.yaml: changed since"])
    command.write_text(plain)
    settings.write_text(before)

    left_out = [event for event in deeds if not _is_step_of(event, "::zone-deny")]
    cli.plays(preview={"events": events}, up={"events": left_out}, stack_export=NO_STATE)
    short = onshore(*UP, *pulumi)
    assert short.returncode == 1, short.stdout + short.stderr
    assert "what was done is not what was previewed and gated" in short.stderr
    assert "zone-deny" in short.stderr

    cli.plays(preview={"events": [e for e in events if not _is_step_of(e, "::zone-deny")]}, stack_export=NO_STATE)
    check_words(onshore(*UP, *pulumi), 3, ["steps are missing from the events"])

    # a stream that ends in its midst, though the command that wrote it did not fail
    cli.plays(preview={"events": events[: len(events) // 2]}, stack_export=NO_STATE)
    for command in ((*UP, *pulumi), gate):
        check_words(onshore(*command), 2, ["the answer of the Pulumi CLI cannot be understood"])
    assert not (onshore.root / "receipt.json").exists()  # of a gate that failed none is there
    assert cli.operations() == ["preview", "preview"]


def _is_step_of(event: dict[str, Any], name: str) -> bool:
    body = event.get("resourcePreEvent")
    return bool(body) and body["metadata"]["urn"].endswith(name)
