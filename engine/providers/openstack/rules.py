"""What the cloud would refuse and can be said before: rules on one resource's inputs. Pure.

Each rule takes inputs without secrets, in which anything may be unknown, and gives (property, reason) pairs.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from engine.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.values import PropertyMap

_PORTS: Final = range(65536)


def _subnet(inputs: PropertyMap) -> Iterator[tuple[str, str]]:
    cidr, gateway = inputs.get("cidr"), inputs.get("gatewayIp")
    if inputs.get("prefixLength") and not inputs.get("subnetpoolId"):
        yield "prefixLength", "prefixLength is only for a subnet from a pool: give subnetpoolId, or cidr instead"
    servers = inputs.get("dnsNameservers") or []
    if isinstance(servers, list) and len(set(map(str, servers))) < len(servers):
        yield "dnsNameservers", "dnsNameservers names one server twice"
    if not isinstance(cidr, str):
        return
    try:
        network = ip_network(cidr)
    except ValueError as error:
        yield "cidr", f"cidr is not the address of a network: {error}"
        return
    if inputs.get("ipVersion") in (4, 6) and inputs["ipVersion"] != network.version:
        yield "ipVersion", f"ipVersion is {inputs['ipVersion']}, and {cidr} is IPv{network.version}"
    if isinstance(gateway, str) and gateway:
        yield from _address("gatewayIp", gateway)


def _address(where: str, text: str) -> Iterator[tuple[str, str]]:
    try:
        ip_address(text)
    except ValueError as error:
        yield where, f"{where} is no address: {error}"


def _rule(inputs: PropertyMap) -> Iterator[tuple[str, str]]:
    low, high, prefix = inputs.get("portRangeMin"), inputs.get("portRangeMax"), inputs.get("remoteIpPrefix")
    if (low is None) != (high is None):
        missing = "portRangeMin" if low is None else "portRangeMax"
        yield missing, "portRangeMin and portRangeMax are given together or not at all"
    if (low is not None or high is not None) and not inputs.get("protocol"):
        yield "protocol", "a range of ports needs a protocol"
    for where, value in (("portRangeMin", low), ("portRangeMax", high)):
        if isinstance(value, int) and value not in _PORTS:
            yield where, f"{where} is 0 to 65535, got {value}"
    if isinstance(low, int) and isinstance(high, int) and low > high and str(inputs.get("protocol")) in ("tcp", "udp"):
        yield "portRangeMin", f"the range of ports ends before it begins: {low} to {high}"
    if isinstance(prefix, str) and prefix:
        try:
            network = ip_network(prefix, strict=False)
        except ValueError as error:
            yield "remoteIpPrefix", f"remoteIpPrefix is no network: {error}"
            return
        if inputs.get("ethertype") in ("IPv4", "IPv6") and inputs["ethertype"] != f"IPv{network.version}":
            yield "remoteIpPrefix", f"remoteIpPrefix {prefix} is IPv{network.version}, ethertype {inputs['ethertype']}"


def _instance(inputs: PropertyMap) -> Iterator[tuple[str, str]]:
    devices = inputs.get("blockDevices")
    devices = devices if isinstance(devices, list) else []
    for at, device in enumerate(devices):
        if isinstance(device, dict):
            yield from _device(f"blockDevices[{at}]", device)
    boots = [device for device in devices if device is UNKNOWN or not isinstance(device, dict) or _boots(device)]
    if not boots and not inputs.get("imageId") and not inputs.get("imageName"):
        yield "imageId", "nothing to boot from: give imageId, imageName, or a block device with bootIndex 0"


def _boots(device: dict[str, Any]) -> bool:
    return device.get("bootIndex", 0) in (0, UNKNOWN)


def _device(at: str, device: dict[str, Any]) -> Iterator[tuple[str, str]]:
    source, target = device.get("sourceType"), device.get("destinationType")
    if source in ("image", "snapshot", "volume") and not device.get("uuid"):
        yield f"{at}.uuid", f"{at} is made from a {source}: give its uuid"
    made = (source == "image" and target == "volume") or (source == "blank" and target in ("local", "volume"))
    if made and not device.get("volumeSize"):
        yield f"{at}.volumeSize", f"{at} is a new {target} from {source}: give its volumeSize in GB"


def _router(inputs: PropertyMap) -> Iterator[tuple[str, str]]:
    if inputs.get("externalSubnetIds"):
        yield "externalSubnetIds", "externalSubnetIds is not supported by this engine: give externalFixedIps"
    for name in ("enableSnat", "externalFixedIps", "externalQosPolicyId"):
        if inputs.get(name) and not inputs.get("externalNetworkId"):
            yield name, f"{name} is of a router's way out: give externalNetworkId"


def _interface(inputs: PropertyMap) -> Iterator[tuple[str, str]]:
    if inputs.get("forceDestroy"):
        yield "forceDestroy", "forceDestroy is not supported by this engine: delete the routes that use the interface"


def _volume(inputs: PropertyMap) -> Iterator[tuple[str, str]]:
    size = inputs.get("size")
    if isinstance(size, int) and size <= 0:
        yield "size", f"size is in GB and at least 1, got {size}"


def _port(inputs: PropertyMap) -> Iterator[tuple[str, str]]:
    fixed = inputs.get("fixedIps")
    for at, each in enumerate(fixed if isinstance(fixed, list) else []):
        if isinstance(each, dict) and isinstance(address := each.get("ipAddress"), str) and address:
            yield from _address(f"fixedIps[{at}].ipAddress", address)


RULES: Final[Mapping[str, Callable[[PropertyMap], Iterator[tuple[str, str]]]]] = {
    "openstack:blockstorage/volume:Volume": _volume,
    "openstack:compute/instance:Instance": _instance,
    "openstack:networking/port:Port": _port,
    "openstack:networking/router:Router": _router,
    "openstack:networking/routerInterface:RouterInterface": _interface,
    "openstack:networking/secGroupRule:SecGroupRule": _rule,
    "openstack:networking/subnet:Subnet": _subnet,
}
