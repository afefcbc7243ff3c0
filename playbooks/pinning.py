"""The only way to a host: OpenSSH, told to trust the one key that the register knows and nothing else of this machine.

The register keeps a fingerprint; `known_hosts` needs the key. So each host is asked for its keys, and the one whose
fingerprint is the register's is written down: a host that answers with any other is not spoken to.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from inventories.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from inventories.models import Host

_ANSWER_S: Final = 5
_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Pin:
    """What a host's SSH server showed: its line for known_hosts, or why there is none.

    `unreachable`: nothing answered, which may pass; otherwise another key answered, which is refused.
    """

    host: str
    line: str = ""
    unreachable: str = ""
    refused: Fault | None = None


def pin(hosts: Iterable[Host]) -> dict[str, Pin]:
    """Ask every host for its keys, at once; by id."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return {one.host: one for one in pool.map(_pin, hosts)}


def _pin(host: Host) -> Pin:
    scanner = shutil.which("ssh-keyscan")
    if scanner is None:
        fix = "install OpenSSH's client (Debian: apt-get install openssh-client)"
        return Pin(host.id, refused=Fault(host.id, "ssh-keyscan is not on PATH", fix=fix))
    asked = [scanner, "-T", str(_ANSWER_S), "--", host.address]
    scanned = subprocess.run(asked, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    shown = [fields for line in scanned.stdout.splitlines() if len(fields := line.split()) == 3]
    if not shown:
        return Pin(host.id, unreachable=f"nothing answers as SSH at {host.address}")
    for _, kind, key in shown:
        if fingerprint(key) == host.host_key_sha256:
            return Pin(host.id, f"{host.address} {kind} {key}")
    got = ", ".join(sorted(f"{kind} SHA256:{fingerprint(key)}" for _, kind, key in shown))
    return Pin(
        host.id,
        refused=Fault(
            host.id,
            "the host shows another key than the register's (HST-001)",
            got,
            f"the register knows SHA256:{host.host_key_sha256}; it may be another machine",
            "find out who changed the host; if its key was renewed, have the register say so",
        ),
    )


def fingerprint(key: str) -> str:
    """OpenSSH's fingerprint of a key in base64, without its prefix; empty when it is none."""
    try:
        blob = base64.b64decode(key, validate=True)
    except ValueError:
        return ""
    return base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def ssh_arguments(known_hosts: Path, sockets: Path, key: Path) -> str:
    """What ssh is called with: no configuration, agent, password or host key but ours."""
    options = {
        "UserKnownHostsFile": str(known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "CheckHostIP": "no",
        "IdentityAgent": "none",
        "IdentitiesOnly": "yes",
        "IdentityFile": str(key),
        "BatchMode": "yes",
        "PreferredAuthentications": "publickey",
        "ForwardAgent": "no",
        "ClearAllForwardings": "yes",
        "ConnectTimeout": "10",
        "ServerAliveInterval": "15",
        "ControlMaster": "auto",
        "ControlPersist": "30s",
        "ControlPath": str(sockets / "%C"),
    }
    return " ".join(["-F none", *(f"-o {name}={value}" for name, value in options.items())])
