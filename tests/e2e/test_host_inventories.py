"""Real Ansible with a written inventory works on the register's hosts, and nothing a person sets leads elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.hosts import Hosts
    from tests.project import Onshore

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
LOOSE = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
CONFIGURATION = f"[defaults]\nhost_key_checking=False\n[ssh_connection]\nssh_args={LOOSE}\nssh_common_args={LOOSE}\n"
LEADS_ASTRAY: dict[str, dict[str, str]] = {
    "nothing": {},
    "no host key checking": {"ANSIBLE_HOST_KEY_CHECKING": "False"},
    "ssh_args": {"ANSIBLE_SSH_ARGS": LOOSE},
    "ssh_common_args": {"ANSIBLE_SSH_COMMON_ARGS": LOOSE},
    "ssh_extra_args": {"ANSIBLE_SSH_EXTRA_ARGS": LOOSE},
    "a configuration": {"ANSIBLE_CONFIG": "loose.cfg"},
    "another connection": {"ANSIBLE_TRANSPORT": "paramiko"},
}


@pytest.fixture
def ping(offline: Onshore, hosts: Hosts) -> Iterator[Callable[..., str]]:
    """`ping("host-1", NAME=value)` -> what Ansible says, with the inventory in `inventories/hosts/my hosts`."""
    beside = Path(sys.executable).with_name("ansible")
    program = str(beside) if beside.exists() else shutil.which("ansible")
    if program is None:
        pytest.skip("no ansible-core here")
    offline.environment["ONSHORE_OVERLAYS"] = str(hosts.overlay)
    use = ("--department", "health-example", "--category", "restricted")
    assert offline("hosts", "inventory", *use, "inventories/hosts/my hosts").returncode == 0
    (offline.root / "loose.cfg").write_text(CONFIGURATION)
    home = Path(tempfile.mkdtemp(prefix="ansible-"))  # sockets of kept connections need a short path
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "ANSIBLE_PRIVATE_KEY_FILE": str(hosts.identity)}
    environment |= {"LC_ALL": "C.UTF-8", "ANSIBLE_REMOTE_USER": "root", "ANSIBLE_NOCOLOR": "1"}

    def run(pattern: str, **more: str) -> str:
        command = [program, "-i", "inventories/hosts/my hosts/hosts.yaml", pattern, "-m", "ping"]
        done = subprocess.run(
            command,
            cwd=offline.root,
            env=environment | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        for socket in (home / ".ansible" / "onshore").glob("*"):  # the connection is kept for a minute
            subprocess.run(
                ["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "any"], capture_output=True, check=False
            )
        return done.stdout

    yield run
    shutil.rmtree(home)


def test_ansible_works_on_the_registers_hosts(ping: Callable[..., str]) -> None:
    said = ping("host-1,host-2,host-3")
    assert said.count("| SUCCESS") == 3, said


@pytest.mark.parametrize("name", LEADS_ASTRAY)
def test_a_host_with_another_key_is_not_reached_whatever_a_person_has_set(
    ping: Callable[..., str], offline: Onshore, hosts: Hosts, name: str
) -> None:
    assert "| SUCCESS" in ping("host-1", **LEADS_ASTRAY[name])
    pinned = offline.root / "inventories/hosts/my hosts/known_hosts"
    pinned.write_text(pinned.read_text().replace(hosts["host-1"].host_key, OTHER_KEY))
    said = ping("host-1", **LEADS_ASTRAY[name])
    assert "Host key verification failed" in said, said
    assert "| SUCCESS" not in said
    assert "| SUCCESS" in ping("host-2", **LEADS_ASTRAY[name])


def test_a_host_that_is_not_pinned_is_not_reached(ping: Callable[..., str], offline: Onshore) -> None:
    (offline.root / "inventories/hosts/my hosts/known_hosts").write_text("")
    assert "Host key verification failed" in ping("host-1", **LEADS_ASTRAY["no host key checking"])
