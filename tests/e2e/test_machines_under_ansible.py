"""A machine that an up makes in a region is set up by a playbook in the same up, by the key that its console told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from inventories.hosts import ssh_arguments
from tests.embedded import Embedded, told
from tests.region import EXAMPLE, IN_COUNTRY, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox import RegionInfo

MACHINE, ADDRESS = "health-example-records-0", "10.77.13.10"
BLINDLY = ("-o", "StrictHostKeyChecking=no")
PROGRAM = """
from pathlib import Path

import pulumi

from components.ansible_run import AnsibleAccess, AnsibleRun
from components.governance import Law
from components.private_network import PrivateNetwork
from components.region_access import RegionAccess
from components.virtual_machine import VirtualMachine
from inventories import Settings

root = Path(__file__).parent
law = Law.load(Settings.load(root))
region = law.register.region("example-csp-alpha-khi")[1]
access = RegionAccess("khi", clouds=(root / "clouds.yaml").read_text(), region=region, folder=root)
opts = pulumi.ResourceOptions(providers=[access, AnsibleAccess("hosts")])
who = {"department": "health-example", "category": "restricted"}
network = PrivateNetwork("net", {**who, "region": region.id, "cidrs": ["10.77.13.0/24"]}, opts, law=law)
machine = VirtualMachine(
    "records",
    {
        **who,
        "region": region.id,
        "image": "debian-12",
        "vcpu": 1,
        "memory_gib": 1,
        "disk_gib": 10,
        "network_id": network.network_id,
        "subnet_id": network.subnet_ids[0],
        "security_group_id": network.security_group_id,
        "addresses": ["10.77.13.10"],
        "ssh_public_key": (root / "login.pub").read_text().strip(),
        "under_ansible": True,
    },
    opts,
    law=law,
)
run = AnsibleRun(
    "greeting", **who, machines=machine.machines, playbook="play/site.yml", teardown="play/down.yml",
    opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[machine])), law=law,
)
pulumi.export("address", machine.addresses[0])
pulumi.export("key", machine.machines[0].host_key)
"""
GREETING = "/srv/greeting"
SET_UP = {"name": "the greeting", "copy": {"dest": GREETING, "content": "salaam\n"}}
TEARDOWN = {"name": "no greeting", "file": {"path": GREETING, "state": "absent"}}


class Department(Embedded):
    """A project with one machine in a region, and a playbook for it."""

    def outputs(self) -> dict[str, str]:
        return dict(self.engine().outputs("test"))

    def ssh(self, command: str, *first: str) -> subprocess.CompletedProcess[str]:
        """By OpenSSH's own client, which believes the key that the stack exports, unless `first` says otherwise."""
        said = self.outputs()
        (self.root / "known_hosts").write_text(f"{said['address']} {said['key']}\n")
        login = ["ssh", *first, *ssh_arguments(str(self.root / "known_hosts")), "-i", self.root / "login"]
        asked = [*login, f"root@{said['address']}", command]
        return subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def department(
    tmp_path: Path, possible_hosts: None, region: RegionInfo, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Department]:
    del possible_hosts
    root = tmp_path / "project"
    (root / "play").mkdir(parents=True)
    shutil.copytree(EXAMPLE, root / "register")
    (root / "onshore.yaml").write_text("register: register\nprofile: pakistan-cloud-first-trial\n", encoding="utf-8")
    (root / "Pulumi.yaml").write_text("name: department\nruntime: python\n", encoding="utf-8")
    (root / "Pulumi.test.yaml").write_text("{}\n", encoding="utf-8")
    (root / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    for name, task in (("site", SET_UP), ("down", TEARDOWN)):
        play = [{"hosts": "targets", "gather_facts": False, "tasks": [task]}]
        (root / "play" / f"{name}.yml").write_text(json.dumps(play), encoding="utf-8")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / "login"], check=True, timeout=20)
    shutil.copy2(region.clouds, root / "clouds.yaml")
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ONSHORE_OVERLAYS", str(region.overlay))
    monkeypatch.setenv("ONSHORE_SSH_KEY", str(root / "login"))
    yield (made := Department(root))
    if (root / "state").exists():
        made.attempt("destroy")


def guests(region: RegionInfo) -> list[str]:
    """The machines of the region that somebody could log in to now."""
    from sandbox._processes import running

    return [one.component for one in running(region.clouds.parent / "guests") if one.component != "switch"]


def test_a_machine_is_made_set_up_watched_and_torn_down(department: Department, region: RegionInfo) -> None:
    assert f"{MACHINE}: not there yet, so not tried in check mode" in told(department.run("preview"))
    department.run("up")
    (server,) = [one for one in connect(region).compute.servers() if one.name == MACHINE]
    assert [one["addr"] for ones in server.addresses.values() for one in ones] == [ADDRESS]
    assert department.ssh(f"cat {GREETING}; hostname").stdout == f"salaam\n{MACHINE}\n"
    assert {step for step, _ in department.run("up").steps} == {"same"}

    assert department.ssh(f"echo elsewhere >{GREETING}").returncode == 0
    assert f"drift: {MACHINE}: the greeting" in told(department.run("refresh"))
    assert f"{MACHINE}: would change: the greeting" in told(department.run("preview"))
    department.run("up")
    assert department.ssh(f"cat {GREETING}").stdout == "salaam\n"

    department.run("destroy")
    assert MACHINE not in {one.name for one in connect(region).compute.servers()}
    assert server.id not in guests(region)
    assert subprocess.run(["ip", "route", "show", f"{ADDRESS}/32"], capture_output=True, check=True).stdout == b""


def test_what_answers_with_another_key_than_the_console_told_is_not_the_machine(department: Department) -> None:
    department.run("up")
    again = "kill -HUP $(pgrep -o sshd)"
    new = "ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key"
    assert department.ssh(f"cd /etc/ssh; mkdir kept; mv *_key *_key.pub kept; {new}; {again}").returncode == 0
    play = department.root / "play" / "site.yml"
    play.write_text(play.read_text().replace("salaam", "khuda hafiz"))
    for operation in ("up", "destroy"):
        refused = department.attempt(operation)
        assert not refused.result.ok
        assert "the host shows another key" in told(refused)
    assert department.ssh("true").returncode != 0
    assert department.ssh(f"cd /etc/ssh; mv kept/* .; {again}", *BLINDLY).returncode == 0
    department.run("destroy")


def test_a_run_is_refused_on_a_machine_that_is_said_to_be_elsewhere(department: Department) -> None:
    program = department.root / "__main__.py"
    moved = "elsewhere = [dataclasses.replace(one, zone='xa-a') for one in machine.machines]"
    text = program.read_text().replace("machines=machine.machines", "machines=elsewhere")
    program.write_text(text.replace("run = AnsibleRun(", f"import dataclasses\n{moved}\nrun = AnsibleRun("))
    refused = department.attempt("preview")
    said = "\n".join([*refused.errors, told(refused)])
    assert "not in a zone of a region of the register (HST-001)" in said
    assert f"{MACHINE} in {IN_COUNTRY}, zone xa-a" in said
