"""Real guests for machines of a sandbox region: sandbox hosts that answer at the machines' own addresses.

Run by the region's hypervisor, as `python -m sandbox.region.guests up|down DIRECTORY NAME [HOSTNAME ADDRESS/PREFIX…]`;
`up` reads the public keys that may log in from standard input and prints the guest's own. Guests live in the region's
directory and end with the region. What they hold is in memory, as hosts' is; their keys stay.
"""

from __future__ import annotations

import json
import shutil
import sys
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Final

from sandbox._files import locked, write_whole
from sandbox._host_keys import ensure_key, public_key
from sandbox._host_layout import HOSTS_MOST, SSHD_CONFIG, HostsLayout, HostState, address, known_hosts
from sandbox._host_runtime import bring_up, choose_network, move_in, move_out, stop_all
from sandbox.errors import SandboxError

_DISK_MIB: Final = 1024


def guest_up(directory: Path, name: str, hostname: str, addresses: list[IPv4Interface], logins: str) -> str:
    """Make sure that a guest runs and answers at these addresses; returns its public host key.

    `name` tells it from every other guest of the region. Raises SandboxError, also where an address is another's.
    """
    layout = HostsLayout(directory)
    directory.mkdir(mode=0o700, exist_ok=True)
    with locked(directory / ".lock", lambda: None):
        network, numbers = _read(layout)
        free = set(range(1, HOSTS_MOST + 1)) - set(numbers.values())
        if name not in numbers and not free:
            raise SandboxError(f"A sandbox region has {HOSTS_MOST} guests at most.", "Delete machines first.")
        numbers.setdefault(name, min(free, default=0))
        network = choose_network(layout, network)
        write_whole(layout.state, json.dumps({"network": network, "guests": numbers}))
        layout.key("any").parent.mkdir(mode=0o700, exist_ok=True)
        ensure_key(layout.identity, "onshore sandbox region")
        ensure_key(layout.key(name), hostname)
        write_whole(layout.key(f"{name}.login"), logins)
        write_whole(layout.sshd_config, SSHD_CONFIG)
        guests = [HostState(guest, "in-country", number) for guest, number in sorted(numbers.items())]
        mine = next(guest for guest in guests if guest.name == name)
        known = [(address(network, one), public_key(layout, one.name)) for one in guests]
        write_whole(layout.known_hosts, known_hosts(known))
        bring_up(layout, network, [mine], _DISK_MIB)
        move_in(layout, network, mine, hostname, addresses)
    return public_key(layout, name)


def guest_down(directory: Path, name: str) -> None:
    """End a guest and forget it; one that is not there is no fault."""
    layout = HostsLayout(directory)
    if not directory.exists():
        return
    with locked(directory / ".lock", lambda: None):
        network, numbers = _read(layout)
        move_out(layout, name)
        if numbers.pop(name, None) is not None:
            write_whole(layout.state, json.dumps({"network": network, "guests": numbers}))
        for file in (name, f"{name}.pub", f"{name}.login"):
            layout.key(file).unlink(missing_ok=True)


def all_down(directory: Path) -> None:
    """End every guest; those whose machines are still there start again with the region."""
    if directory.exists():
        stop_all(HostsLayout(directory))


def _read(layout: HostsLayout) -> tuple[int | None, dict[str, int]]:
    try:
        content = json.loads(layout.state.read_text(encoding="utf-8"))
        return content["network"], {str(name): int(number) for name, number in content["guests"].items()}
    except FileNotFoundError:
        return None, {}
    except (ValueError, KeyError, TypeError, AttributeError):
        stop_all(layout)
        shutil.rmtree(layout.directory / "keys", ignore_errors=True)
        return None, {}


def main(arguments: list[str]) -> int:
    """What the hypervisor runs; errors go to standard error, in words."""
    what, directory, name, *more = arguments
    try:
        if what == "down":
            guest_down(Path(directory), name)
        else:
            hostname, *addresses = more
            key = guest_up(Path(directory), name, hostname, [IPv4Interface(one) for one in addresses], sys.stdin.read())
            sys.stdout.write(f"{key}\n")
    except SandboxError as error:
        sys.stderr.write(f"{error.what}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
