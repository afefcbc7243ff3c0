"""Key pairs of sandbox hosts, and of who logs in to them: made once, by OpenSSH itself."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from sandbox._host_needs import program
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox._host_layout import HostsLayout


def ensure_key(path: Path, comment: str) -> None:
    """A key pair, whole: a run that was killed between the two files makes the pair anew. Raises SandboxError."""
    public = path.with_name(f"{path.name}.pub")
    if path.exists() and public.exists():
        return
    path.unlink(missing_ok=True)
    public.unlink(missing_ok=True)
    command = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SandboxError(f"No key can be made at {path}: {done.stderr.strip() or done.stdout.strip()}.", "Try again.")


def public_key(layout: HostsLayout, host: str) -> str:
    """The public key that a host shows, as `ssh-ed25519 AAAA…`. Raises SandboxError."""
    path = layout.key(host)
    try:
        kind, key = path.with_name(f"{path.name}.pub").read_text(encoding="utf-8").split()[:2]
    except (OSError, ValueError) as error:
        raise SandboxError(f"The key of sandbox host {host} cannot be read ({error}).", start_anew(layout)) from error
    return f"{kind} {key}"


def start_anew(layout: HostsLayout) -> str:
    """What to type where the files of sandbox hosts are of no use any more."""
    return f"To start anew: `onshore hosts down --name {layout.directory.name}`, and bring them up again."
