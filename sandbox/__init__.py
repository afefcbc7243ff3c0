"""Where can I try it? A real Kubernetes control plane, and real hosts with SSH servers, on this machine."""

from sandbox._host_needs import hosts_unavailable
from sandbox._programs import ensure_programs, programs_unavailable
from sandbox.cluster import ClusterInfo, cluster_down, cluster_remove, cluster_roles, cluster_status, cluster_up
from sandbox.errors import SandboxError
from sandbox.hosts import HostInfo, HostsInfo, hosts_down, hosts_place, hosts_status, hosts_up
from sandbox.progress import shown_on
from sandbox.region import (
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
    "ClusterInfo",
    "HostInfo",
    "HostsInfo",
    "RegionFlavor",
    "RegionInfo",
    "RegionRole",
    "SandboxError",
    "cluster_down",
    "cluster_remove",
    "cluster_roles",
    "cluster_status",
    "cluster_up",
    "ensure_programs",
    "hosts_down",
    "hosts_place",
    "hosts_status",
    "hosts_unavailable",
    "hosts_up",
    "programs_unavailable",
    "region_down",
    "region_remove",
    "region_roles",
    "region_status",
    "region_unavailable",
    "region_up",
    "shown_on",
]
