"""The sandbox hosts that a worker's tests share: two on premises, three in the country; a login that is not ours."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.places import WORKER_HOME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inventories.models import Register
    from sandbox import HostInfo, HostsInfo

HOME = WORKER_HOME / "hosts"
EXAMPLE = Path(__file__).resolve().parents[1] / "inventories" / "registers" / "example"
PLACE = {
    "site": {
        "provider": "example-csp-alpha",
        "region": "example-csp-alpha-khi",
        "site": "pk-example-site-1",
        "category_ceiling": "confidential",
    },
    "owner": {"department": "health-example"},
}


@dataclass(frozen=True)
class Hosts:
    """Running sandbox hosts; `known_hosts` is generated from the register with their overlay."""

    info: HostsInfo
    register: Register
    known_hosts: Path

    @property
    def identity(self) -> Path:
        """The private key that logs in as root, or as any user with a shell."""
        return self.info.identity

    @property
    def overlay(self) -> Path:
        """The register overlay that lists them."""
        return self.info.overlay

    def __getitem__(self, name: str) -> HostInfo:
        return next(host for host in self.info.hosts if host.name == name)

    def ssh(
        self, name: str, command: str, *, user: str = "root", stdin: bytes = b"", check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a shell command on a host by OpenSSH's own client; `check`: it must succeed."""
        from inventories.hosts import ssh_arguments

        done = subprocess.run(
            [
                "ssh",
                *ssh_arguments(str(self.known_hosts)),
                "-i",
                self.identity,
                f"{user}@{self[name].address}",
                command,
            ],
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, f"{name}: {command}\n{done.stdout!r}\n{done.stderr.decode()}"
        return done

    @contextlib.contextmanager
    def cut(self, name: str) -> Iterator[None]:
        """A host without network, as if its cable were out, while the block runs."""
        self._link(name, "down")
        try:
            yield
        finally:
            self._link(name, "up")

    def _link(self, name: str, state: str) -> None:
        command = ["nsenter", "-t", str(self[name].pid), "-n", "ip", "link", "set", "eth0", state]
        subprocess.run(command, check=True, timeout=20)


def in_register(info: HostsInfo) -> Hosts:
    """Running sandbox hosts as the example register has them with their overlay."""
    from inventories import load_register
    from inventories.hosts import known_hosts

    register = load_register(EXAMPLE, [info.overlay])
    file = info.directory / "register_known_hosts"
    machines = [*(host for _, host in register.hosts()), *register.on_premises]
    file.write_text(known_hosts(machines), encoding="utf-8")
    return Hosts(info, register, file)


@contextlib.contextmanager
def shared_hosts() -> Iterator[Hosts]:
    """The shared hosts, running; the last test run that uses them takes them down, unless ONSHORE_KEEP_HOSTS is set."""
    from sandbox import hosts_down, hosts_up

    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / ".users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            info = hosts_up(home=HOME, in_country=3, on_premises=2, **PLACE, progress=lambda _: None)
            yield in_register(info)
        finally:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.environ.get("ONSHORE_KEEP_HOSTS"):
                    hosts_down(home=HOME)
