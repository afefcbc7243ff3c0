"""Where sandbox hosts keep their files, which addresses they have, and what is written for others (pure: no I/O)."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Role = Literal["in-country", "on-premises"]
INIT: Final = Path(__file__).with_name("host_init.sh")
SWITCH: Final = "switch"
BRIDGE: Final = "hosts"
NETWORKS: Final = tuple(IPv4Network("198.18.0.0/15").subnets(new_prefix=24))
"""Addresses for trying out (RFC 2544): nobody's hosts have them, so none is ever taken for one of ours."""

HOSTS_MOST: Final = 100
_PREFIXES: Final[Mapping[Role, str]] = {"in-country": "host", "on-premises": "onprem"}
_FIRST_ADDRESS: Final[Mapping[Role, int]] = {"in-country": 10, "on-premises": 120}

SSHD_CONFIG: Final = """\
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys .ssh/authorized_keys
PermitRootLogin prohibit-password
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PidFile none
PrintMotd no
MaxStartups 100
MaxSessions 100
SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True, slots=True)
class HostState:
    """One host as it was asked for: the `number` counts the hosts of its role."""

    name: str
    role: Role
    number: int


@dataclass(frozen=True, slots=True)
class HostsLayout:
    """The files of one sandbox of hosts, all below its directory."""

    directory: Path

    @property
    def state(self) -> Path:
        return self.directory / "hosts.json"

    @property
    def identity(self) -> Path:
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def overlay(self) -> Path:
        return self.directory / "overlay.yaml"

    @property
    def sshd_config(self) -> Path:
        return self.directory / "sshd_config"

    @property
    def mount_point(self) -> Path:
        """An empty folder: each host mounts its disk there, in a namespace where only it sees it."""
        return self.directory / "mnt"

    def key(self, host: str) -> Path:
        return self.directory / "keys" / host

    def log(self, host: str) -> Path:
        return self.directory / "logs" / f"{host}.log"


def wanted_hosts(prefix: str, counts: Mapping[Role, int]) -> tuple[HostState, ...]:
    """The hosts that so many of each role are: `onprem-1`, `host-1`, …"""
    return tuple(
        HostState(f"{prefix}{_PREFIXES[role]}-{number}", role, number)
        for role in ("on-premises", "in-country")
        for number in range(1, counts.get(role, 0) + 1)
    )


def gateway(network: int) -> str:
    """The address of this machine in a sandbox's network."""
    return str(NETWORKS[network][1])


def address(network: int, host: HostState) -> str:
    """The address of a host."""
    return str(NETWORKS[network][_FIRST_ADDRESS[host.role] + host.number])


def hardware_address(network: int, host: HostState) -> str:
    """The hardware address of a host (locally administered): the same after a restart, so nobody asks for it anew."""
    return ":".join(f"{byte:02x}" for byte in (2, 0, *IPv4Address(address(network, host)).packed))


def link_name(network: int) -> str:
    """The one network link that a sandbox has in this machine's own network namespace."""
    return f"onshore{network}"


def fingerprint(public_key: str) -> str:
    """OpenSSH's fingerprint of a public key (`ssh-ed25519 AAAA…`), without `SHA256:`."""
    blob = base64.b64decode(public_key.split()[1])
    return base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def known_hosts(keys: Iterable[tuple[str, str]]) -> str:
    """The lines of a known_hosts file, from (address, public key)."""
    return "".join(f"{where} {' '.join(key.split()[:2])}\n" for where, key in keys)


def overlay(
    name: str, hosts: Iterable[tuple[HostState, str, str]], site: Mapping[str, str], owner: Mapping[str, str]
) -> str:
    """The register overlay, from (host, address, public key): fictional by its own word.

    `site`: provider, region and site of the in-country hosts, and the category_ceiling they are said to have; `owner`:
    the department of all.
    """
    content: dict[str, Any] = {"overlay": f"hosts-{name}", "fictional": True}
    lists: dict[str, list[dict[str, Any]]] = {"hosts": [], "on_premises": []}
    for host, where, key in hosts:
        record: dict[str, Any] = {"id": host.name, "address": where, "host_key": " ".join(key.split()[:2])}
        if host.role == "in-country":
            lists["hosts"].append({**record, **owner, **site, "fictional": True})
        else:
            lists["on_premises"].append({**record, **owner, "fictional": True})
    content |= {field: records for field, records in lists.items() if records}
    return yaml.safe_dump(content, sort_keys=False)
