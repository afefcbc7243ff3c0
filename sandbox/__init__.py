"""Where can I try it? A real Kubernetes control plane on this machine, whose nodes are played by kwok."""

from sandbox._programs import ensure_programs, programs_unavailable
from sandbox.cluster import ClusterInfo, cluster_down, cluster_remove, cluster_roles, cluster_status, cluster_up
from sandbox.errors import SandboxError
from sandbox.progress import shown_on

__all__ = [
    "ClusterInfo",
    "SandboxError",
    "cluster_down",
    "cluster_remove",
    "cluster_roles",
    "cluster_status",
    "cluster_up",
    "ensure_programs",
    "programs_unavailable",
    "shown_on",
]
