"""What a new instance is asked for with: the body of its creation, flavors and images by name."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from engine.provider import ProviderError
from engine.providers.openstack.plain import snake

if TYPE_CHECKING:
    from engine.providers.openstack.calls import Call
    from engine.providers.openstack.cloud import Cloud
    from engine.providers.openstack.shapes import Object
    from engine.values import PropertyMap

# what a creation needs, beside which it asks for an older interface, in which more is optional
_TAGS, _NETWORK_MODE, _VOLUME_TYPE, _MULTIATTACH, _HOST = 52, 37, 67, 60, 74
_HINTS: Final = {
    "differentHosts": "different_host",
    "sameHosts": "same_host",
    "queries": "query",
    "differentCells": "different_cell",
}


def creation(call: Call) -> tuple[Object, str]:
    """The body of a creation and the interface it needs."""
    inputs = call.inputs
    minor = 26
    server: Object = {"name": inputs["name"], "flavorRef": flavor_id(call.cloud, inputs)}
    devices = [_device(each) for each in inputs.get("blockDevices") or []]
    image = image_id(call.cloud, inputs)
    if devices:
        server["block_device_mapping_v2"] = devices
        minor = max(minor, _VOLUME_TYPE if any("volume_type" in each for each in devices) else minor)
        minor = max(minor, _MULTIATTACH if any(each.get("multiattach") for each in devices) else minor)
    if image and not any(each.get("boot_index") == 0 and each["source_type"] != "image" for each in devices):
        server["imageRef"] = image
    if inputs.get("networkMode"):
        server["networks"], minor = inputs["networkMode"], max(minor, _NETWORK_MODE)
    elif inputs.get("networks"):
        server["networks"] = [_network(call.cloud, each) for each in inputs["networks"]]
    if inputs.get("tags"):
        server["tags"], minor = inputs["tags"], max(minor, _TAGS)
    if inputs.get("hypervisorHostname"):
        server["hypervisor_hostname"], minor = inputs["hypervisorHostname"], max(minor, _HOST)
    if minor >= _NETWORK_MODE and "networks" not in server:
        server["networks"] = "auto"
    server |= _plain_parts(inputs)
    return server, f"2.{minor}"


def _plain_parts(inputs: PropertyMap) -> Object:
    """What is sent as it is asked for."""
    zone = inputs.get("availabilityZone") or inputs.get("availabilityZoneHints")
    parts: Object = {
        "availability_zone": zone,
        "metadata": inputs.get("metadata"),
        "config_drive": inputs.get("configDrive"),
        "adminPass": inputs.get("adminPass"),
        "key_name": inputs.get("keyPair"),
        "security_groups": [{"name": name} for name in inputs.get("securityGroups") or []],
        "user_data": _encoded(inputs.get("userData") or ""),
        "personality": [
            {"path": each["file"], "contents": _encoded(each["content"])} for each in inputs.get("personalities") or []
        ],
    }
    return {key: value for key, value in parts.items() if value not in (None, "", [])}


def _encoded(text: str) -> str:
    """In base64, as the API wants it; what is in base64 already stays."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return base64.b64encode(text.encode()).decode()
    return text


def _device(given: PropertyMap) -> Object:
    device = {snake(key): value for key, value in given.items() if value not in (None, "")}
    device.setdefault("boot_index", 0)  # as the real provider sends it
    if not device.pop("multiattach", False):
        return device
    return device | {"multiattach": True}


def _network(cloud: Cloud, given: PropertyMap) -> Object:
    if given.get("port"):
        return {"port": given["port"]}
    network = {"uuid": given.get("uuid") or _named(cloud, "network", "/networks", "networks", given.get("name"))}
    fixed = given.get("fixedIpV4") or given.get("fixedIpV6")
    return network | ({"fixed_ip": fixed} if fixed else {})


def _named(cloud: Cloud, service: Any, path: str, key: str, name: Any) -> str:
    """The id of the one object with a name."""
    items = [
        each for each in cloud.call(service, "GET", path, query={"name": name}).document[key] if each["name"] == name
    ]
    if len(items) != 1:
        raise ProviderError(f"{len(items) or 'no'} {key} have the name {name!r}: give the id")
    return str(items[0]["id"])


def flavor_id(cloud: Cloud, inputs: PropertyMap) -> str:
    """The flavor by id, or by name."""
    if inputs.get("flavorId"):
        return str(inputs["flavorId"])
    return _named(cloud, "compute", "/flavors", "flavors", inputs.get("flavorName"))


def image_id(cloud: Cloud, inputs: PropertyMap) -> str:
    """The image by id, or by name; "" where none is asked for."""
    if inputs.get("imageId"):
        return str(inputs["imageId"])
    return _named(cloud, "image", "/images", "images", inputs["imageName"]) if inputs.get("imageName") else ""


def hints(inputs: PropertyMap) -> Object:
    """The scheduler's hints."""
    said: Object = {}
    for given in inputs.get("schedulerHints") or []:
        for key, value in given.items():
            if key == "additionalProperties":
                said |= value
            elif value:
                said[_HINTS.get(key) or snake(key)] = value
    return {"os:scheduler_hints": said} if said else {}
