"""An Ansible playbook, or a role, on hosts of the register: the program's side of the provider `onshore-ansible`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pulumi

from components.governance import Law
from components.host_law import host_faults
from inventories.faults import OnshoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


PACKAGE: Final = "onshore-ansible"


class AnsibleAccess(pulumi.ProviderResource):
    """The provider that runs playbooks; it has no settings of its own, so one serves a whole program.

    As whom and with which key it logs in is the platform's: `ssh_user` and `ssh_key` in onshore.yaml.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(PACKAGE, name, {}, opts)


class AnsibleRun(pulumi.CustomResource):
    """A playbook or a role, run on hosts of the register; `provider` is an `AnsibleAccess`.

    `hosts` are register ids, and with all else but `variables` plain values: they carry the law. Paths count from the
    folder of onshore.yaml. `variables` that are secrets (marked, or called like one) stay so in state, and appear in no
    message. `teardown` is a playbook beside the first that undoes it; without one, deleting is refused unless `forget`.

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
        hosts: Sequence[str],
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
        if faults := list(host_faults(hosts, department, category, law or Law.load())):
            raise OnshoreError(f"{name} cannot be run on these hosts", faults, refused=True)
        inputs = {
            "department": department,
            "category": category,
            "hosts": list(hosts),
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
