"""Hosts under Ansible: inventories written from the register, and held against it."""

from inventories.hosts.checking import check_inventory
from inventories.hosts.machines import Machine, as_host, home_of
from inventories.hosts.pinning import known_hosts, ssh_arguments
from inventories.hosts.reading import Inventory, read_inventory
from inventories.hosts.rendering import render_inventory
from inventories.hosts.standing import Refusal, Use, machine_refusals, refusals

__all__ = [
    "Inventory",
    "Machine",
    "Refusal",
    "Use",
    "as_host",
    "check_inventory",
    "home_of",
    "known_hosts",
    "machine_refusals",
    "read_inventory",
    "refusals",
    "render_inventory",
    "ssh_arguments",
]
