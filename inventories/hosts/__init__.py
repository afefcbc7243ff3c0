"""Hosts under Ansible: inventories written from the register, and held against it."""

from inventories.hosts.pinning import known_hosts, ssh_arguments

__all__ = ["known_hosts", "ssh_arguments"]
