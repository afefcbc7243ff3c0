"""What this machine lacks for sandbox hosts: rights, programs, kernel features; all of it at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

_PROGRAMS: Final = {
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "pivot_root": "util-linux",
    "mount": "mount",
    "rsync": "rsync",
    "nft": "nftables",
    "age": "age",
    "runsvdir": "runit",
}
"""Program -> Debian's package of it."""

_SYSTEM_PYTHON: Final = Path("/usr/bin/python3")  # what Ansible asks a host for; a virtual environment is not in there
_POSTGRES: Final = "lib/postgresql/*/bin/initdb"
_POSTGRES_LEAST: Final = 15
_SEARCHED: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# an overlay needs its upper side on another file system than the lower one, which a tmpfs always is
_PROBE: Final = """
mount -t tmpfs probe /mnt && mkdir /mnt/upper /mnt/work /mnt/root &&
mount -t overlay probe -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root && mknod /mnt/root/probe c 1 3
"""


def program(name: str) -> str:
    """The path of a program of this machine; '' when there is none."""
    return shutil.which(name, path=_SEARCHED) or ""


def missing_packages() -> list[str]:
    """Debian's packages that sandbox hosts need and this machine has not, in order."""
    wanted = {package for name, package in _PROGRAMS.items() if not program(name)}
    versions = [path.parts[-3] for path in Path("/usr").glob(_POSTGRES)]
    if not any(version.isdecimal() and int(version) >= _POSTGRES_LEAST for version in versions):
        wanted.add("postgresql")
    if not _SYSTEM_PYTHON.exists():
        wanted.add("python3")
    return sorted(wanted)


def hosts_unavailable() -> list[tuple[str, str]]:
    """Why there can be no sandbox hosts here: (what is missing, what to do), all at once; empty when nothing is."""
    if sys.platform != "linux":
        return [(f"sandbox hosts run on Linux, this is {sys.platform}", "use a Linux machine or virtual machine")]
    found: list[tuple[str, str]] = []
    if os.geteuid() != 0:
        found.append(("sandbox hosts have networks and mounts of their own, which only root can make", "become root"))
    if packages := missing_packages():
        found.append((f"not installed: {', '.join(packages)}", f"{apt_install(packages)} (on Debian)"))
    found += [
        (f"{place} is a file system of its own, so hosts cannot share this machine's programs", "use another machine")
        for place in ("/usr", "/etc")
        if os.path.ismount(place)
    ]
    return found or _kernel()


def apt_install(packages: list[str]) -> str:
    """The command that installs packages of Debian and starts none of their services."""
    return f"apt-get install -y --no-install-recommends {' '.join(packages)}"


def _kernel() -> list[tuple[str, str]]:
    command = ["unshare", "-n", "-m", "-u", "-i", "-p", "-f", "sh", "-ec", _PROBE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode == 0:
        return []
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    fix = "in a container, allow it CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_MKNOD, or use a virtual machine"
    return [(f"this machine permits no namespaces, or no overlay over /: {said}", fix)]
