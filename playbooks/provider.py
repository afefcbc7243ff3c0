"""The provider `onshore-ansible`: a playbook on hosts of the register as a Pulumi resource.

Checked against the law and the playbook's own text before anything happens; compared by digest; run through
ansible-runner. A host that fails leaves the resource there with its reasons, and the next update runs again.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from pulumi.provider.experimental import provider as sdk

from inventories.faults import Fault, OnshoreError
from playbooks.applying import Applier, Call
from playbooks.checking import Checker
from playbooks.comparing import RESULTS, differences, inputs_of
from playbooks.running import Stopping

if TYPE_CHECKING:
    from playbooks.applying import Log

TYPE: Final = "onshore-ansible:index:Playbook"


class AnsibleProvider(sdk.Provider):
    """Calls come from one event loop; what takes time runs in threads of their own."""

    def __init__(self, log: Log) -> None:
        self._stopping = Stopping()
        self._checker = Checker()
        self._applier = Applier(log, self._stopping)

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:  # noqa: ARG002 - no settings
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True, accept_resources=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        _check_type(request.type)
        inputs, faults = await asyncio.to_thread(self._checker.check, request.old_inputs, request.new_inputs)
        return sdk.CheckResponse(inputs, [sdk.CheckFailure(_property(fault), _reason(fault)) for fault in faults])

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        _check_type(request.type)
        changed = sorted(differences(request.old_state, request.new_inputs))
        details = {
            name: sdk.PropertyDiff(sdk.PropertyDiffKind.UPDATE, input_diff=name not in RESULTS) for name in changed
        }
        return sdk.DiffResponse(changes=bool(changed), diffs=changed, detailed_diff=details)

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        _check_type(request.type)
        id_ = "" if request.preview else f"{request.name}-{secrets.token_hex(4)}"
        do = self._applier.foresee if request.preview else self._applier.apply
        call = Call(request.urn, id_, request.properties, request.timeout)
        return sdk.CreateResponse(id_, await asyncio.to_thread(do, call, {}))

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        _check_type(request.type)
        do = self._applier.foresee if request.preview else self._applier.apply
        call = Call(request.urn, request.resource_id, request.news, request.timeout)
        return sdk.UpdateResponse(await asyncio.to_thread(do, call, request.olds))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        _check_type(request.type)
        if not request.properties:
            fix = "register it in the program, and let an up run the playbook"
            raise OnshoreError("a run cannot be imported", [Fault(request.urn, "nothing tells its inputs", fix=fix)])
        call = Call(request.urn, request.resource_id, inputs_of(request.properties))
        found = await asyncio.to_thread(self._applier.drifted, call, request.properties)
        return sdk.ReadResponse(request.resource_id, found, request.inputs)

    async def delete(self, request: sdk.DeleteRequest) -> None:
        _check_type(request.type)
        call = Call(request.urn, request.resource_id, inputs_of(request.properties), request.timeout)
        await asyncio.to_thread(self._applier.delete, call)

    async def cancel(self) -> None:
        self._stopping.ask("cancelled")

    def stop(self, grace_s: float) -> None:
        """The engine ends: end every run; what has not ended after `grace_s` is killed."""
        self._stopping.ask("the engine ended", grace_s)


def _check_type(qualified: str) -> None:
    # The SDK takes the type from the URN, where those of a component's parents stand before it.
    type_ = qualified.rpartition("$")[2]
    if type_ != TYPE:
        raise OnshoreError("not this provider's", [Fault("type", "no such resource type", type_, fix=f"use {TYPE}")])


def _property(fault: Fault) -> str:
    """The input a fault is about; one of a file is about no single input."""
    return fault.where if "." not in fault.where or fault.where.startswith("variables.") else ""


def _reason(fault: Fault) -> str:
    where = f"{fault.where}: " if fault.where and not _property(fault) else ""
    labelled = (("got", fault.got), ("why", fault.why), ("fix", fault.fix))
    return "; ".join([f"{where}{fault.what}", *(f"{label}: {text}" for label, text in labelled if text)])
