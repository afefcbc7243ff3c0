"""What decides in a project, read anew for each call: the law of the day, and how hosts are logged in to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from components.governance import Law
from inventories.faults import Fault, OnshoreError
from inventories.hosts import as_host, home_of
from inventories.settings import Settings
from playbooks.running import Login

if TYPE_CHECKING:
    from inventories.models import Host
    from playbooks.inputs import RunInputs

_OF_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of the project in `root`."""

    law: Law
    root: Path
    login: Login

    @classmethod
    def load(cls) -> Facts:
        """The facts of the project around the current folder; raises OnshoreError."""
        settings = Settings.load(Path.cwd())
        return cls(Law.load(settings), settings.root, Login(settings.ssh_user, settings.ssh_key))

    def hosts(self, inputs: RunInputs) -> list[Host]:
        """The hosts of a run; raises OnshoreError (`refused`) for those that the register does not have (any more)."""
        register = self.law.register
        found = {name: known[1] if (known := register.host(name)) else None for name in inputs.hosts}
        for one in inputs.machines:
            is_known = one.is_there and home_of(one, register) is not None
            found[one.id] = as_host(one, register, inputs.department, inputs.category) if is_known else None
        why, fix = "only hosts of the register can be reached (HST-001)", "set `forget` if it is gone for good"
        if gone := [name for name, host in found.items() if host is None]:
            faults = [Fault(name, "the register has no such host", "", why, fix) for name in gone]
            raise OnshoreError("nothing was run", faults, refused=True)
        return [host for host in found.values() if host]

    def login_faults(self) -> list[Fault]:
        """What is wrong with the private key."""
        key = self.login.key
        try:
            mode = key.stat().st_mode
        except OSError:
            fix = "set `ssh_key` in onshore.yaml, or ONSHORE_SSH_KEY"
            return [Fault("", "there is no SSH key to log in to hosts with", str(key), fix=fix)]
        if mode & _OF_OTHERS:
            return [Fault("", "others can read the SSH key", str(key), fix=f"chmod 600 {key}")]
        return []
