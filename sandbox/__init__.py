"""Where can I try it? A real Kubernetes control plane on this machine, whose nodes are played by kwok."""

from sandbox.cluster import ClusterInfo, cluster_down, cluster_status, cluster_up
from sandbox.errors import SandboxError

__all__ = ["ClusterInfo", "SandboxError", "cluster_down", "cluster_status", "cluster_up"]
