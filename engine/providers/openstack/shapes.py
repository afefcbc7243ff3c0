"""Between properties and the API's objects: bodies of requests, recorded outputs. Pure.

What a type needs beyond its table (`kinds.py`) stands in two functions of its own: one that adds to a body, one that
adds to the outputs.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from engine.providers.openstack.kinds import (
    FLOATING_IP,
    INSTANCE,
    NETWORK,
    PORT,
    ROUTER,
    SUBNET,
    VOLUME,
)
from engine.providers.openstack.marks import without_mark
from engine.providers.openstack.plain import snake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine.providers.openstack.kinds import Kind
    from engine.providers.openstack.types import Property, TypeFacts
    from engine.values import PropertyMap

Object = dict[str, Any]

FAILED: Final = "error"  # an instance's power state
FROM_VOLUME: Final = "Attempt to boot from volume - no image supplied"  # the real provider's own words, in states
_ZERO: Final = {"string": "", "integer": 0, "boolean": False, "map": {}, "object": None}


def recorded(token: str, name: str, wanted: Any, before: Any) -> Any:
    """A recorded output as it compares with an input: what stands for the same value is the same value."""
    if token == INSTANCE and name == "userData" and isinstance(wanted, str) and before == digest(wanted):
        return wanted
    same_text = isinstance(wanted, str) and isinstance(before, str) and wanted.lower() == before.lower()
    return wanted if same_text and name in ("powerState", "networkMode", "protocol") else before


def digest(user_data: str) -> str:
    """How user data is recorded: it may be long, and hold what should not be kept."""
    return hashlib.sha1(user_data.encode(), usedforsecurity=False).hexdigest()


# ------------------------------------------------------------ to the API


def body_of(facts: TypeFacts, kind: Kind, inputs: PropertyMap, only: Iterable[str] | None = None) -> Object:
    """The API's fields for plain inputs. `only`: the changed ones; those that are no longer given become empty."""
    names = list(facts.inputs) if only is None else [name for name in facts.inputs if name in set(only)]
    body: Object = {}
    for name in names:
        if name in kind.unsent:
            continue
        value = inputs.get(name)
        if value is None and only is None:
            continue
        prop = facts.inputs[name]
        body[_field(kind, name)] = _emptied(name, prop) if value is None else _sent(kind, name, prop, value)
    if more := _MORE_BODY.get(facts.token):
        body |= more(inputs, None if only is None else frozenset(only))
    if only is None:
        body |= inputs.get("valueSpecs") or {}
    return body


def _field(kind: Kind, name: str) -> str:
    return kind.fields.get(name) or snake(name)


def _emptied(name: str, prop: Property) -> Any:
    if prop.many:
        return []
    return None if name.endswith("Id") else _ZERO[prop.type]


def _sent(kind: Kind, name: str, prop: Property, value: Any) -> Any:
    if prop.type != "object" or not isinstance(value, list):
        return value
    return [
        {kind.nested.get(name, {}).get(key) or snake(key): item for key, item in each.items() if item not in ("", None)}
        for each in value
    ]


def _subnet_body(inputs: PropertyMap, changed: frozenset[str] | None) -> Object:
    if inputs.get("noGateway") and (changed is None or changed & {"noGateway", "gatewayIp"}):
        return {"gateway_ip": None}
    if changed is not None and "gatewayIp" in changed and not inputs.get("gatewayIp"):
        return {"gateway_ip": None}
    return {}


_GATEWAY: Final = frozenset({"externalNetworkId", "enableSnat", "externalFixedIps", "externalQosPolicyId"})


def _router_body(inputs: PropertyMap, changed: frozenset[str] | None) -> Object:
    network = inputs.get("externalNetworkId")
    if changed is not None and not changed & _GATEWAY:
        return {}
    if not network:
        return {} if changed is None else {"external_gateway_info": {}}
    if changed is None and (inputs.get("vendorOptions") or {}).get("setRouterGatewayAfterCreate"):
        return {}
    return {"external_gateway_info": gateway_of(inputs)}


def gateway_of(inputs: PropertyMap) -> Object:
    """A router's gateway as the API takes it."""
    gateway: Object = {"network_id": inputs.get("externalNetworkId")}
    if inputs.get("enableSnat") is not None:
        gateway["enable_snat"] = inputs["enableSnat"]
    if inputs.get("externalQosPolicyId"):
        gateway["qos_policy_id"] = inputs["externalQosPolicyId"]
    fixed = [{snake(k): v for k, v in each.items() if v} for each in inputs.get("externalFixedIps") or []]
    if fixed:
        gateway["external_fixed_ips"] = fixed
    return gateway


def _port_body(inputs: PropertyMap, changed: frozenset[str] | None) -> Object:
    body: Object = {}
    if inputs.get("noFixedIp") and (changed is None or "noFixedIp" in changed):
        body["fixed_ips"] = []
    if inputs.get("noSecurityGroups") and (changed is None or changed & {"noSecurityGroups", "securityGroupIds"}):
        body["security_groups"] = []
    binding = inputs.get("binding")
    if binding and (changed is None or any(each.startswith("binding") for each in changed)):
        body |= {f"binding:{snake(key)}": binding[key] for key in ("hostId", "vnicType") if binding.get(key)}
        if binding.get("profile"):
            body["binding:profile"] = json.loads(binding["profile"])
    return body


_MORE_BODY: Final[Mapping[str, Callable[[PropertyMap, frozenset[str] | None], Object]]] = {
    SUBNET: _subnet_body,
    ROUTER: _router_body,
    PORT: _port_body,
}

# ------------------------------------------------------------ from the API


def outputs_of(facts: TypeFacts, kind: Kind, obj: Object, kept: PropertyMap, region: str) -> PropertyMap:
    """The recorded outputs of an API object; `kept`: what was asked for, or recorded before, in plain values."""
    outputs: PropertyMap = {"region": region}
    for name, prop in (*facts.inputs.items(), *facts.outputs.items()):
        field = _field(kind, name)
        if name in kind.unread or field not in obj:
            if name in kept and name not in outputs:
                outputs[name] = kept[name]
        else:
            outputs[name] = _told(kind, name, prop, obj[field])
    if "tags" in facts.inputs and "tags" in obj:
        live = list(obj["tags"] or [])
        outputs["allTags"] = live
        outputs["tags"] = [tag for tag in kept.get("tags") or [] if tag in live]
    if more := _MORE_OUTPUTS.get(facts.token):
        outputs |= more(obj, kept)
    return without_mark(kind.mark, outputs)


def _told(kind: Kind, name: str, prop: Property, value: Any) -> Any:
    if prop.many:
        items = value or []
        if prop.type == "object":
            return [_told_object(kind.nested.get(name, {}), prop, item) for item in items]
        return list(items)
    if value is None:
        return _ZERO[prop.type]
    return _text(value) if prop.type == "string" else value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _told_object(names: Mapping[str, str], prop: Property, item: Object) -> PropertyMap:
    told = {name: item.get(names.get(name) or snake(name)) for name in prop.fields}
    return {name: value for name, value in told.items() if value is not None}


def _network_outputs(obj: Object, kept: PropertyMap) -> PropertyMap:
    # one segment is told in the network itself, and only to administrators: what was asked for stays
    return {} if "segments" in obj else {key: kept[key] for key in ("segments",) if key in kept}


def _subnet_outputs(obj: Object, _kept: PropertyMap) -> PropertyMap:
    return {"noGateway": not obj.get("gateway_ip")}


def _router_outputs(obj: Object, _kept: PropertyMap) -> PropertyMap:
    gateway = obj.get("external_gateway_info") or {}
    return {
        "externalNetworkId": gateway.get("network_id") or "",
        "enableSnat": bool(gateway.get("enable_snat")),
        "externalQosPolicyId": gateway.get("qos_policy_id") or "",
        "externalFixedIps": [
            {"ipAddress": each.get("ip_address"), "subnetId": each.get("subnet_id")}
            for each in gateway.get("external_fixed_ips") or []
        ],
    }


def _port_outputs(obj: Object, kept: PropertyMap) -> PropertyMap:
    groups = list(obj.get("security_groups") or [])
    outputs: PropertyMap = {
        "allFixedIps": [each.get("ip_address") for each in obj.get("fixed_ips") or []],
        "allSecurityGroupIds": groups,
        "allowedAddressPairs": [_pair(each, obj.get("mac_address")) for each in obj.get("allowed_address_pairs") or []],
        "binding": {
            "hostId": obj.get("binding:host_id") or "",
            "profile": json.dumps(obj.get("binding:profile") or {}),
            "vifDetails": {key: _json(value) for key, value in (obj.get("binding:vif_details") or {}).items()},
            "vifType": obj.get("binding:vif_type") or "",
            "vnicType": obj.get("binding:vnic_type") or "",
        },
    }
    if kept.get("securityGroupIds") is not None:
        # unlike the real provider: groups that somebody changed are seen by a refresh
        outputs["securityGroupIds"] = groups
    return outputs


def _pair(pair: Object, mac: Any) -> PropertyMap:
    told = {"ipAddress": pair.get("ip_address")}
    return told if pair.get("mac_address") == mac else told | {"macAddress": pair.get("mac_address")}


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _volume_outputs(obj: Object, kept: PropertyMap) -> PropertyMap:
    return {
        "volumeRetypePolicy": kept.get("volumeRetypePolicy") or "never",
        "attachments": [
            {"id": each.get("id"), "instanceId": each.get("server_id"), "device": each.get("device") or ""}
            for each in obj.get("attachments") or []
        ],
    }


def _instance_outputs(obj: Object, kept: PropertyMap) -> PropertyMap:
    live = {key: str(value) for key, value in (obj.get("metadata") or {}).items()}
    outputs: PropertyMap = {
        "allMetadata": live,
        # of an import nothing was asked for: all there is
        "metadata": {key: live[key] for key in kept.get("metadata") or {} if key in live} if kept else live,
        "availabilityZone": obj.get("OS-EXT-AZ:availability_zone") or "",
        "flavorId": (obj.get("flavor") or {}).get("id") or "",
        "hypervisorHostname": obj.get("OS-EXT-SRV-ATTR:hypervisor_hostname") or "",
        "keyPair": obj.get("key_name") or "",
        "powerState": str(obj.get("status") or "").lower(),
        "securityGroups": list(dict.fromkeys(each["name"] for each in obj.get("security_groups") or [])),
        "imageId": _image(obj, kept),
    }
    if isinstance(kept.get("userData"), str) and kept["userData"]:
        asked = kept["userData"]
        outputs["userData"] = asked if _is_digest(asked) else digest(asked)
    return outputs


def _is_digest(text: str) -> bool:
    return len(text) == 40 and set(text) <= set("0123456789abcdef")


def _image(obj: Object, kept: PropertyMap) -> str:
    local = any(
        each.get("sourceType") == "image" and each.get("destinationType") == "local"
        for each in kept.get("blockDevices") or []
    )
    if kept.get("blockDevices") and not local:
        return FROM_VOLUME
    image = obj.get("image")
    return str(image.get("id") or "") if isinstance(image, dict) else FROM_VOLUME


def _floating_ip_outputs(obj: Object, kept: PropertyMap) -> PropertyMap:
    return {"pool": obj.get("pool_name") or kept.get("pool") or obj.get("floating_network_id") or ""}


_MORE_OUTPUTS: Final[Mapping[str, Callable[[Object, PropertyMap], PropertyMap]]] = {
    NETWORK: _network_outputs,
    SUBNET: _subnet_outputs,
    ROUTER: _router_outputs,
    PORT: _port_outputs,
    VOLUME: _volume_outputs,
    INSTANCE: _instance_outputs,
    FLOATING_IP: _floating_ip_outputs,
}
