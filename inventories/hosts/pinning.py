"""How SSH is told that only the register's hosts exist, each by the key that the register knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inventories.models import Host, OnPremisesHost


def known_hosts(machines: Iterable[Host | OnPremisesHost]) -> str:
    """The known_hosts file of these machines, in order of address: with `ssh_arguments`, no other can be reached."""
    return "".join(sorted(f"{machine.address} {machine.host_key}\n" for machine in machines))


def ssh_arguments(known_hosts_file: str) -> tuple[str, ...]:
    """Arguments of ssh, sftp and rsync's `-e` that trust this file and nothing else, whatever the person has set.

    No configuration is read, so nobody's ProxyCommand or alias leads elsewhere; no password is asked for or sent.
    """
    options = {
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": f'"{known_hosts_file}"',
        "GlobalKnownHostsFile": "none",
        "UpdateHostKeys": "no",
        "VerifyHostKeyDNS": "no",
        "NoHostAuthenticationForLocalhost": "no",
        "PreferredAuthentications": "publickey",
        "ForwardAgent": "no",
        "BatchMode": "yes",
    }
    return ("-F", "none", *(part for name, value in options.items() for part in ("-o", f"{name}={value}")))
