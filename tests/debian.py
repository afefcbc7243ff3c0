"""`python -m tests.debian`: install what sandbox hosts need, where this is root on Debian; starts no service.

Anything else is told in a line, and the tests that need hosts are then skipped by name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox._host_needs import missing_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY = Path("/usr/sbin/policy-rc.d")
SERVICES = {"openssh-server": "ssh", "postgresql": "postgresql"}


@contextlib.contextmanager
def no_service_starts() -> Iterator[None]:
    """Debian's own word for it: what packages ask to start is denied (101); an administrator's own word stays."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def main() -> None:
    packages = missing_packages()
    if not packages:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"==> not installed, and not to be installed from here: {', '.join(packages)}")
        return
    print(f"==> installing {', '.join(packages)} for the sandbox hosts; no service is started")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with no_service_starts():
        for command in (install, ["apt-get", "update", "-qq"], install):
            done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
            if command is install and done.returncode == 0:
                _disable([SERVICES[package] for package in packages if package in SERVICES])
                return
    print(f"==> could not install {', '.join(packages)}")


def _disable(services: list[str]) -> None:
    """What was installed for tests does not begin with the machine's next start."""
    if services and shutil.which("systemctl"):
        subprocess.run(["systemctl", "--quiet", "disable", *services], check=False)


if __name__ == "__main__":
    main()
