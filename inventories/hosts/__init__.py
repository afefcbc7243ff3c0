"""Hosts under Ansible: inventories written from the register, and held against it."""

from inventories.hosts.checking import check_inventory
from inventories.hosts.pinning import known_hosts, ssh_arguments
from inventories.hosts.reading import Inventory, read_inventory
from inventories.hosts.rendering import render_inventory
from inventories.hosts.standing import Refusal, Use, refusals

__all__ = [
    "Inventory",
    "Refusal",
    "Use",
    "check_inventory",
    "known_hosts",
    "read_inventory",
    "refusals",
    "render_inventory",
    "ssh_arguments",
]
