"""Hosts that fail, are gone, or are not what they were; runs that are cut short; and how the next one repairs them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine import Options
from tests.playbooks.plays import said

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.playbooks.plays import Plays


def wait_for(condition: Callable[[], Any], at_most_s: float = 60) -> None:
    deadline = time.monotonic() + at_most_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def started_here(word: str) -> list[str]:
    """The command lines of every process that has a word in it, this one and shells left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in text and int(entry.name) != os.getpid():
            found.append(text)
    return found


SLEEP = f"sleep {100_000 + os.getpid()}"
"""What nobody else on this machine does."""


def folder_of(plays: Plays) -> Path:
    """The private folder of the run of this project's playbook that is under way; others may run theirs."""
    ours = (plays.root / "web" / "site.yml").read_text(encoding="utf-8")

    def found() -> Path | None:
        for folder in Path("/dev/shm").glob("onshore-ansible-*"):  # noqa: S108 - nothing is written there
            with contextlib.suppress(OSError):
                if (folder / "project" / "site.yml").read_text(encoding="utf-8") == ours:
                    return folder
        return None

    wait_for(found)
    folder = found()
    assert folder is not None
    return folder


def wait_until_gone(folder: Path) -> None:
    """Neither the folder of a run nor a process of it is left."""
    wait_for(lambda: not folder.exists() and not started_here(folder.name))


def children(of: int) -> list[tuple[int, str]]:
    """The processes that one has started, with their command lines."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1] == str(of):
                found.append((int(entry.name), (entry / "cmdline").read_text(encoding="utf-8")))
    return found


def overlaid(plays: Plays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, **changed: str) -> None:
    """The same register, but one host is said to be otherwise."""
    content = yaml.safe_load(plays.hosts.overlay.read_text(encoding="utf-8"))
    for record in content["hosts"]:
        if record["id"] == host:
            record.update(changed)
    path = tmp_path / "overlay.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.setenv("ONSHORE_OVERLAYS", str(path))


GONE = "198.19.255.254"  # in the sandbox's own range, and nobody's


def test_a_host_that_failed_is_named_with_its_task_and_the_next_up_repairs_it(plays: Plays) -> None:
    guard = {"name": "needs a licence", "command": "test -e /srv/onshore/licence", "changed_when": False}
    plays.playbook(plays.site[0]["tasks"][0], guard)
    plays.hosts.ssh("host-1", "touch /srv/onshore/licence")
    failed = plays.attempt("up")
    assert not failed.ok
    assert "host-2: task 'needs a licence' failed: non-zero return code" in said(failed)
    assert "host-1: task" not in said(failed, "error")
    assert any("host-2: task 'needs a licence'" in reason for reason in plays.resource()["initErrors"])

    plays.hosts.ssh("host-2", "touch /srv/onshore/licence")
    repaired = plays.run("up")
    assert ("update", "web") in repaired.steps
    assert ("same", "web") in plays.run("up").steps


def test_a_host_that_is_gone_is_an_init_error_and_the_others_are_set_up(
    plays: Plays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlaid(plays, tmp_path, monkeypatch, "host-2", address=GONE)
    foreseen = plays.attempt("preview")
    assert foreseen.ok
    assert f"host-2: unreachable: nothing answers as SSH at {GONE}" in said(foreseen, "warning")
    failed = plays.attempt("up")
    assert f"host-2: unreachable: nothing answers as SSH at {GONE}" in said(failed)
    assert plays.greeting("host-1") == "salaam on 8080"
    monkeypatch.setenv("ONSHORE_OVERLAYS", str(plays.hosts.overlay))
    assert ("update", "web") in plays.run("up").steps
    assert plays.greeting("host-2") == "salaam on 8080"


def test_a_host_with_another_key_stops_everything_before_anything_is_sent(
    plays: Plays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    key = " ".join((tmp_path / "other.pub").read_text(encoding="utf-8").split()[:2])
    overlaid(plays, tmp_path, monkeypatch, "host-2", host_key=key)
    for operation in ("preview", "up"):
        refused = plays.attempt(operation)
        assert not refused.ok
        assert "the host shows another key than the register's (HST-001)" in said(refused)
        assert plays.hosts["host-2"].host_key_sha256 in said(refused)
    assert plays.greeting("host-1") == ""


def test_drift_is_found_by_refresh_and_mended_by_the_next_up(plays: Plays) -> None:
    plays.run("up")
    assert plays.run("refresh").changes.get("update", 0) == 0
    plays.hosts.ssh("host-2", "echo tampered > /srv/onshore/greeting")
    refreshed = plays.run("refresh")
    assert "drift: host-2: the greeting" in said(refreshed, "warning")
    assert plays.resource()["outputs"]["drift"] == ["host-2: the greeting"]
    assert ("update", "web") in plays.run("up").steps
    assert plays.greeting("host-2") == "salaam on 8080"
    assert plays.resource()["outputs"]["drift"] == []


def test_nothing_is_forgotten_in_silence(plays: Plays) -> None:
    plays.run("up")
    dropped = plays.attempt("up", hosts=["host-1"])
    assert "host-2 would drop out with what was set up still there" in said(dropped)
    kept = plays.attempt("destroy")
    assert not kept.ok
    assert "would be forgotten, and stay there" in said(kept)
    assert "declare `teardown`" in said(kept)
    plays.run("up", forget=True)
    destroyed = plays.run("destroy", forget=True)
    assert "is left there: forget is set" in said(destroyed)
    assert plays.greeting("host-1") == "salaam on 8080"


def test_a_host_that_drops_out_is_torn_down_and_the_others_are_not(plays: Plays) -> None:
    plays.playbook({"name": "clean", "file": {"path": "/srv/onshore/greeting", "state": "absent"}}, name="web/down.yml")
    plays.spec["teardown"] = "web/down.yml"
    plays.run("up")
    plays.run("up", hosts=["host-1"])
    assert plays.greeting("host-1") == "salaam on 8080"
    assert plays.greeting("host-2") == ""


def test_a_run_that_takes_too_long_is_ended_and_says_where(plays: Plays) -> None:
    plays.playbook({"name": "wait for ever", "command": SLEEP})
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(plays.attempt("up", timeout_s=6)))
    thread.start()
    folder = folder_of(plays)
    thread.join()
    assert "not done within 6 s, during task 'wait for ever'" in said(results[0])
    assert not folder.exists()
    assert not started_here(folder.name)


@pytest.mark.parametrize(
    "task", [{"ping": {}}, {"copy": {"content": "x", "dest": "/srv/onshore/x"}}, {"command": "true"}]
)
def test_python_that_is_missing_on_a_host_is_said_in_words(plays: Plays, task: dict[str, Any]) -> None:
    plays.playbook({"name": "set up", **task}, vars={"ansible_python_interpreter": "/nowhere/python3"})
    failed = plays.attempt("up")
    assert "the host has no Python, which Ansible needs there" in said(failed)


def test_a_program_that_is_missing_on_a_host_is_not_taken_for_python(plays: Plays) -> None:
    plays.playbook({"name": "ask", "shell": "nobody-has-this --version"})
    failed = plays.attempt("up")
    assert "nobody-has-this: not found" in said(failed)
    assert "no Python" not in said(failed)


UP = """
import json, sys
from pathlib import Path
from engine import EmbeddedEngine, Options
engine = EmbeddedEngine(Path(sys.argv[1]), backend_url=f"file://{sys.argv[1]}/state", passphrase="correct horse")
print("begun", flush=True)
engine.up("test", Options())
"""


def test_a_killed_engine_leaves_no_run_behind_and_the_next_up_finishes(plays: Plays) -> None:
    plays.playbook({"name": "slow", "command": SLEEP}, plays.site[0]["tasks"][0])
    plays.write("Pulumi.test.yaml", f"config:\n  plays:run: {json.dumps(json.dumps(plays.spec))}\n")
    engine = subprocess.Popen([sys.executable, "-c", UP, str(plays.root)], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: started_here(SLEEP))
        folder = folder_of(plays)
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        wait_until_gone(folder)
    finally:
        engine.kill()
        engine.wait()
        for host in ("host-1", "host-2"):
            plays.hosts.ssh(host, "pkill -x sleep || true")
    plays.engine().cancel("test")
    plays.playbook(plays.site[0]["tasks"][0])
    assert plays.attempt("up").ok
    assert plays.greeting("host-1") == "salaam on 8080"


def test_a_cancelled_run_stops_on_the_hosts_and_is_repaired_by_the_next(plays: Plays) -> None:
    plays.playbook({"name": "slow", "command": SLEEP}, plays.site[0]["tasks"][0])
    plays.write("Pulumi.test.yaml", f"config:\n  plays:run: {json.dumps(json.dumps(plays.spec))}\n")
    engine = plays.engine()
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(engine.up("test", Options())))
    thread.start()
    wait_for(lambda: started_here(SLEEP))
    folder = folder_of(plays)
    engine.interrupt()
    engine.interrupt()
    thread.join(60)
    assert not thread.is_alive()
    (result,) = results
    assert not result.ok
    assert not folder.exists()
    assert not started_here(folder.name)
    for host in ("host-1", "host-2"):
        plays.hosts.ssh(host, "pkill -x sleep || true")
    plays.playbook(plays.site[0]["tasks"][0])
    assert plays.attempt("up").ok
    assert plays.greeting("host-2") == "salaam on 8080"


def test_a_host_that_left_the_register_can_be_forgotten_and_not_reached(
    plays: Plays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays.playbook({"name": "clean", "file": {"path": "/srv/onshore/greeting", "state": "absent"}}, name="web/down.yml")
    plays.spec["teardown"] = "web/down.yml"
    plays.run("up")
    content = yaml.safe_load(plays.hosts.overlay.read_text(encoding="utf-8"))
    content["hosts"] = [record for record in content["hosts"] if record["id"] != "host-2"]
    (tmp_path / "overlay.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.setenv("ONSHORE_OVERLAYS", str(tmp_path / "overlay.yaml"))
    refused = plays.attempt("up", hosts=["host-1"])
    assert "the register has no such host" in said(refused)
    left = plays.run("up", hosts=["host-1"], forget=True)
    assert "host-2: no longer in the register, and left: forget is set" in said(left)
    assert plays.greeting("host-2") == "salaam on 8080"


def test_a_connection_that_breaks_during_a_task_is_repaired_by_the_next_up(plays: Plays) -> None:
    cut = {"name": "cut off", "shell": "test -e /srv/onshore/whole || pkill -f '^sshd: root'", "changed_when": False}
    plays.playbook(cut, plays.site[0]["tasks"][0])
    plays.hosts.ssh("host-1", "touch /srv/onshore/whole")
    failed = plays.attempt("up")
    assert not failed.ok
    assert "host-2: unreachable: " in said(failed)
    assert plays.greeting("host-1") == "salaam on 8080"
    plays.hosts.ssh("host-2", "touch /srv/onshore/whole")
    assert ("update", "web") in plays.run("up").steps
    assert plays.greeting("host-2") == "salaam on 8080"


def test_a_run_in_which_nothing_ran_is_no_success(plays: Plays) -> None:
    assert "no task was run" in said(plays.attempt("up", tags=["nobody-has-this"]))


def test_a_failure_that_a_play_rescues_or_ignores_is_none(plays: Plays) -> None:
    plays.playbook(
        {"name": "block", "block": [{"name": "fails", "fail": {}}], "rescue": [{"name": "saves", "ping": {}}]},
        {"name": "also fails", "fail": {}, "ignore_errors": True},
    )
    plays.run("up")
    assert plays.outputs()["results"]["host-1"]["problem"] == ""


def test_a_provider_that_lost_its_accreditation_is_no_place_to_run_and_can_be_left(plays: Plays) -> None:
    plays.playbook({"name": "clean", "file": {"path": "/srv/onshore/greeting", "state": "absent"}}, name="web/down.yml")
    plays.spec["teardown"] = "web/down.yml"
    plays.run("up")
    record = plays.root / "register" / "providers" / "example-csp-alpha.yaml"
    text = record.read_text(encoding="utf-8")
    entry = "      valid_until: 2036-12-31\n  scope:"
    revoked = "      valid_until: 2036-12-31\n    - status: revoked\n      effective_on: 2025-06-01\n  scope:"
    assert entry in text
    record.write_text(text.replace(entry, revoked), encoding="utf-8")
    assert "(ACC-001)" in said(plays.attempt("up"))
    plays.run("destroy")
    assert plays.greeting("host-1") == ""


def test_a_killed_plugin_takes_its_run_along(plays: Plays) -> None:
    plays.playbook({"name": "slow", "command": SLEEP}, plays.site[0]["tasks"][0])
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(plays.attempt("up")))
    thread.start()
    wait_for(lambda: started_here(SLEEP))
    folder = folder_of(plays)
    (plugin,) = [child for child in children(os.getpid()) if "pulumi-resource-onshore-ansible" in child[1]]
    os.kill(plugin[0], signal.SIGKILL)
    thread.join(60)
    assert "ended by itself (signal SIGKILL)" in said(results[0])
    wait_until_gone(folder)
    for host in ("host-1", "host-2"):
        plays.hosts.ssh(host, "pkill -x sleep || true")
    plays.playbook(plays.site[0]["tasks"][0])
    plays.run("up")
    assert plays.greeting("host-2") == "salaam on 8080"
