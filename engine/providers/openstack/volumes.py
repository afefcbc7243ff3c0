"""Volumes: made, grown, retyped, deleted."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from engine.provider import ProviderError
from engine.providers.openstack.calls import Call, Made
from engine.providers.openstack.cloud import ApiError
from engine.providers.openstack.collection import earlier, post
from engine.providers.openstack.kinds import KINDS, VOLUME
from engine.providers.openstack.marks import KEY
from engine.providers.openstack.plain import snake
from engine.providers.openstack.shapes import body_of, outputs_of
from engine.providers.openstack.wait import NotReadyError, Picture, until_gone, wait_for

if TYPE_CHECKING:
    from engine.providers.openstack.shapes import Object

_KIND: Final = KINDS[VOLUME]
_TIMEOUT_S: Final = 600.0
_USABLE: Final = ("available", "in-use")
_GROWS_IN_USE: Final = "3.42"
_FROM_BACKUP: Final = "3.47"
_MESSAGES: Final = "3.3"
_HINTS: Final = {"differentHosts": "different_host", "sameHosts": "same_host"}


class Volumes:
    """The handler of volumes."""

    def create(self, call: Call) -> Made:
        """Make it and wait until it can be used; one that fails holds nothing, and is deleted at once."""
        obj = found = earlier(call, _KIND)
        if obj is None:
            body = body_of(call.facts, _KIND, call.inputs)
            version = _FROM_BACKUP if call.inputs.get("backupId") else ""
            obj = post(call, _KIND, body, version, _hints(call))
        id_ = str(obj["id"])
        try:
            live = _until(call, id_)
        except ProviderError as error:
            live = error.live if isinstance(error, NotReadyError) and error.live else obj
            if str(live.get("status") or "").startswith("error"):
                raise self._cleared(call, id_, error) from None
            return Made(id_, _outputs(call, live), failure=error.message)
        return Made(id_, _outputs(call, live), taken_over=found is not None)

    def _cleared(self, call: Call, id_: str, error: ProviderError) -> ProviderError:
        why = _reason(call, id_)
        said = f"{error.message}: {why}" if why else error.message
        try:
            call.cloud.call("block_storage", "DELETE", f"/volumes/{id_}")
        except ProviderError as refused:
            return ProviderError(f"{said}. It could not be deleted: {refused.message}. Delete the volume {id_}")
        return ProviderError(f"{said}. It was deleted again")

    def read(self, call: Call) -> Made | None:
        """As it is in the cloud."""
        obj = call.cloud.lists.read(_KIND, call.id)
        return None if obj is None else Made(call.id, _outputs(call, obj))

    def update(self, call: Call) -> Made:
        """Grow and retype it, then its name and what describes it."""
        cloud, path = call.cloud, f"/volumes/{call.id}"
        live = _until(call, call.id)
        if "size" in call.changed:
            in_use = live.get("status") == "in-use"
            if in_use and not call.inputs.get("enableOnlineResize"):
                raise ProviderError(
                    f"the volume {call.id} is attached: set enableOnlineResize to grow it in use, or detach it"
                )
            version = _GROWS_IN_USE if in_use else ""
            grow = {"os-extend": {"new_size": call.inputs["size"]}}
            cloud.call("block_storage", "POST", f"{path}/action", grow, microversion=version)
            _until(call, call.id)
        if "volumeType" in call.changed:
            policy = call.inputs.get("volumeRetypePolicy") or "never"
            retype = {"os-retype": {"new_type": call.inputs.get("volumeType"), "migration_policy": policy}}
            cloud.call("block_storage", "POST", f"{path}/action", retype)
            _until(call, call.id)
        described: Object = {key: call.inputs.get(key) or "" for key in ("name", "description") if key in call.changed}
        if "metadata" in call.changed:
            kept = {KEY: mark} if (mark := (live.get("metadata") or {}).get(KEY)) else {}
            described["metadata"] = {**(call.inputs.get("metadata") or {}), **kept}
        if described:
            cloud.call("block_storage", "PUT", path, {"volume": described})
        cloud.lists.forget(_KIND, call.id)
        return Made(call.id, _outputs(call, cloud.get(_KIND, call.id) or live))

    def delete(self, call: Call) -> None:
        """Detach it from whatever still has it, delete it, wait until it is gone."""
        cloud, urn, what = call.cloud, call.resource.urn, f"the volume {call.resource.name}"
        live = cloud.get(_KIND, call.id)
        if live is None:
            return
        for each in live.get("attachments") or []:
            with contextlib.suppress(ApiError):  # gone already, or on its way
                cloud.call("compute", "DELETE", f"/servers/{each['server_id']}/os-volume_attachments/{call.id}")
        if live.get("attachments"):
            until_gone(cloud, urn, what, lambda: _attached(call), timeout_s=call.timeout_s(_TIMEOUT_S))
        try:
            cloud.call("block_storage", "DELETE", f"/volumes/{call.id}")
        except ApiError as error:
            if error.code != 404:
                raise
        until_gone(cloud, urn, what, lambda: cloud.get(_KIND, call.id), timeout_s=call.timeout_s(_TIMEOUT_S))
        cloud.lists.forget(_KIND, call.id)


def _attached(call: Call) -> Object | None:
    live = call.cloud.get(_KIND, call.id)
    return live if live and live.get("status") in ("in-use", "attaching", "detaching") else None


def _until(call: Call, id_: str) -> Object:
    def judge(live: Object | None) -> Picture:
        status = str((live or {}).get("status") or "gone")
        failed = status == "gone" or status.startswith("error")
        return Picture(f"is {status}", ready=status in _USABLE, failed=failed)

    return wait_for(
        call.cloud,
        call.resource.urn,
        f"the volume {call.resource.name} ({id_})",
        lambda: call.cloud.get(_KIND, id_),
        judge,
        timeout_s=call.timeout_s(_TIMEOUT_S),
    )


def _reason(call: Call, id_: str) -> str:
    """What the cloud tells its users of a volume that failed, "" where it tells nothing."""
    with contextlib.suppress(ProviderError):
        query = {"resource_uuid": id_}
        answer = call.cloud.call("block_storage", "GET", "/messages", query=query, microversion=_MESSAGES)
        return "; ".join(str(each.get("user_message")) for each in answer.document.get("messages") or ())
    return ""


def _hints(call: Call) -> Object:
    hints: Object = {}
    for given in call.inputs.get("schedulerHints") or []:
        for key, value in given.items():
            if key == "additionalProperties":
                hints |= value
            elif value:
                hints[_HINTS.get(key) or snake(key)] = value
    return {"OS-SCH-HNT:scheduler_hints": hints} if hints else {}


def _outputs(call: Call, obj: Object) -> dict[str, Any]:
    return outputs_of(call.facts, _KIND, obj, {**call.olds, **call.inputs}, call.region)
