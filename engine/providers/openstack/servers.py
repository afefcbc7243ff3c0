"""Instances: made, waited for, changed in place, deleted."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from engine.provider import ProviderError
from engine.providers.openstack.calls import Call, Made
from engine.providers.openstack.cloud import ApiError
from engine.providers.openstack.collection import earlier, post
from engine.providers.openstack.creation import creation, flavor_id, hints, image_id
from engine.providers.openstack.kinds import INSTANCE, KINDS
from engine.providers.openstack.shapes import outputs_of
from engine.providers.openstack.wait import NotReadyError, Picture, until_gone, wait_for

if TYPE_CHECKING:
    from engine.providers.openstack.cloud import Cloud
    from engine.providers.openstack.shapes import Object
    from engine.values import PropertyMap

_KIND: Final = KINDS[INSTANCE]
_TIMEOUT_S: Final = 1800.0
_STOPPED: Final = ("SHUTOFF",)
_GONE: Final = ("DELETED", "SOFT_DELETED")
_POWER: Final = {
    "shutoff": ("os-stop", ("SHUTOFF",)),
    "paused": ("pause", ("PAUSED",)),
    "shelved_offloaded": ("shelve", ("SHELVED_OFFLOADED",)),
}


class Servers:
    """The handler of instances."""

    def create(self, call: Call) -> Made:
        """Make it and wait until it runs; one that fails is recorded with what the cloud says of it."""
        found = earlier(call, _KIND)
        obj = found if found is not None else _posted(call)
        id_ = str(obj["id"])
        try:
            live = _until(call, id_, ("ACTIVE",))
            wanted = str(call.inputs.get("powerState") or "active").lower()
            if wanted in _POWER and found is None:
                live = _power(call, id_, wanted, "active")
        except ProviderError as error:
            # whatever it was: the instance is there, and must be in the state
            live = error.live if isinstance(error, NotReadyError) and error.live else obj
            return Made(id_, _outputs(call, live), failure=error.message)
        return Made(id_, _outputs(call, live), taken_over=found is not None)

    def read(self, call: Call) -> Made | None:
        """As it is in the cloud."""
        obj = call.cloud.lists.read(_KIND, call.id)
        if obj is None or obj.get("status") in _GONE:
            return None
        return Made(call.id, _outputs(call, obj))

    def update(self, call: Call) -> Made:
        """Change in place what can be; each change is waited for."""
        live = call.cloud.get(_KIND, call.id)
        if live is None:
            raise ProviderError(f"the instance {call.id} is gone: refresh, and it is made again")
        if live.get("status") == "BUILD":
            _until(call, call.id, ("ACTIVE",))
        _change(call)
        call.cloud.lists.forget(_KIND, call.id)
        return Made(call.id, _outputs(call, call.cloud.get(_KIND, call.id) or live))

    def delete(self, call: Call) -> None:
        """Delete it and wait until it is gone."""
        cloud, path = call.cloud, f"/servers/{call.id}"
        given = call.olds
        try:
            if given.get("stopBeforeDestroy"):
                _act(call, call.id, "os-stop", None)
                _until(call, call.id, _STOPPED)
            if (given.get("vendorOptions") or {}).get("detachPortsBeforeDestroy"):
                for network in given.get("networks") or []:
                    if network.get("port"):
                        cloud.call("compute", "DELETE", f"{path}/os-interface/{network['port']}")
            if given.get("forceDelete"):
                _act(call, call.id, "forceDelete", None)
            else:
                cloud.call("compute", "DELETE", path)
        except ApiError as error:
            if error.code != 404:
                raise
        until_gone(
            cloud,
            call.resource.urn,
            f"the instance {call.resource.name}",
            lambda: cloud.get(_KIND, call.id),
            timeout_s=call.timeout_s(_TIMEOUT_S),
            gone=lambda live: live.get("status") in _GONE,
        )
        cloud.lists.forget(_KIND, call.id)


# ------------------------------------------------------------ creation


def _posted(call: Call) -> Object:
    body, microversion = creation(call)
    try:
        return post(call, _KIND, body, microversion, hints(call.inputs))
    except ApiError as error:
        if error.code != 400:
            raise
        # the cloud says that something is not there, and not always what
        asked = f"flavor {body['flavorRef']}, image {body.get('imageRef') or 'none'}"
        raise ApiError(error.code, f"{error.message}; asked for {asked}") from None


# ------------------------------------------------------------ waiting


def _until(call: Call, id_: str, wanted: tuple[str, ...]) -> Object:
    def judge(live: Object | None) -> Picture:
        if live is None:
            return Picture("is gone", failed=True)
        status = str(live.get("status"))
        if status in wanted and not live.get("OS-EXT-STS:task_state"):
            return Picture("is there", ready=True)
        if status == "ERROR":
            fault = (live.get("fault") or {}).get("message") or "the cloud gives no reason"
            return Picture(f"is in ERROR: {fault}", failed=True)
        task = live.get("OS-EXT-STS:task_state")
        return Picture(f"is {status} ({task})" if task else f"is {status}")

    return wait_for(
        call.cloud,
        call.resource.urn,
        f"the instance {call.resource.name} ({id_})",
        lambda: call.cloud.get(_KIND, id_),
        judge,
        timeout_s=call.timeout_s(_TIMEOUT_S),
    )


def _act(call: Call, id_: str, action: str, arguments: Any) -> None:
    call.cloud.call("compute", "POST", f"/servers/{id_}/action", {action: arguments}, microversion="2.26")


def _power(call: Call, id_: str, wanted: str, before: str) -> Object:
    if wanted in _POWER:
        action, states = _POWER[wanted]
    else:
        starting = {"paused": "unpause", "shelved": "unshelve", "shelved_offloaded": "unshelve"}
        action, states = starting.get(before, "os-start"), ("ACTIVE",)
    _act(call, id_, action, None)
    return _until(call, id_, states)


# ------------------------------------------------------------ changes


def _change(call: Call) -> None:
    changed, inputs, id_ = call.changed, call.inputs, call.id
    path = f"/servers/{id_}"
    if "name" in changed:
        call.cloud.call("compute", "PUT", path, {"server": {"name": inputs["name"]}})
    if "powerState" in changed:
        _power(call, id_, str(inputs["powerState"]).lower(), str(call.olds.get("powerState") or ""))
    if "metadata" in changed:
        _set_metadata(call, path)
    if "securityGroups" in changed:
        _set_groups(call)
    if "adminPass" in changed:
        _act(call, id_, "changePassword", {"adminPass": inputs.get("adminPass")})
    if changed & {"flavorId", "flavorName"}:
        _resize(call)
    if changed & {"imageId", "imageName", "personalities"}:
        _act(call, id_, "rebuild", {"imageRef": image_id(call.cloud, inputs) or call.olds.get("imageId")})
        _until(call, id_, ("ACTIVE", "SHUTOFF"))
    if "tags" in changed:
        old = set(call.olds.get("tags") or [])
        others = [tag for tag in call.olds.get("allTags") or [] if tag not in old]
        tags = sorted({*others, *(inputs.get("tags") or [])})
        call.cloud.call("compute", "PUT", f"{path}/tags", {"tags": tags}, microversion="2.26")


def _set_metadata(call: Call, path: str) -> None:
    wanted = call.inputs.get("metadata") or {}
    for key in (call.olds.get("metadata") or {}).keys() - wanted.keys():
        try:
            call.cloud.call("compute", "DELETE", f"{path}/metadata/{key}")
        except ApiError as error:
            if error.code != 404:
                raise
    if wanted:
        call.cloud.call("compute", "POST", f"{path}/metadata", {"metadata": wanted})


def _set_groups(call: Call) -> None:
    old, new = set(call.olds.get("securityGroups") or []), set(call.inputs.get("securityGroups") or [])
    for name in sorted(old - new):
        try:
            _act(call, call.id, "removeSecurityGroup", {"name": name})
        except ApiError as error:
            if error.code != 404:
                raise
    for name in sorted(new - old):
        _act(call, call.id, "addSecurityGroup", {"name": name})


def _resize(call: Call) -> None:
    inputs = call.inputs if "flavorId" in call.changed else {**call.inputs, "flavorId": ""}
    _act(call, call.id, "resize", {"flavorRef": flavor_id(call.cloud, inputs)})
    if (call.inputs.get("vendorOptions") or {}).get("ignoreResizeConfirmation"):
        _until(call, call.id, ("ACTIVE", "SHUTOFF"))
        return
    _until(call, call.id, ("VERIFY_RESIZE",))
    _act(call, call.id, "confirmResize", None)
    _until(call, call.id, ("ACTIVE", "SHUTOFF"))


# ------------------------------------------------------------ outputs


def _outputs(call: Call, obj: Object) -> dict[str, Any]:
    kept = {**call.olds, **call.inputs}
    outputs = outputs_of(call.facts, _KIND, obj, kept, call.region)
    networks = _networks(obj, kept.get("networks") or []) if kept else _interfaces(call, str(obj["id"]))
    v4 = next((each["fixedIpV4"] for each in networks if each.get("fixedIpV4")), "")
    v6 = next((each["fixedIpV6"] for each in networks if each.get("fixedIpV6")), "")
    names: dict[str, Any] = {}
    with contextlib.suppress(ProviderError):  # names are beside the point where the cloud no longer answers
        names = _names(call.cloud, outputs, obj)
    return {**outputs, **names, "networks": networks, "accessIpV4": v4, "accessIpV6": f"[{v6}]" if v6 else ""}


def _names(cloud: Cloud, outputs: PropertyMap, obj: Object) -> PropertyMap:
    """The names of the flavor and the image; each is asked once for a run."""
    names: PropertyMap = {}
    if flavor := outputs.get("flavorId"):
        names["flavorName"] = cloud.detail("compute", f"/flavors/{flavor}", "flavor").get("name") or ""
    image = obj.get("image")
    if isinstance(image, dict) and image.get("id"):
        names["imageName"] = cloud.detail("image", f"/images/{image['id']}", "").get("name") or "Image not found"
    return names


def _networks(obj: Object, asked: list[PropertyMap]) -> list[PropertyMap]:
    """What was asked for, in its order, with the addresses that came of it."""
    told: dict[str, PropertyMap] = {}
    for name, addresses in (obj.get("addresses") or {}).items():
        for each in addresses:
            if each.get("OS-EXT-IPS:type", "fixed") == "fixed":
                mac = each.get("OS-EXT-IPS-MAC:mac_addr") or name
                entry = told.setdefault(mac, {"name": name, "mac": mac})
                entry.setdefault(f"fixedIpV{each.get('version', 4)}", each["addr"])
    rest = list(told.values())
    networks = []
    for one in asked:
        twin = next((each for each in rest if _is_of(one, each)), rest[0] if rest else None)
        if twin is not None:
            rest.remove(twin)
        networks.append({**(twin or {}), **{key: value for key, value in one.items() if value not in (None, "")}})
    return networks if asked else rest


def _interfaces(call: Call, id_: str) -> list[PropertyMap]:
    """The networks of an instance that is imported, by their own ids."""
    answer = call.cloud.call("compute", "GET", f"/servers/{id_}/os-interface").document
    networks = []
    for each in answer["interfaceAttachments"]:
        network = call.cloud.detail("network", f"/networks/{each['net_id']}", "network")
        entry = {"uuid": each["net_id"], "port": each["port_id"], "mac": each["mac_addr"], "name": network.get("name")}
        for fixed in each.get("fixed_ips") or []:
            entry.setdefault("fixedIpV6" if ":" in fixed["ip_address"] else "fixedIpV4", fixed["ip_address"])
        networks.append(entry)
    return networks


def _is_of(asked: PropertyMap, told: PropertyMap) -> bool:
    keys = [key for key in ("mac", "fixedIpV4", "fixedIpV6", "name") if asked.get(key)]
    return bool(keys) and all(asked[key] == told.get(key) for key in keys)
