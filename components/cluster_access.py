"""The one way to a cluster: a Kubernetes provider whose kubeconfig was proven to lead to a cluster of the register."""

from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.given_providers import SERVED, providers_for
from components.kubeconfig import check_kubeconfig
from inventories.faults import Fault, OnshoreError

if TYPE_CHECKING:
    from inventories.models import Cluster


class ClusterAccess(k8s.Provider):  # type: ignore[misc] # mypy does not read the generated SDK
    """A provider pinned to one cluster of the register.

    `kubeconfig` is the content (plain, so that it is checked before anything is registered); it is stored as a secret.
    `cluster.id` is the provider's cluster identifier: another id means another cluster, and replaces everything.
    Raises OnshoreError (`refused`) with every reason against the kubeconfig.
    """

    def __init__(
        self, name: str, *, kubeconfig: str, cluster: "Cluster", opts: pulumi.ResourceOptions | None = None
    ) -> None:
        check_kubeconfig(kubeconfig, cluster)
        self.cluster_id = cluster.id
        super().__init__(
            name,
            kubeconfig=pulumi.Output.secret(kubeconfig),
            cluster_identifier=cluster.id,
            enable_server_side_apply=True,
            opts=opts,
        )


def require_access(name: str, cluster: "Cluster", opts: pulumi.ResourceOptions | None) -> None:
    """Raise OnshoreError (`refused`) unless a component's provider is the access to its cluster.

    A provider made by a program in another language shows nothing of itself here: the policy pack judges that one.
    """
    if SERVED.get():
        return
    provider = next((one for one in providers_for(opts) if one.package == "kubernetes"), None)
    got = getattr(provider, "cluster_id", None)
    if got != cluster.id:
        fault = Fault(
            name,
            "its provider is not the access to its cluster",
            f"access to {got}" if got else "another provider" if provider else "no provider",
            f"the register's cluster is {cluster.id}",
            "pass `ResourceOptions(provider=ClusterAccess(...))` of that cluster",
        )
        raise OnshoreError(f"{name} cannot be built", [fault], refused=True)
