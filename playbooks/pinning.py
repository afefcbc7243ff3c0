"""The only way to a host: OpenSSH, told to trust the one key that the register knows and nothing else of this machine.

Before a run each host is asked which keys it has. That decides nothing, since ssh itself will talk to no other key; but
it tells a host that is gone from one that is not the register's any more, and stops before anything is sent to others.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from inventories.faults import Fault
from inventories.hosts import ssh_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inventories.models import Host

_ANSWER_S: Final = 5
_AT_ONCE: Final = 16
_FIELDS: Final = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host's SSH server showed: the register's key, nothing (`unreachable`), or another key (`refused`)."""

    host: str
    unreachable: str = ""
    refused: Fault | None = None


def probe(hosts: Sequence[Host]) -> list[Answer]:
    """Ask every host for its keys, many at once."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(_ask, hosts))


def _ask(host: Host) -> Answer:
    scanner = shutil.which("ssh-keyscan")
    if scanner is None:
        fix = "install OpenSSH's client (Debian: apt-get install openssh-client)"
        return Answer(host.id, refused=Fault(host.id, "ssh-keyscan is not on PATH", fix=fix))
    asked = [scanner, "-T", str(_ANSWER_S), "--", host.address]
    scanned = subprocess.run(asked, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    shown = [fields[1:] for line in scanned.stdout.splitlines() if len(fields := line.split()) == _FIELDS]
    if not shown:
        return Answer(host.id, unreachable=f"nothing answers as SSH at {host.address}")
    if any(f"{kind} {key}" == host.host_key for kind, key in shown):
        return Answer(host.id)
    fault = Fault(
        host.id,
        "the host shows another key than the register's (HST-001)",
        ", ".join(sorted(f"{kind} SHA256:{_fingerprint(key)}" for kind, key in shown)),
        f"the register knows {host.host_key.split()[0]} SHA256:{host.host_key_sha256}; this may be another machine",
        "find out who changed the host; if its key was renewed, have the register say so",
    )
    return Answer(host.id, refused=fault)


def _fingerprint(key: str) -> str:
    blob = base64.b64decode(key)
    return base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def connection(known_hosts: Path, sockets: Path, key: Path) -> str:
    """What Ansible calls ssh with: the pinned connection, our key alone, and one connection a host for a whole run."""
    options = {
        "IdentityAgent": "none",
        "IdentitiesOnly": "yes",
        "IdentityFile": f'"{key}"',
        "ConnectTimeout": "10",
        "ServerAliveInterval": "15",
        "ControlMaster": "auto",
        "ControlPersist": "30s",
        "ControlPath": f'"{sockets / "%C"}"',
    }
    own = (part for name, value in options.items() for part in ("-o", f"{name}={value}"))
    return shlex.join([*ssh_arguments(str(known_hosts)), *own])
