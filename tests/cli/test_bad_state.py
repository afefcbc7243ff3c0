"""State that is damaged, newer, locked, sealed or without room: refused before anything is written."""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.saving.backend import FileBackend
from engine.saving.document import manifest
from engine.secrets import PassphraseSecrets
from tests.cli.disks import small_disk
from tests.cli.refusals import check_document, check_words, contents, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Claimed
    from tests.cli.disks import Disk
    from tests.project import Onshore

STACK = "health-vaccination-api"
UP = ("up", STACK, "--yes")
DESTROY = ("destroy", STACK, "--yes")
OUTPUTS = ("stack", "outputs", STACK)
STATE = f".onshore/state/.pulumi/stacks/onshore/{STACK}.json"
LOCKS = f".onshore/state/.pulumi/locks/organization/onshore/{STACK}"
EMPTY = {"version": 3, "checkpoint": {"stack": f"organization/onshore/{STACK}", "latest": None}}

BAD_STATES = {
    "truncated": (json.dumps(EMPTY)[:40], ["truncated or damaged", "Restore it from the .bak file"]),
    "empty": ("", ["truncated or damaged", "Restore it from the .bak file"]),
    "of a newer version": ('{"version": 99, "checkpoint": {}}', ["newer engine (version 99", "Pulumi CLI"]),
    "in contradiction": (
        '{"version": 3, "checkpoint": {"latest": {"resources": [{"urn": "x"}]}}}',
        ["snapshot integrity failure", "Restore an earlier file"],
    ),
}


@pytest.mark.parametrize("name", BAD_STATES)
@pytest.mark.parametrize("command", [UP, DESTROY, OUTPUTS], ids=["up", "destroy", "outputs"])
def test_a_state_that_cannot_be_trusted_is_refused_and_kept(
    claimed: Claimed, name: str, command: tuple[str, ...]
) -> None:
    text, says = BAD_STATES[name]
    claimed.onshore.write(STATE, text)
    refuse(claimed.onshore, *command, code=2, says=[f"{STACK}.json", *says])


def test_a_layout_of_a_newer_version_is_refused(offline: Onshore) -> None:
    offline.write(".onshore/state/.pulumi/meta.yaml", "version: 2\n")
    refuse(offline, *DESTROY, code=2, says=["layout version 2 is not supported", "Use the Pulumi CLI"])


@pytest.mark.parametrize("command", [UP, DESTROY], ids=["up", "destroy"])
def test_a_wrong_passphrase_is_refused(claimed: Claimed, command: tuple[str, ...]) -> None:
    salt = PassphraseSecrets.create("the right one").salt
    file = f"stacks/Pulumi.{STACK}.yaml"
    claimed.onshore.write(file, f"encryptionsalt: {salt}\n{(claimed.onshore.root / file).read_text('utf-8')}")
    says = ["incorrect passphrase", "Set PULUMI_CONFIG_PASSPHRASE"]
    (fault,) = refuse(claimed.onshore, *command, code=2, says=says)["faults"]
    assert fault["what"] == "incorrect passphrase"


@pytest.mark.parametrize("command", [UP, DESTROY], ids=["up", "destroy"])
def test_a_second_run_is_told_who_runs_and_since_when(claimed: Claimed, command: tuple[str, ...]) -> None:
    onshore = claimed.onshore
    onshore.write(STATE, json.dumps(EMPTY))
    backend = FileBackend.at((onshore.root / ".onshore" / "state").as_uri(), "onshore")
    backend.create()
    with backend.lock(STACK):
        who = f"{getpass.getuser()}@{socket.gethostname()} (pid {os.getpid()})"
        says = ["locked by 1 lock", who, "since 20", "wait for the other process", f"onshore stack cancel {STACK}"]
        (fault,) = refuse(onshore, *command, code=2, says=says)["faults"]
        assert (fault["what"], fault["got"]) == ("locked", who)
        assert Path(fault["where"]).exists()
        assert re.fullmatch(r"since \d{4}-\d\d-\d\dT\d\d:\d\d.*", fault["why"])
    # the first run has ended
    assert onshore(*DESTROY).returncode == 0
    assert not list((onshore.root / ".onshore").rglob("locks/**/*.json"))


def test_a_lock_that_a_killed_run_left_is_removed_on_a_yes_only(offline: Onshore) -> None:
    lock = f"{LOCKS}/left.json"
    offline.write(lock, json.dumps({"pid": 1, "username": "a", "hostname": "b", "timestamp": "2026-01-01T00:00:00Z"}))
    check_words(offline("stack", "cancel", STACK), 2, ["nobody is there to ask", "--yes"])
    assert (offline.root / lock).exists()
    done = offline("stack", "cancel", STACK, "--yes")
    assert (done.returncode, done.stderr) == (0, f"removed 1 lock(s) of {STACK}\n")
    assert not (offline.root / lock).exists()
    again = offline("stack", "cancel", STACK, "--yes")
    assert (again.returncode, again.stderr) == (0, f"there was no lock of {STACK} in {offline.root}\n")


def test_a_lock_whose_holder_is_no_more_is_told_with_the_command_that_removes_it_from_here(
    offline: Onshore, tmp_path: Path
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    holder = {"username": "a", "hostname": socket.gethostname(), "timestamp": "2026-01-01T00:00:00Z"}
    offline.write(STATE, json.dumps(EMPTY))
    offline.write(f"{LOCKS}/left.json", json.dumps(holder | {"pid": ended.pid}))
    offline.write(f"{LOCKS}/other.json", json.dumps(holder | {"pid": os.getpid()}))
    elsewhere = dataclasses.replace(offline, root=tmp_path)
    refused = elsewhere("refresh", STACK, "--yes", "-C", str(offline.root))
    assert refused.returncode == 2
    gone, runs = (line for line in refused.stderr.splitlines() if "since 2026" in line)
    assert gone.endswith("no such process runs on this machine any more")
    assert runs.endswith("2026-01-01T00:00:00Z")
    command = refused.stderr.partition("type: ")[2].splitlines()[0]
    assert command == f"onshore stack cancel {STACK} -C {offline.root} --yes"
    done = elsewhere(*command.split()[1:])
    assert done.stderr == f"removed 2 lock(s) of {STACK}\n"


WRONG_EXPORTS = {
    "not JSON": ("{", ["is not JSON"]),
    "no state": ("[]", ["does not hold an exported stack"]),
    "a contradiction": ('{"version": 3, "deployment": {"resources": [{"urn": "x"}]}}', ["integrity failure"]),
    "newer": ('{"version": 99, "deployment": {}}', ["version 99"]),
}


@pytest.mark.parametrize("name", WRONG_EXPORTS)
def test_what_is_no_sound_state_is_not_imported(offline: Onshore, name: str) -> None:
    text, says = WRONG_EXPORTS[name]
    offline.write("exported.json", text)
    before = contents(offline.root)
    check_words(offline("stack", "import", STACK, "--file", "exported.json"), 2, says)
    assert contents(offline.root) == before


def test_what_was_never_deployed_is_not_destroyed(claimed: Claimed) -> None:
    refuse(claimed.onshore, *DESTROY, code=2, says=[f"no stack named '{STACK}' found", "never deployed"])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk to keep state on."""
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def _full(disk: Disk) -> None:
    disk.fill()


def _sealed(disk: Disk) -> None:
    disk.seal()


NOT_WRITABLE: dict[str, tuple[Callable[[Disk], None], str]] = {
    "full": (_full, "No space left on device"),
    "read-only": (_sealed, "Read-only file system"),
}


@pytest.mark.parametrize("name", NOT_WRITABLE)
def test_a_run_whose_state_cannot_be_written_changes_nothing(claimed: Claimed, disk: Disk, name: str) -> None:
    spoil, says = NOT_WRITABLE[name]
    state = disk.folder / STATE.removeprefix(".onshore/state/")
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps(EMPTY), encoding="utf-8")
    spoil(disk)
    kept = contents(disk.folder)
    words = ["the state cannot be written", says, "Make room, or make the folder writable"]
    refuse(claimed.onshore, *UP, code=2, says=words, PULUMI_BACKEND_URL=disk.url)
    refuse(claimed.onshore, *DESTROY, code=2, says=words, PULUMI_BACKEND_URL=disk.url)
    assert contents(disk.folder) == kept


@pytest.mark.parametrize("name", NOT_WRITABLE)
def test_an_import_that_cannot_be_written_leaves_the_state_as_it_was(offline: Onshore, disk: Disk, name: str) -> None:
    offline.environment["PULUMI_BACKEND_URL"] = disk.url
    offline.write("exported.json", json.dumps({"version": 3, "deployment": {"metadata": {}}}))
    importing = ("stack", "import", STACK, "--file", "exported.json")
    first = offline(*importing)
    assert first.returncode == 0, first.stderr
    spoil, says = NOT_WRITABLE[name]
    spoil(disk)
    kept = contents(disk.folder)
    check_words(offline(*importing), 2, ["cannot write", says, "make room, or make it writable"])
    assert contents(disk.folder) == kept
    check_document(offline("destroy", STACK, "--yes", "--json"), 2, [says])


def test_an_interrupted_creation_is_named_until_a_refresh_is_told_to_forget_it(offline: Onshore) -> None:
    urn = f"urn:pulumi:{STACK}::onshore::kubernetes:core/v1:ConfigMap::lost"
    lost = {"urn": urn, "custom": True, "type": "kubernetes:core/v1:ConfigMap"}
    latest = {
        "manifest": manifest("2026-11-01T00:00:00Z"),
        "pending_operations": [{"resource": lost, "type": "creating"}],
    }
    offline.write(STATE, json.dumps(EMPTY | {"checkpoint": {**EMPTY["checkpoint"], "latest": latest}}))
    command = f"onshore refresh {STACK} --clear-pending-creates"
    told = offline("refresh", STACK, "--yes")
    assert f"{urn}, interrupted while creating" in told.stdout + told.stderr
    assert command in told.stdout + told.stderr
    cleared = offline(*command.split()[1:], "--yes")
    assert cleared.returncode == 0, cleared.stderr
    assert "pending_operations" not in (offline.root / STATE).read_text()
