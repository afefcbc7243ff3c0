"""What a workload's pods may reach outside their namespace: the ports of its machines, and its object stores."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from inventories.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from components.workload import Workload
    from inventories.models import ObjectStore, Region

_HTTPS: Final = 443


def egress_rules(workload: Workload, homes: Mapping[str, Region]) -> list[dict[str, Any]]:
    """Egress rules of a NetworkPolicy; `homes`: the region of each object store, by the store's name."""
    machines = [_rule([machine.network], machine.ports) for machine in workload.machines if machine.ports]
    stores = dict.fromkeys(region.openstack.object_store for region in homes.values() if region.openstack)
    return machines + [_rule(_networks(store), [urlsplit(store.endpoint).port or _HTTPS]) for store in stores if store]


def unreachable_stores(regions: Iterable[Region]) -> Iterator[Fault]:
    """The regions whose object store no rule could let pods reach, for nobody said at which addresses it answers."""
    for region in regions:
        store = region.openstack.object_store if region.openstack else None
        if store and not _networks(store):
            why = "a network policy knows addresses, not names: the workload's pods could not reach it"
            fix = "give `networks` of its object_store in the register"
            yield Fault(f"region {region.id}", "its object store has no addresses", store.endpoint, why, fix)


def _rule(networks: Iterable[str], ports: Iterable[int]) -> dict[str, Any]:
    return {
        "to": [{"ipBlock": {"cidr": network}} for network in networks],
        "ports": [{"port": port, "protocol": "TCP"} for port in ports],
    }


def _networks(store: ObjectStore) -> tuple[str, ...]:
    """An address in the endpoint says it all: so does an overlay's, whatever the register says of the real one."""
    try:
        return (str(ip_network(urlsplit(store.endpoint).hostname or "")),)
    except ValueError:
        return store.networks
