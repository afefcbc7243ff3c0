"""Sandbox hosts are real machines to whoever logs in, and keep to themselves."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inventories.hosts import known_hosts, ssh_arguments
from inventories.models import RegisterOverlay
from inventories.yaml_source import read_yaml
from sandbox import hosts_down, hosts_up
from sandbox._host_needs import hosts_unavailable, missing_packages
from tests.hosts import PLACE, in_register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hosts import Hosts

_SERVER = """
set -e
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
rm -rf ~/proof && $bin/initdb -D ~/proof --encoding UTF8 -A peer >/dev/null
$bin/pg_ctl -D ~/proof -l ~/proof.log -w -o "-k /tmp" start >/dev/null
psql -h /tmp -d postgres -Atc "select current_setting('server_version_num')::int >= 150000, inet_server_addr() is null"
$bin/pg_ctl -D ~/proof -w -m fast stop >/dev/null && rm -rf ~/proof ~/proof.log
"""
ALL = ("onprem-1", "onprem-2", "host-1", "host-2", "host-3")


def test_each_host_has_name_files_processes_and_network_of_its_own(hosts: Hosts) -> None:
    for name in ALL:
        hosts.ssh(name, "hostname >/srv/mine")
        told = hosts.ssh(
            name, "cat /srv/mine; hostname -I 2>/dev/null | cut -d' ' -f1; ls /proc | grep -c '^[0-9]'"
        ).stdout
        own, address, processes = told.decode().split()
        assert (own, address) == (name, hosts[name].address)
        assert int(processes) < 20
    assert not Path("/srv/mine").exists()


def test_a_host_runs_postgresql_of_its_own(hosts: Hosts) -> None:
    for name in ("onprem-1", "host-1"):
        assert hosts.ssh(name, _SERVER, user="postgres").stdout == b"t|t\n"


def test_a_host_has_the_python_that_ansible_asks_for(hosts: Hosts) -> None:
    told = hosts.ssh("host-2", "/usr/bin/python3 -c 'import json, socket; print(json.dumps(socket.gethostname()))'")
    assert json.loads(told.stdout) == "host-2"


def test_hosts_reach_each_other_and_nothing_beyond(hosts: Hosts) -> None:
    for here, there in (("onprem-1", "host-1"), ("host-3", "onprem-2")):
        assert hosts.ssh(here, f"head -c 4 </dev/tcp/{hosts[there].address}/22").stdout == b"SSH-"
    assert hosts.ssh("host-1", "ip route show default").stdout == b""


def test_a_host_can_be_cut_off_and_comes_back(hosts: Hosts) -> None:
    reach = f"timeout 1 head -c 4 </dev/tcp/{hosts['host-2'].address}/22"
    with hosts.cut("host-2"):
        assert hosts.ssh("host-1", reach, check=False).returncode != 0
    assert hosts.ssh("host-2", "hostname").stdout == b"host-2\n"


def test_rsync_copies_over_the_pinned_login(hosts: Hosts, tmp_path: Path) -> None:
    (tmp_path / "odd\nname").write_bytes(os.urandom(5000))
    login = " ".join(["ssh", *ssh_arguments(str(hosts.known_hosts)), "-i", str(hosts.identity)])
    there = f"root@{hosts['host-1'].address}:/srv/tree/"
    subprocess.run(["rsync", "-a", "-e", login, f"{tmp_path}/", there], check=True, timeout=60)
    digest = hosts.ssh("host-1", "cat /srv/tree/* | sha256sum; rm -rf /srv/tree").stdout.split()[0]
    assert digest == subprocess.run(
        ["sha256sum", tmp_path / "odd\nname"], check=True, capture_output=True
    ).stdout.split()[0].lstrip(b"\\")


@pytest.fixture
def untouched(possible_hosts: None, tmp_path: Path) -> Iterator[Hosts]:
    """A host that nobody has worked on."""
    del possible_hosts
    yield in_register(hosts_up(home=tmp_path, in_country=1, on_premises=0, **PLACE, progress=lambda _: None))
    hosts_down(home=tmp_path)


def test_nothing_of_this_machines_people_is_in_a_host(untouched: Hosts) -> None:
    left = "ls -A /root /home /opt /mnt /var/lib/postgresql | grep -v : || true"
    assert untouched.ssh("host-1", left).stdout.split() == []
    assert untouched.ssh("host-1", "cut -d: -f2 /etc/shadow | sort -u").stdout == b"*\n"
    assert b"id_ed25519" not in untouched.ssh("host-1", f"ls -R {Path(__file__).parents[2]} 2>&1 || true").stdout
    hidden = [path for path in Path("/etc").glob("*") if not path.stat().st_mode & 0o004 and path.name != "sudoers.d"]
    settings = untouched.ssh("host-1", "ls -A /etc").stdout.decode().split()
    assert {path.name for path in hidden if path.name not in ("shadow", "sudoers")}.isdisjoint(settings)


def test_a_playbook_that_goes_too_far_harms_the_host_only(hosts: Hosts) -> None:
    # each is harmless where it is not stopped: the time that it is, the setting that there is
    tried = ('date -s "@$(date +%s)"', 'sysctl -w "kernel.panic=$(sysctl -n kernel.panic)"', "mknod /tmp/disk b 254 0")
    for command in (*tried, "test -w /proc/sysrq-trigger"):
        assert hosts.ssh("host-3", command, check=False).returncode != 0, command
    hosts.ssh("host-3", "rm -rf /usr/share/doc && ! test -e /usr/share/doc")
    assert Path("/usr/share/doc").is_dir()


def test_nobody_gets_in_without_the_sandboxs_key(hosts: Hosts, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    target = f"root@{hosts['host-1'].address}"
    pinned = ["ssh", *ssh_arguments(str(hosts.known_hosts)), "-o", "IdentitiesOnly=yes"]
    done = subprocess.run([*pinned, "-i", tmp_path / "other", target, "true"], capture_output=True, check=False)
    assert done.returncode == 255
    assert b"Permission denied (publickey)" in done.stderr


def test_a_host_with_another_key_is_not_reached(hosts: Hosts, tmp_path: Path) -> None:
    other = {**{host.id: host for _, host in hosts.register.hosts()}}
    changed = other["host-1"].model_copy(update={"host_key": other["host-2"].host_key})
    (tmp_path / "known_hosts").write_text(known_hosts([changed, other["host-2"]]))
    pinned = replace(hosts, known_hosts=tmp_path / "known_hosts")
    refused = pinned.ssh("host-1", "true", check=False)
    assert refused.returncode == 255
    assert b"Host key verification failed" in refused.stderr
    assert pinned.ssh("host-2", "echo in").stdout == b"in\n"


def test_a_host_that_the_register_does_not_list_is_not_reached(hosts: Hosts, tmp_path: Path) -> None:
    listed = [host for _, host in hosts.register.hosts() if host.id != "host-1"]
    (tmp_path / "known_hosts").write_text(known_hosts(listed))
    refused = replace(hosts, known_hosts=tmp_path / "known_hosts").ssh("host-1", "true", check=False)
    assert refused.returncode == 255
    assert b"No ED25519 host key is known" in refused.stderr
    assert (tmp_path / "known_hosts").read_text() == known_hosts(listed)


def test_the_overlay_tells_the_register_of_each_host_as_it_answers(hosts: Hosts) -> None:
    overlay = RegisterOverlay.model_validate(read_yaml(hosts.overlay).data)
    assert [host.id for host in overlay.hosts] == ["host-1", "host-2", "host-3"]
    assert [host.id for host in overlay.on_premises] == ["onprem-1", "onprem-2"]
    for told in (*overlay.hosts, *overlay.on_premises):
        scanned = subprocess.run(
            ["ssh-keyscan", "-t", "ed25519", told.address], capture_output=True, text=True, check=True
        )
        assert scanned.stdout.split()[1:] == told.host_key.split()
        assert told.host_key_sha256 == hosts[told.id].host_key_sha256
    assert {host.id for provider, host in hosts.register.hosts() if provider.accreditation} >= {"host-1", "host-2"}
    assert not {"onprem-1", "onprem-2"} & {host.id for _, host in hosts.register.hosts()}


def test_everything_that_is_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("sandbox._host_needs._SEARCHED", "/nowhere")
    told = "\n".join(f"{what}: {fix}" for what, fix in hosts_unavailable())
    assert "only root can make: become root" in told
    for package in ("openssh-server", "iproute2", "rsync"):
        assert package in told
        assert package in missing_packages()
    assert "apt-get install -y --no-install-recommends" in told


def test_a_kernel_that_permits_no_overlay_says_so(monkeypatch: pytest.MonkeyPatch, possible_hosts: None) -> None:
    del possible_hosts
    monkeypatch.setattr("sandbox._host_needs._PROBE", "echo 'mount: permission denied' >&2; exit 32")
    ((what, fix),) = hosts_unavailable()
    assert what == "this machine permits no namespaces, or no overlay over /: mount: permission denied"
    assert "CAP_SYS_ADMIN" in fix
