"""An Ansible playbook, or a role, on hosts of the register: the program's side of the provider `onshore-ansible`.

Machines that the same program makes in a region are hosts too, once the region's console has told their host keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components.governance import Law
from components.host_law import host_faults
from inventories.faults import OnshoreError
from inventories.hosts import Machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.clouds_yaml import CloudLogin


PACKAGE: Final = "onshore-ansible"


class AnsibleAccess(pulumi.ProviderResource):
    """The provider that runs playbooks; it has no settings of its own, so one serves a whole program.

    As whom and with which key it logs in is the platform's: `ssh_user` and `ssh_key` in onshore.yaml.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(PACKAGE, name, {}, opts)


class HostKey(pulumi.CustomResource):
    """The SSH host key of a new machine, as its console tells it on first boot; `provider` is an `AnsibleAccess`.

    The console is asked by the region's API, under the authority that the register pins: nobody on the way to the
    machine can put another key in its place. It is asked once, for consoles forget.
    """

    key: pulumi.Output[str]
    """As in known_hosts, without an address: `ssh-ed25519 AAAA…`."""

    def __init__(
        self,
        name: str,
        *,
        department: str,
        category: str,
        region: str,
        instance_id: pulumi.Input[str],
        login: CloudLogin,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        credentials = {
            "authority": login.authority,
            "applicationCredentialId": login.application_credential_id,
            "applicationCredentialSecret": login.application_credential_secret,
            "user": login.user,
            "password": login.password,
            "userDomain": login.user_domain,
        }
        inputs = {
            "department": department,
            "category": category,
            "region": region,
            "instanceId": instance_id,
            "login": pulumi.Output.secret(credentials),
            "key": None,
        }
        super().__init__(f"{PACKAGE}:index:HostKey", name, inputs, opts)


@dataclass(frozen=True, slots=True)
class RegionMachine:
    """A machine that this program makes in a region, by its name there; `region` and `zone` are the register's."""

    id: str
    region: str
    zone: str
    address: pulumi.Output[str]
    host_key: pulumi.Output[str]

    @property
    def inputs(self) -> dict[str, pulumi.Input[str]]:
        """As a run is given it."""
        law: dict[str, pulumi.Input[str]] = {"id": self.id, "region": self.region, "zone": self.zone}
        return {**law, "address": self.address, "hostKey": self.host_key}


class AnsibleRun(pulumi.CustomResource):
    """A playbook or a role, run on hosts of the register; `provider` is an `AnsibleAccess`.

    `hosts` are register ids, `machines` those that a `VirtualMachine` of the same program makes, hosts by their names.
    All but `variables` is plain: it carries the law. Paths count from the folder of onshore.yaml. `variables` that are
    secrets (marked, or called like one) stay so in state, and appear in no message. `teardown` is a playbook beside the
    first that undoes it; without one, deleting is refused unless `forget`.

    Raises OnshoreError (`refused`) with everything the register has against the hosts, before anything is registered.
    """

    results: pulumi.Output[Mapping[str, Any]]
    """How many tasks ended how, by host."""
    drift: pulumi.Output[Sequence[str]]
    """What the last refresh found changed on hosts since."""

    def __init__(
        self,
        name: str,
        *,
        department: str,
        category: str,
        hosts: Sequence[str] = (),
        machines: Sequence[RegionMachine] = (),
        playbook: str | None = None,
        role: str | None = None,
        variables: pulumi.Input[Mapping[str, Any]] | None = None,
        groups: Mapping[str, Sequence[str]] | None = None,
        tags: Sequence[str] = (),
        teardown: str | None = None,
        forget: bool = False,
        timeout_s: float | None = None,
        opts: pulumi.ResourceOptions | None = None,
        law: Law | None = None,
    ) -> None:
        made = [Machine(id=one.id, region=one.region, zone=one.zone) for one in machines]
        if faults := list(host_faults(hosts, department, category, law or Law.load(), made)):
            raise OnshoreError(f"{name} cannot be run on these hosts", faults, refused=True)
        inputs = {
            "department": department,
            "category": category,
            "hosts": list(hosts),
            "machines": [one.inputs for one in machines] or None,
            "playbook": playbook,
            "role": role,
            "variables": variables,
            "groups": groups,
            "tags": list(tags),
            "teardown": teardown,
            "forget": forget,
            "timeoutS": timeout_s,
            "results": None,
            "drift": None,
        }
        super().__init__(f"{PACKAGE}:index:Playbook", name, inputs, opts)
