"""A real OpenStack control plane on this machine: only hypervisor, disks and wires are played."""

from sandbox.region.regions import (
    RegionFlavor,
    RegionInfo,
    RegionRole,
    region_down,
    region_remove,
    region_roles,
    region_status,
    region_unavailable,
    region_up,
)

__all__ = [
    "RegionFlavor",
    "RegionInfo",
    "RegionRole",
    "region_down",
    "region_remove",
    "region_roles",
    "region_status",
    "region_unavailable",
    "region_up",
]
