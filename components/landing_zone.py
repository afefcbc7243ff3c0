"""A namespace that is ready for one department's data of one category: closed, bounded and labelled."""

import math
from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s

from components._common import governed, metadata
from components.args import LandingZoneArgs
from components.governance import Governance, Law
from components.workload import Resources
from inventories.faults import Fault
from inventories.labels import PLACEMENT_ANNOTATION
from inventories.questions import Questions
from inventories.yaml_source import nearest

_ROLES: Final = ("view", "edit")
_DNS: Final = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
}


class LandingZone(pulumi.ComponentResource):
    """Namespace, Pod Security level, quota, limits, default-deny network policy, and the department's access.

    Raises OnshoreError before anything is registered when the law does not allow this category there.
    """

    namespace: pulumi.Output[str]
    cluster: pulumi.Output[str]

    def __init__(
        self, name: str, args: LandingZoneArgs, opts: pulumi.ResourceOptions | None = None, *, law: Law | None = None
    ) -> None:
        questions = Questions(name)
        facts = (args["department"], args["category"], args["cluster"], str(args.get("exposure") or "internal"))
        governance = governed(questions, name, facts, opts, law)
        role = args.get("role") or "view"
        if role not in _ROLES:
            questions.faults.append(Fault(f"{name}: role", "not a role here", role, fix=nearest(role, _ROLES)))
        questions.settle()
        if governance is None:
            raise AssertionError(name)  # settle has raised
        namespace = args["namespace"]
        super().__init__("onshore:index:LandingZone", name, {**governance.inputs, "namespace": namespace}, opts)
        child = pulumi.ResourceOptions(parent=self)
        home = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata=_namespace_metadata(namespace, governance, args.get("placed_because") or ""),
            opts=child,
        )
        within = pulumi.ResourceOptions(parent=self, depends_on=[home])
        _network(name, namespace, governance, within)
        _bounds(name, args, governance, within)
        k8s.rbac.v1.RoleBinding(
            f"{name}-department",
            metadata={**metadata(namespace, governance, namespace), "name": "department"},
            role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": governance.department.group}],
            opts=within,
        )
        self.namespace = pulumi.Output.from_input(namespace)
        self.cluster = pulumi.Output.from_input(governance.cluster.id)
        self.register_outputs({"namespace": namespace, "cluster": governance.cluster.id})


def _namespace_metadata(namespace: str, governance: Governance, because: str) -> dict[str, Any]:
    own = metadata(namespace, governance)
    level = governance.category.rule.pod_security
    security = {
        f"pod-security.kubernetes.io/{mode}{suffix}": value
        for mode in ("enforce", "audit", "warn")
        for suffix, value in (("", level), ("-version", "latest"))
    }
    reason = {PLACEMENT_ANNOTATION: because} if because else {}
    return {
        "name": namespace,
        "labels": {**own["labels"], **governance.namespace_labels, **security},
        "annotations": {**own["annotations"], **reason},
    }


def _network(name: str, namespace: str, governance: Governance, opts: pulumi.ResourceOptions) -> None:
    """Nothing in, nothing out, but the cluster's names."""
    own = metadata(namespace, governance, namespace)
    deny: Any = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    k8s.networking.v1.NetworkPolicy(f"{name}-deny", metadata={**own, "name": "default-deny"}, spec=deny, opts=opts)
    dns: Any = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [_DNS]}
    k8s.networking.v1.NetworkPolicy(f"{name}-dns", metadata={**own, "name": "allow-dns"}, spec=dns, opts=opts)


def _bounds(name: str, args: LandingZoneArgs, governance: Governance, opts: pulumi.ResourceOptions) -> None:
    """The quota of the namespace, and what a container gets that names no size."""
    own = metadata(args["namespace"], governance, args["namespace"])
    cpu = str(math.ceil(args.get("cpu") or 4))
    memory = f"{math.ceil(args.get('memory_gib') or 8)}Gi"
    storage = args.get("storage_gib")
    hard = {
        "pods": str(args.get("pods") or 20),
        "requests.cpu": cpu,
        "limits.cpu": cpu,
        "requests.memory": memory,
        "limits.memory": memory,
        "requests.storage": f"{math.ceil(20 if storage is None else storage)}Gi",
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }
    quota: Any = {"hard": hard}
    k8s.core.v1.ResourceQuota(f"{name}-quota", metadata={**own, "name": "quota"}, spec=quota, opts=opts)
    usual = Resources()
    limit = {
        "type": "Container",
        "default": {"cpu": usual.cpu_limit, "memory": usual.memory_limit},
        "defaultRequest": {"cpu": usual.cpu_request, "memory": usual.memory_request},
    }
    limits: Any = {"limits": [limit]}
    k8s.core.v1.LimitRange(f"{name}-limits", metadata={**own, "name": "limits"}, spec=limits, opts=opts)
