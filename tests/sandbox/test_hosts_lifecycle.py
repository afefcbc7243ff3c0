"""Sandbox hosts converge after whatever happened to them, and leave no trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import HostsInfo, SandboxError, hosts_down, hosts_place, hosts_status, hosts_up
from sandbox._host_layout import SWITCH
from sandbox._processes import running
from tests.hosts import PLACE

if TYPE_CHECKING:
    from collections.abc import Iterator

UP = f"""
from pathlib import Path
from sandbox import hosts_up
import sys
hosts_up(home=Path(sys.argv[1]), in_country=2, on_premises=1, **{PLACE!r}, progress=print)
"""


@pytest.fixture
def home(possible_hosts: None, tmp_path: Path) -> Iterator[Path]:
    del possible_hosts
    yield tmp_path / "hosts"
    hosts_down(home=tmp_path / "hosts")
    hosts_down("second", home=tmp_path / "hosts")


def up(home: Path, in_country: int = 1, name: str = "sandbox", **more: Any) -> HostsInfo:
    return hosts_up(name, home=home, in_country=in_country, **PLACE, **more, progress=lambda _: None)


def traces(home: Path) -> list[str]:
    """Everything on this machine that speaks of hosts below a folder; of the kernel's tidying up, only what stays."""
    deadline = time.monotonic() + 20
    while found := [*_processes(home), *_mounts(home), *_links(home)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return found + [str(path) for path in home.glob("*")] + [str(path) for path in home.glob(".*")]


def _processes(home: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(home).encode() in line and int(entry.name) != os.getpid():
            found.append(f"process {entry.name}")
    return found


def _mounts(home: Path) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(home) in line]


def _links(home: Path) -> list[str]:
    links = json.loads(subprocess.run(["ip", "-json", "link"], capture_output=True, check=True).stdout)
    return [link["ifname"] for link in links if str(home) in link.get("ifalias", "")]


def _names_of_namespaces() -> str:
    return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


def log_in(info: HostsInfo, number: int = 0, command: str = "hostname") -> str:
    host = info.hosts[number]
    pinned = ["-o", f"UserKnownHostsFile={info.directory / 'known_hosts'}", "-o", "StrictHostKeyChecking=yes"]
    command_line = ["ssh", "-F", "none", *pinned, "-i", info.identity, f"root@{host.address}", command]
    return subprocess.run(command_line, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def kill(info: HostsInfo, component: str) -> None:
    """End what keeps a component, as a kill -9 does, and wait until it is gone."""
    for process in running(info.directory):
        if process.component == component:
            handle = os.pidfd_open(process.pid)
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)
    while any(process.component == component for process in running(info.directory)):
        time.sleep(0.01)
    # children of this test run are gathered, or their entries stay
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def test_down_leaves_no_trace_and_twice_is_the_same_as_once(home: Path) -> None:
    named = _names_of_namespaces()
    info = up(home, 2, on_premises=1)
    assert _processes(home)
    assert _links(home)
    assert not _mounts(home)
    assert [log_in(info, number) for number in range(3)] == ["onprem-1", "host-1", "host-2"]
    hosts_down(home=home)
    assert traces(home) == []
    assert _names_of_namespaces() == named
    hosts_down(home=home)
    assert hosts_status(home=home) == []


def test_up_again_finds_what_runs_and_adds_what_is_missing(home: Path) -> None:
    first = up(home)
    log_in(first, 0, "touch /srv/here")
    again = up(home)
    assert again == first
    more = up(home, 2)
    assert more.hosts[0] == first.hosts[0]
    assert log_in(more, 0, "ls /srv") == "here"
    assert log_in(more, 1) == "host-2"
    assert up(home).hosts == more.hosts  # nothing is taken away but by `down`


def test_a_host_that_was_killed_comes_back_as_itself(home: Path) -> None:
    info = up(home, 2)
    kill(info, "host-1")
    ((told, other),) = [status.hosts for status in hosts_status(home=home)]
    assert (told.ready, told.problem, other.ready) == (False, "it is down", True)
    again = up(home, 2)
    assert [(h.address, h.host_key, h.ready) for h in again.hosts] == [
        (h.address, h.host_key, True) for h in info.hosts
    ]
    assert again.hosts[1].pid == info.hosts[1].pid
    assert log_in(again) == "host-1"


def test_a_host_whose_link_was_made_and_not_plugged_in_is_plugged_in(home: Path) -> None:
    # what a kill between the two leaves
    info = up(home)
    (switch,) = {process.pid for process in running(info.directory) if process.component == SWITCH}
    subprocess.run(["nsenter", "-t", str(switch), "-n", "ip", "link", "set", "i1", "nomaster", "down"], check=True)
    assert not hosts_status(home=home)[0].hosts[0].ready
    assert up(home).hosts == info.hosts
    assert log_in(info) == "host-1"


def test_hosts_without_their_network_are_linked_again(home: Path) -> None:
    info = up(home, 2)
    log_in(info, 0, "touch /srv/here")
    kill(info, SWITCH)
    again = up(home, 2)
    assert [host.pid for host in again.hosts] == [host.pid for host in info.hosts]
    assert log_in(again, 0, "ls /srv") == "here"
    subprocess.run(["ip", "link", "delete", _links(home)[0]], check=True)
    assert log_in(up(home, 2), 1) == "host-2"


def test_a_host_that_took_another_key_is_not_ready(home: Path) -> None:
    info = up(home)
    log_in(
        info,
        0,
        "cd /etc/ssh && rm ssh_host* && ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && pkill -HUP -o sshd",
    )
    deadline = time.monotonic() + 20
    while hosts_status(home=home)[0].hosts[0].ready:
        assert time.monotonic() < deadline
    assert "does not let the sandbox's key in" in hosts_status(home=home)[0].hosts[0].problem


@pytest.mark.parametrize("after_s", [0.05, 0.4, 1.2])
def test_a_killed_up_is_taken_down_or_completed(home: Path, after_s: float) -> None:
    for then in ("down", "up"):
        run = subprocess.Popen([sys.executable, "-c", UP, str(home)], stdout=subprocess.PIPE)
        assert run.stdout
        run.stdout.readline()  # it begins to start hosts
        time.sleep(after_s)
        run.kill()
        run.communicate()
        if then == "up":
            assert all(host.ready for host in up(home, 2, on_premises=1).hosts)
        hosts_down(home=home)
        assert traces(home) == []


def test_down_needs_neither_directory_nor_state(home: Path) -> None:
    info = up(home)
    (info.directory / "hosts.json").write_text('{"network": ')
    with pytest.raises(SandboxError, match="is not what sandbox hosts write"):
        hosts_status(home=home)
    with pytest.raises(SandboxError, match="onshore hosts down"):
        up(home)
    hosts_down(home=home)
    assert traces(home) == []
    info = up(home)
    subprocess.run(["rm", "-rf", info.directory], check=True)
    hosts_down(home=home)
    assert traces(home) == []


def test_sandboxes_stand_side_by_side(home: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda name: up(home, 1, name), ("sandbox", "second"))
    assert {first.hosts[0].name, second.hosts[0].name} == {"host-1", "second-host-1"}
    assert first.hosts[0].address.rsplit(".", 1)[0] != second.hosts[0].address.rsplit(".", 1)[0]
    hosts_down(home=home)
    assert log_in(second) == "second-host-1"


def test_a_host_writes_no_more_than_its_disk(home: Path) -> None:
    told = log_in(up(home, disk_mib=64), 0, "head -c 100M /dev/zero 2>&1 >/srv/full || stat -c %s /srv/full")
    assert "No space left on device" in told
    assert 32 * 2**20 < int(told.split()[-1]) < 64 * 2**20


def test_hosts_keep_what_the_register_was_told_of_them(home: Path) -> None:
    assert hosts_place(home=home) == {}
    info = up(home)
    overlay = info.overlay.read_bytes()
    assert hosts_place(home=home) == PLACE["site"] | PLACE["owner"]
    other = PLACE | {"owner": {"department": "finance-example"}}
    with pytest.raises(SandboxError, match="registered otherwise"):
        hosts_up(home=home, in_country=1, **other, progress=lambda _: None)
    assert info.overlay.read_bytes() == overlay


@pytest.mark.parametrize(("name", "count"), [("-x", 1), ("Up", 1), ("a/b", 1), ("sandbox", 101)])
def test_what_cannot_be_called_or_counted_so_is_refused(tmp_path: Path, name: str, count: int) -> None:
    with pytest.raises(SandboxError):
        up(tmp_path, count, name)
    assert list(tmp_path.iterdir()) == []
