"""How a machine is reached: by SSH that knows the register's keys and no other; or, for tests and tools, right here."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from inventories.faults import Fault, OnshoreError
from inventories.private_dir import private_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

LOST: Final = 255
PRIVATE: Final = "move"
_NOT_FOUND: Final = 127
# what a killed run left of a socket is in the way of the next one
_LENT_FOLDER: Final = 'umask 077; d=$HOME/.$1; mkdir -p "$d" && rm -f "$d/$2" && echo "$d"'
_LENT: Final = (
    'echo ready; cat >/dev/null; rm -f "$1/$2"; rmdir "$1"; echo gone'  # until this side goes, however it does
)
_TUNNEL_S: Final = 20.0
# A cut line is noticed within 15 seconds, also while nothing is sent.
_ALIVE: Final = ("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "-o", "ConnectTimeout=15")
# What is moved is encrypted twice: by the cipher that processors have instructions for, where both sides know it.
_QUICK: Final = ("-o", "Ciphers=^aes256-gcm@openssh.com")


def bound(argv: Sequence[str]) -> list[str]:
    """A command that ends when this process does, however it ends; where util-linux is not there, as it is."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *argv] if setpriv else list(argv)


def shows_another_key(said: str) -> bool:
    """Whether SSH says that a host has not the key that it should have."""
    return "HOST IDENTIFICATION HAS CHANGED" in said or "key verification failed" in said


def another_key(host: str, said: str) -> Fault:
    """The fault of a host that shows another key than the register's."""
    what = "the host does not prove itself with the register's key (HST-001)"
    return Fault(host, what, said, fix="find out why; only the Cloud Office changes a key in the register")


@dataclass(frozen=True, slots=True)
class Reach:
    """A machine by its name and the command that runs others there; without one they run on this machine."""

    name: str
    ssh: tuple[str, ...] = ()
    login: str = ""

    @classmethod
    def by_ssh(cls, name: str, address: str, login: str, identity: Path, pinned: Sequence[str]) -> Reach:
        """`pinned`: the arguments that trust the register's keys only (`inventories.hosts.ssh_arguments`)."""
        alone = ("-o", "IdentitiesOnly=yes", "-i", str(identity))
        return cls(name, ("ssh", *pinned, *_ALIVE, *_QUICK, *alone, "-l", login, address), login)

    def argv(self, command: Sequence[str]) -> list[str]:
        """What to run here so that the command runs there."""
        return [*self.ssh, shlex.join(command)] if self.ssh else list(command)

    def run(self, command: Sequence[str], *, stdin: bytes = b"") -> bytes:
        """Run a command there to its end and return what it printed; raises OnshoreError when it fails."""
        done = subprocess.run(self.argv(command), input=stdin, capture_output=True, check=False)
        if done.returncode:
            raise self.failed(command[0], done.returncode, done.stderr)
        return done.stdout

    def failed(self, what: str, code: int, stderr: bytes) -> OnshoreError:
        """The fault of a command that failed there, in its own words."""
        said = [line for line in stderr.decode(errors="replace").strip().splitlines() if line.strip()]
        got = said[-1] if said else f"exit code {code}"
        fix, failed = "", True
        if code == LOST and self.ssh:
            what, fix = "the connection failed or was lost", "mend the connection; what was done is kept: run it again"
            if any(map(shows_another_key, said)):
                return OnshoreError(f"{self.name} cannot be used", [another_key(self.name, said[-1])], refused=True)
        elif code == _NOT_FOUND or (not self.ssh and f"'{what}'" in got):
            what, fix, failed = f"{what} is missing there", f"install {what.split('/')[-1]} on {self.name}", False
        elif "No space left on device" in stderr.decode(errors="replace"):
            what, fix = "the disk there is full", "make room and run it again; nothing was lost at the source"
        else:
            what = f"{what} failed"
        return OnshoreError(f"{self.name} cannot be used", [Fault(self.name, what, got, fix=fix)], failed=failed)

    @contextlib.contextmanager
    def socket(self, path: str) -> Iterator[str]:
        """A Unix socket there as one here, for as long as the context lasts; the folder that holds it."""
        if not self.ssh:
            yield path.rsplit("/", 1)[0]
            return
        with private_dir(PRIVATE) as folder, self._tunnel(path, folder / path.rsplit("/", 1)[1]):
            yield str(folder)

    @contextlib.contextmanager
    def _tunnel(self, path: str, local: Path) -> Iterator[None]:
        options = ["-N", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes", "-L", f"{local}:{path}"]
        tunnel = subprocess.Popen(
            bound([self.ssh[0], *options, *self.ssh[1:]]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            deadline = time.monotonic() + _TUNNEL_S
            while not local.exists() and tunnel.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            if not local.exists():
                tunnel.kill()
                tunnel.wait()
                raise self.failed("the tunnel", tunnel.returncode, tunnel.stderr.read() if tunnel.stderr else b"")
            yield
        finally:
            tunnel.terminate()
            tunnel.wait()
            if tunnel.stderr:
                tunnel.stderr.close()

    @contextlib.contextmanager
    def lent(self, socket: str, name: str) -> Iterator[tuple[str, Callable[[], None]]]:
        """A Unix socket here as one there, in a folder that only this login can enter, as long as the context lasts.

        Yields that folder, and what raises OnshoreError once the way is lost.
        """
        file = socket.rsplit("/", 1)[1]
        folder = self.run(["sh", "-c", _LENT_FOLDER, "sh", name, file]).decode().rstrip("\n")
        options = ["-o", "ExitOnForwardFailure=yes", "-R", f"{folder}/{file}:{socket}"]
        stays = shlex.join(["sh", "-c", _LENT, "sh", folder, file])
        tunnel = subprocess.Popen(
            bound([self.ssh[0], *options, *self.ssh[1:], stays]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        stdin, stdout, stderr = tunnel.stdin, tunnel.stdout, tunnel.stderr
        assert stdin is not None and stdout is not None and stderr is not None  # noqa: S101, PT018 - asked for above

        def check() -> None:
            if tunnel.poll() is not None:
                raise self.failed("the tunnel", LOST, stderr.read())

        try:
            if stdout.readline() != b"ready\n":
                tunnel.kill()
                tunnel.wait()
                check()
            yield folder, check
        finally:
            # who is connected through it keeps it open: wait for no more than that its socket is gone
            with contextlib.suppress(BrokenPipeError):
                stdin.close()
            stdout.readline()
            tunnel.terminate()
            tunnel.wait()
            stdout.close()
            stderr.close()
