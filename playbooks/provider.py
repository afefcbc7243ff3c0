"""The provider `onshore-ansible`: a playbook on hosts as a Pulumi resource, and the host key of a new machine.

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
from playbooks.host_keys import HostKeys, replaced
from playbooks.running import Stopping

if TYPE_CHECKING:
    from playbooks.applying import Log

PLAYBOOK: Final = "onshore-ansible:index:Playbook"
HOST_KEY: Final = "onshore-ansible:index:HostKey"


class AnsibleProvider(sdk.Provider):
    """Calls come from one event loop; what takes time runs in threads of their own."""

    def __init__(self, log: Log) -> None:
        self._stopping = Stopping()
        self._checker = Checker()
        self._applier = Applier(log, self._stopping)
        self._keys = HostKeys(log, self._stopping)

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:  # noqa: ARG002 - no settings
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True, accept_resources=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        if _is_host_key(request.type):
            faults = await asyncio.to_thread(self._keys.check, request.new_inputs)
            inputs = dict(request.new_inputs)
        else:
            inputs, faults = await asyncio.to_thread(self._checker.check, request.old_inputs, request.new_inputs)
        return sdk.CheckResponse(inputs, [sdk.CheckFailure(_property(fault), _reason(fault)) for fault in faults])

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        if _is_host_key(request.type):
            gone = replaced(request.old_state, request.new_inputs)
            kind = sdk.PropertyDiffKind.UPDATE_REPLACE
            details = {name: sdk.PropertyDiff(kind, input_diff=True) for name in gone}
            return sdk.DiffResponse(changes=bool(gone), replaces=gone, diffs=gone, detailed_diff=details)
        changed = sorted(differences(request.old_state, request.new_inputs))
        details = {
            name: sdk.PropertyDiff(sdk.PropertyDiffKind.UPDATE, input_diff=name not in RESULTS) for name in changed
        }
        return sdk.DiffResponse(changes=bool(changed), diffs=changed, detailed_diff=details)

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        id_ = "" if request.preview else f"{request.name}-{secrets.token_hex(4)}"
        if _is_host_key(request.type):
            call = Call(request.urn, id_, request.properties, request.timeout)
            told = self._keys.foresee if request.preview else self._keys.ask
            return sdk.CreateResponse(id_, await asyncio.to_thread(told, call))
        do = self._applier.foresee if request.preview else self._applier.apply
        call = Call(request.urn, id_, request.properties, request.timeout)
        return sdk.CreateResponse(id_, await asyncio.to_thread(do, call, {}))

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        if _is_host_key(request.type):
            return sdk.UpdateResponse({**request.olds, **request.news})
        do = self._applier.foresee if request.preview else self._applier.apply
        call = Call(request.urn, request.resource_id, request.news, request.timeout)
        return sdk.UpdateResponse(await asyncio.to_thread(do, call, request.olds))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        is_key = _is_host_key(request.type)
        if not request.properties:
            fix = "register it in the program, and run an up"
            raise OnshoreError("it cannot be imported", [Fault(request.urn, "nothing tells its inputs", fix=fix)])
        if is_key:  # a console tells a key on first boot only: what it told then is what the machine is known by
            return sdk.ReadResponse(request.resource_id, dict(request.properties), request.inputs)
        call = Call(request.urn, request.resource_id, inputs_of(request.properties))
        found = await asyncio.to_thread(self._applier.drifted, call, request.properties)
        return sdk.ReadResponse(request.resource_id, found, request.inputs)

    async def delete(self, request: sdk.DeleteRequest) -> None:
        if _is_host_key(request.type):
            return
        call = Call(request.urn, request.resource_id, inputs_of(request.properties), request.timeout)
        await asyncio.to_thread(self._applier.delete, call)

    async def cancel(self) -> None:
        self._stopping.ask("cancelled")

    def stop(self, grace_s: float) -> None:
        """The engine ends: end every run; what has not ended after `grace_s` is killed."""
        self._stopping.ask("the engine ended", grace_s)


def _is_host_key(qualified: str) -> bool:
    """Which of the two types it is; raises OnshoreError for any other."""
    # The SDK takes the type from the URN, where those of a component's parents stand before it.
    type_ = qualified.rpartition("$")[2]
    if type_ not in (PLAYBOOK, HOST_KEY):
        fix = f"use {PLAYBOOK} or {HOST_KEY}"
        raise OnshoreError("not this provider's", [Fault("type", "no such resource type", type_, fix=fix)])
    return type_ == HOST_KEY


def _property(fault: Fault) -> str:
    """The input a fault is about; one of a file is about no single input."""
    return fault.where if "." not in fault.where or fault.where.startswith("variables.") else ""


def _reason(fault: Fault) -> str:
    where = f"{fault.where}: " if fault.where and not _property(fault) else ""
    labelled = (("got", fault.got), ("why", fault.why), ("fix", fault.fix))
    return "; ".join([f"{where}{fault.what}", *(f"{label}: {text}" for label, text in labelled if text)])
