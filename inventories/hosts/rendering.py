"""An Ansible inventory from the register: the hosts that a department may use for a category on a day, pinned."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

import yaml

from inventories.faults import Fault, OnshoreError
from inventories.hosts.pinning import known_hosts, ssh_arguments
from inventories.hosts.standing import refusals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventories.hosts.standing import Use
    from inventories.models import Host, Profile, Register

INVENTORY: Final = "hosts.yaml"
KNOWN_HOSTS: Final = "known_hosts"
GROUP_VARS: Final = "group_vars"
HOST_VARS: Final = "host_vars"
ALL_VARS: Final = f"{GROUP_VARS}/all.yaml"

# One connection serves a play: what Ansible itself does unless it is told other arguments.
_REUSED: Final = "-C -o ControlMaster=auto -o ControlPersist=60s"
PINNED: Final[Mapping[str, str | bool]] = {
    "ansible_connection": "ssh",
    "ansible_host_key_checking": True,
    # These come first on ssh's command line, and ssh heeds the first value of an option: no setting undoes them.
    "ansible_ssh_args": f"{shlex.join(ssh_arguments('{{ inventory_dir }}/known_hosts'))} {_REUSED}",
    # A connection that another setting opened is not taken over.
    "ansible_control_path_dir": "~/.ansible/onshore",
}
"""What an inventory says of how its hosts are reached; Ansible takes it before its settings and its environment."""


def render_inventory(register: Register, profile: Profile, use: Use) -> dict[str, str]:
    """The files of an inventory folder, by name: `hosts.yaml`, `known_hosts` and `group_vars/all.yaml`.

    Raises OnshoreError, with the reasons against each host, when there is none that may be used.
    """
    against = {host.id: refusals(register, profile, host.id, use) for _, host in register.hosts()}
    chosen = [host for _, host in register.hosts() if not against[host.id]]
    if not chosen:
        faults = [Fault(host, str(reason)) for host, reasons in against.items() for reason in reasons]
        raise OnshoreError(
            f"no host may hold {use.category.id} data of {use.department} on {use.on}",
            faults or [Fault(register.id, "the register lists no host")],
            refused=True,
        )
    head = (
        f"# From register {register.id} {register.version}: hosts for {use.category.id} data of {use.department}"
        f" on {use.on}.\n"
    )
    regions: dict[str, Any] = {}
    for host in chosen:
        regions.setdefault(group_name(host.region), {"hosts": {}})["hosts"][host.id] = host_facts(host)
    said = {"onshore_department": use.department, "onshore_category": use.category.id, **PINNED}
    return {
        INVENTORY: head + _dump({"all": {"children": regions}}),
        KNOWN_HOSTS: known_hosts(chosen),
        ALL_VARS: head + _dump(said),
    }


def host_facts(host: Host) -> dict[str, str]:
    """What an inventory says of a host: its address, and the facts that the register is held to."""
    return {
        "ansible_host": host.address,
        "onshore_host_key_sha256": host.host_key_sha256,
        "onshore_region": host.region,
        "onshore_site": host.site,
        "onshore_category_ceiling": host.category_ceiling,
    }


def group_name(region: str) -> str:
    """A region's name as Ansible's groups are named."""
    return region.replace("-", "_")


def _dump(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, width=1000)
