"""The command line's own way to a live cluster: one of the register, by a kubeconfig that leads to that very one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.kubeconfig import check_kubeconfig
from engine.providers.kubernetes.client import Client
from engine.providers.kubernetes.kubeconfig import cluster_access, read_kubeconfig
from inventories import Fault, OnshoreError
from inventories.yaml_source import nearest

if TYPE_CHECKING:
    from cli.project import Project
    from inventories.models import Cluster, Provider, Register


def in_register(register: Register, cluster: str) -> tuple[Provider, Cluster]:
    """A cluster with its provider; raises OnshoreError where the register has none such."""
    if found := register.cluster(cluster):
        return found
    known = sorted(each.id for _, each in register.clusters())
    fault = Fault("CLUSTER", "the register has no such cluster", cluster, fix=nearest(cluster, known))
    raise OnshoreError(f"there is no cluster {cluster} in the register", [fault])


def client_of(project: Project, cluster: Cluster) -> Client:
    """A client of a cluster; raises OnshoreError, and ProviderError for a kubeconfig that cannot be read."""
    file = project.settings.kubeconfigs / f"{cluster.id}.yaml"
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        fault = Fault(str(file), "no kubeconfig that can be read", fix=f"save the kubeconfig of {cluster.id} there")
        raise OnshoreError(f"there is no way to {cluster.id}", [fault]) from None
    check_kubeconfig(content, cluster)
    return Client(cluster_access(*read_kubeconfig(content)))
