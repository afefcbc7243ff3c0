"""Look-ups: images, networks, flavors and subnets by what is known of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine.provider import InvokeResult, ProviderError
from engine.providers.openstack.cloud import ApiError
from engine.providers.openstack.plain import snake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.providers.openstack.cloud import Cloud
    from engine.providers.openstack.kinds import Service
    from engine.providers.openstack.shapes import Object
    from engine.values import PropertyMap


@dataclass(frozen=True, slots=True)
class _LookUp:
    """One function: the list to look in, the argument that is an id, the arguments that the API filters by."""

    service: Service
    path: str
    many: str
    one: str
    what: str
    id_key: str
    filters: Mapping[str, str]
    matches: Callable[[Object, PropertyMap], bool]
    told: Callable[[Object], PropertyMap]


def call_function(cloud: Cloud, token: str, args: PropertyMap) -> InvokeResult:
    """The one thing that the arguments name; ProviderError where there is none, or more than one."""
    look_up = _FUNCTIONS.get(token)
    if look_up is None:
        raise ProviderError(f"{token} is not supported by this engine (it has {', '.join(sorted(_FUNCTIONS))})")
    found = [each for each in _candidates(cloud, look_up, args) if look_up.matches(each, args)]
    asked = ", ".join(f"{key} {value!r}" for key, value in args.items())
    if not found:
        nowhere = f"no {look_up.what} has {asked or 'what is asked for'} in {cloud.region or 'this region'}"
        raise ProviderError(f"{nowhere}: name one that is there, or have it made")
    if len(found) > 1 and not args.get("mostRecent"):
        raise ProviderError(f"{len(found)} {look_up.what}s have {asked or 'what is asked for'}: say more of it")
    chosen = max(found, key=lambda each: str(each.get("created_at"))) if len(found) > 1 else found[0]
    told = look_up.told(chosen)
    kept = {key: value for key, value in args.items() if key not in told}
    return InvokeResult({**kept, **told, "id": chosen["id"], "region": args.get("region") or cloud.region})


def _candidates(cloud: Cloud, look_up: _LookUp, args: PropertyMap) -> list[Object]:
    if id_ := args.get(look_up.id_key):
        try:
            document = cloud.call(look_up.service, "GET", f"{look_up.path.removesuffix('/detail')}/{id_}").document
        except ApiError as error:
            if error.code == 404:
                return []
            raise
        return [document[look_up.one] if look_up.one else document]
    query = {name: args[key] for key, name in look_up.filters.items() if args.get(key) not in (None, "", [])}
    query = {key: str(value).lower() if isinstance(value, bool) else value for key, value in query.items()}
    return list(cloud.call(look_up.service, "GET", look_up.path, query=query).document[look_up.many])


def _equals(names: Mapping[str, str]) -> Callable[[Object, PropertyMap], bool]:
    """Whether what the arguments say is so; APIs ignore what they cannot filter by."""

    def matches(obj: Object, args: PropertyMap) -> bool:
        return all(obj.get(name) == args[key] for key, name in names.items() if args.get(key) not in (None, ""))

    return matches


def _image_matches(obj: Object, args: PropertyMap) -> bool:
    size = int(obj.get("size") or 0)
    tags = {*(args.get("tags") or []), *([args["tag"]] if args.get("tag") else [])}
    properties = args.get("properties") or {}
    pattern = args.get("nameRegex")
    return (
        _equals({"name": "name", "owner": "owner", "visibility": "visibility"})(obj, args)
        and (not pattern or re.search(str(pattern), str(obj.get("name"))) is not None)
        and tags <= set(obj.get("tags") or [])
        and all(str(obj.get(key)) == str(value) for key, value in properties.items())
        and size >= int(args.get("sizeMin") or 0)
        and (not args.get("sizeMax") or size <= int(args["sizeMax"]))
    )


_IMAGE_OWN: Final = frozenset(
    {
        *("checksum", "container_format", "created_at", "direct_url", "disk_format", "file", "id", "locations"),
        *("min_disk", "min_ram", "name", "os_hidden", "owner", "protected", "schema", "self", "size", "status", "tags"),
        *("updated_at", "virtual_size", "visibility"),
    }
)


def _image(obj: Object) -> PropertyMap:
    return {
        "checksum": obj.get("checksum") or "",
        "containerFormat": obj.get("container_format") or "",
        "createdAt": obj.get("created_at") or "",
        "diskFormat": obj.get("disk_format") or "",
        "file": obj.get("file") or "",
        "hidden": bool(obj.get("os_hidden")),
        "metadata": {},
        "minDiskGb": obj.get("min_disk") or 0,
        "minRamMb": obj.get("min_ram") or 0,
        "name": obj.get("name") or "",
        "owner": obj.get("owner") or "",
        "properties": {key: str(value) for key, value in obj.items() if key not in _IMAGE_OWN},
        "protected": bool(obj.get("protected")),
        "schema": obj.get("schema") or "",
        "sizeBytes": obj.get("size") or 0,
        "tags": list(obj.get("tags") or []),
        "updatedAt": obj.get("updated_at") or "",
        "visibility": obj.get("visibility") or "",
    }


def _told(names: Mapping[str, Any]) -> Callable[[Object], PropertyMap]:
    """The properties by API name; each with what stands for null."""

    def told(obj: Object) -> PropertyMap:
        return {key: empty if (value := obj.get(name)) is None else value for key, (name, empty) in names.items()}

    return told


def _plain(texts: str, **others: tuple[str, Any]) -> dict[str, Any]:
    return {key: (snake(key), "") for key in texts.split()} | others


def _network(obj: Object) -> PropertyMap:
    names = _plain(
        "description dnsDomain name status tenantId",
        allTags=("tags", []),
        availabilityZoneHints=("availability_zone_hints", []),
        external=("router:external", False),
        mtu=("mtu", 0),
        segments=("segments", []),
        subnets=("subnets", []),
        transparentVlan=("vlan_transparent", False),
    )
    flags = {key: str(bool(obj.get(snake(key)))).lower() for key in ("adminStateUp", "shared")}
    return _told(names)(obj) | flags | {"networkId": obj["id"]}


def _subnet(obj: Object) -> PropertyMap:
    names = _plain(
        "cidr description gatewayIp ipv6AddressMode ipv6RaMode name networkId segmentId subnetpoolId tenantId",
        allTags=("tags", []),
        allocationPools=("allocation_pools", []),
        dnsNameservers=("dns_nameservers", []),
        dnsPublishFixedIp=("dns_publish_fixed_ip", False),
        enableDhcp=("enable_dhcp", False),
        ipVersion=("ip_version", 4),
        serviceTypes=("service_types", []),
    )
    routes = [{"destinationCidr": each["destination"], "nextHop": each["nexthop"]} for each in obj["host_routes"]]
    return _told(names)(obj) | {"hostRoutes": routes, "subnetId": obj["id"]}


def _flavor(obj: Object) -> PropertyMap:
    names = {
        "disk": ("disk", 0),
        "isPublic": ("os-flavor-access:is_public", True),
        "name": ("name", ""),
        "ram": ("ram", 0),
        "rxTxFactor": ("rxtx_factor", 1.0),
        "vcpus": ("vcpus", 0),
    }
    swap = obj.get("swap") or 0
    return _told(names)(obj) | {"swap": int(swap), "extraSpecs": obj.get("extra_specs") or {}, "flavorId": obj["id"]}


def _flavor_matches(obj: Object, args: PropertyMap) -> bool:
    exact = {key: key for key in ("name", "ram", "disk", "vcpus")}
    return (
        _equals(exact)(obj, args)
        and int(obj.get("ram") or 0) >= int(args.get("minRam") or 0)
        and int(obj.get("disk") or 0) >= int(args.get("minDisk") or 0)
    )


_NETWORK_FILTERS: Final = {
    "name": "name",
    "description": "description",
    "external": "router:external",
    "status": "status",
    "tenantId": "tenant_id",
    "tags": "tags",
    "mtu": "mtu",
}
_SUBNET_FILTERS: Final = {
    "name": "name",
    "cidr": "cidr",
    "description": "description",
    "dhcpEnabled": "enable_dhcp",
    "gatewayIp": "gateway_ip",
    "ipVersion": "ip_version",
    "networkId": "network_id",
    "subnetpoolId": "subnetpool_id",
    "tenantId": "tenant_id",
    "tags": "tags",
}
_IMAGE_FILTERS: Final = {
    "name": "name",
    "owner": "owner",
    "visibility": "visibility",
    "memberStatus": "member_status",
    "tag": "tag",
    "diskFormat": "disk_format",
    "containerFormat": "container_format",
}


def _without_tags(filters: Mapping[str, str]) -> dict[str, str]:
    return {key: name for key, name in filters.items() if key != "tags"}


_FUNCTIONS: Final[Mapping[str, _LookUp]] = {
    "openstack:images/getImage:getImage": _LookUp(
        "image", "/images", "images", "", "image", "", _IMAGE_FILTERS, _image_matches, _image
    ),
    "openstack:networking/getNetwork:getNetwork": _LookUp(
        "network",
        "/networks",
        "networks",
        "network",
        "network",
        "networkId",
        _NETWORK_FILTERS,
        _equals(_without_tags(_NETWORK_FILTERS)),
        _network,
    ),
    "openstack:networking/getSubnet:getSubnet": _LookUp(
        "network",
        "/subnets",
        "subnets",
        "subnet",
        "subnet",
        "subnetId",
        _SUBNET_FILTERS,
        _equals(_without_tags(_SUBNET_FILTERS)),
        _subnet,
    ),
    "openstack:compute/getFlavor:getFlavor": _LookUp(
        "compute", "/flavors/detail", "flavors", "flavor", "flavor", "flavorId", {}, _flavor_matches, _flavor
    ),
}
