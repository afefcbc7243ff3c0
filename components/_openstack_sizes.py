"""What an OpenStack resource asks of its region: a size, an address, nothing, or why nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from inventories.pricing import Item, Size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inventories.models import OpenStack, Prices

Asked: TypeAlias = Size | Item | str | None
"""A size, one item of a bill, why there is neither, or None for what costs nothing."""

# What is made of rules and names, and what joins two things that are counted themselves.
_FREE: Final = frozenset(
    {
        *("compute/keypair", "compute/serverGroup", "compute/interfaceAttach", "compute/volumeAttach"),
        *("compute/quotaSetV2", "blockstorage/quoteSetV3", "blockstorage/volumeAttach", "networking/quotaV2"),
        *("networking/network", "networking/subnet", "networking/subnetPool", "networking/subnetRoute"),
        *("networking/router", "networking/routerInterface", "networking/routerRoute", "networking/port"),
        *("networking/secGroup", "networking/secGroupRule", "networking/portSecGroupAssociate"),
        *("networking/addressGroupV2", "networking/floatingIpAssociate", "networking/rbacPolicyV2"),
        *("identity/project", "identity/role", "identity/roleAssignment", "identity/applicationCredential"),
    }
)
_MIB_OF_A_GIB: Final = 1024


def asked_of_a_region(token: str, props: Mapping[str, Any], offered: OpenStack | None, prices: Prices) -> Asked:
    """What a resource of a type (`compute/instance`) asks for all month long."""
    counted = _COUNTED.get(token)
    if counted is not None:
        return counted(props, offered, prices)
    return None if token in _FREE else f"the register has no price for a {token}"


def _machine(props: Mapping[str, Any], offered: OpenStack | None, _prices: Prices) -> Asked:
    """Its flavor, and the volumes that are made with it; on a boot volume, the flavor's own disk is not used."""
    name = props.get("flavorName")
    flavor = next((one for one in offered.flavors if one.name == name), None) if offered else None
    if flavor is None:
        return f"the register lists no flavor {name}" if name else "it names its flavor by an id, not by its name"
    size, boots_on_a_volume = Size(flavor.vcpu, flavor.memory_mib / _MIB_OF_A_GIB), False
    devices = props.get("blockDevices")
    for device in devices if isinstance(devices, list) else []:
        of_a_volume = isinstance(device, dict) and device.get("destinationType") == "volume"
        boots_on_a_volume |= of_a_volume and device.get("bootIndex") == 0
        if not of_a_volume or device.get("sourceType") == "volume":
            continue
        made = _volume({"size": device.get("volumeSize")}, offered, _prices)
        if isinstance(made, str):
            return f"a volume of it: {made}"
        size = size.plus(made)
    return size if boots_on_a_volume else size.plus(Size(storage_gib=flavor.disk_gib))


def _volume(props: Mapping[str, Any], _offered: OpenStack | None, _prices: Prices) -> Size | str:
    size = props.get("size")
    if isinstance(size, bool) or not isinstance(size, int | float) or size < 0:
        return "its size is not known"
    return Size(storage_gib=float(size))


def _address(_props: Mapping[str, Any], _offered: OpenStack | None, prices: Prices) -> Item | str:
    price = prices.public_address_month_pkr
    return "the register has no price for an address" if price is None else Item("address", 1, price)


def _objects(props: Mapping[str, Any], _offered: OpenStack | None, prices: Prices) -> Item | str:
    price, size = prices.object_gib_month_pkr, props.get("sizeGib")
    if price is None:
        return "the register has no price for objects"
    if isinstance(size, bool) or not isinstance(size, int | float) or size < 0:
        return f"how much it will hold is not declared; a GiB of objects is PKR {price:,.2f} a month"
    return Item("GiB of objects", float(size), price)


_COUNTED: Final[Mapping[str, Callable[[Mapping[str, Any], OpenStack | None, Prices], Asked]]] = {
    "compute/instance": _machine,
    "blockstorage/volume": _volume,
    "networking/floatingIp": _address,
    "objectstorage/container": _objects,
}
