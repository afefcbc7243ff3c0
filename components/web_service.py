"""A workload that answers requests: a hardened Deployment and what leads to it, no more open than declared."""

from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s

from components._common import Prepared, prepare
from components._configuration import Configuration, render
from components.args import WebServiceArgs
from components.fitness import most_replicas, service_faults, usual_replicas
from components.governance import Governance, Law
from components.pod import NAME_LABEL, pod_labels, pod_spec
from components.workload import Workload
from inventories.faults import Fault
from inventories.labels import GOVERNANCE_LABEL_PREFIX

INGRESS_LABEL: Final = GOVERNANCE_LABEL_PREFIX + "ingress-class"
"""Label of the namespace where an ingress controller runs; its value is the name of its class."""

_CPU_PERCENT: Final = 75


class WebService(pulumi.ComponentResource):
    """Deployment, Service, Ingress, disruption budget, autoscaler, network policy, account and configuration.

    Raises OnshoreError with every fault before anything is registered: an unlawful place, a Score file that cannot be
    built, an image without digest where the category needs one, an exposure that the category or cluster has not.
    """

    url: pulumi.Output[str]
    service_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: WebServiceArgs, opts: pulumi.ResourceOptions | None = None, *, law: Law | None = None
    ) -> None:
        def check(workload: Workload, governance: Governance) -> list[Fault]:
            return service_faults(workload, args.get("replicas"), governance.exposure)

        prepared = prepare(name, args, opts, law, check)
        workload, governance = prepared.workload, prepared.governance
        inputs = {**governance.inputs, "namespace": prepared.namespace, "workload": workload.name}
        super().__init__("onshore:index:WebService", name, inputs, opts)
        child = pulumi.ResourceOptions(parent=self)
        configuration, first = prepared.base(name, child)
        replicas = usual_replicas(workload, args.get("replicas"))
        _deployment(name, prepared, replicas, configuration, first, self)
        _scaling(name, prepared, replicas, child)
        url: pulumi.Input[str] = ""
        if workload.ports:
            url = _entry(name, prepared, child)
        self.url = pulumi.Output.from_input(url)
        self.service_name = pulumi.Output.from_input(workload.name if workload.ports else "")
        self.register_outputs({"url": self.url, "serviceName": self.service_name})


def _deployment(
    name: str,
    prepared: Prepared,
    replicas: int,
    configuration: Configuration,
    first: list[pulumi.Resource],
    parent: pulumi.Resource,
) -> None:
    workload, governance = prepared.workload, prepared.governance
    chosen = {"matchLabels": {NAME_LABEL: workload.name}}
    pod = pod_spec(workload, governance, configuration, service_account=workload.name)
    pod["topologySpreadConstraints"] = [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": chosen}
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    annotations = dict(workload.annotations)
    # Ready means all that was promised, from the first moment; after that the autoscaler owns the number, and one
    # written here would fight it at every update.
    opts = pulumi.ResourceOptions(parent=parent, depends_on=first, ignore_changes=["spec.replicas"])
    spec: Any = {
        "replicas": replicas,
        "selector": chosen,
        "revisionHistoryLimit": 5,
        "strategy": {"type": "Recreate"} if workload.persistent else rolling,
        "template": {
            "metadata": {
                "labels": pod_labels(workload, governance),
                **({"annotations": annotations} if annotations else {}),
            },
            "spec": pod,
        },
    }
    own = {**prepared.metadata, "name": workload.name}
    k8s.apps.v1.Deployment(f"{name}-deployment", metadata=own, spec=spec, opts=opts)


def _scaling(name: str, prepared: Prepared, replicas: int, opts: pulumi.ResourceOptions) -> None:
    workload = prepared.workload
    own = {**prepared.metadata, "name": workload.name}
    budget: Any = {"maxUnavailable": 1, "selector": {"matchLabels": {NAME_LABEL: workload.name}}}
    k8s.policy.v1.PodDisruptionBudget(f"{name}-budget", metadata=own, spec=budget, opts=opts)
    target = {"type": "Utilization", "averageUtilization": _CPU_PERCENT}
    spec: Any = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload.name},
        "minReplicas": replicas,
        "maxReplicas": most_replicas(workload, replicas),
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    k8s.autoscaling.v2.HorizontalPodAutoscaler(f"{name}-autoscaler", metadata=own, spec=spec, opts=opts)


def _entry(name: str, prepared: Prepared, opts: pulumi.ResourceOptions) -> pulumi.Input[str]:
    """The Service, the network policy and the Ingress; returns where the workload answers."""
    workload, governance = prepared.workload, prepared.governance
    own = {**prepared.metadata, "name": workload.name}
    ports = [
        {"name": port.name, "port": port.number, "targetPort": port.target, "protocol": port.protocol}
        for port in workload.ports
    ]
    service: Any = {"type": "ClusterIP", "selector": {NAME_LABEL: workload.name}, "ports": ports}
    k8s.core.v1.Service(f"{name}-service", metadata=own, spec=service, opts=opts)
    classes = governance.cluster.ingress_classes
    ingress_class = (classes.public if governance.exposure == "public" else None) or classes.internal
    _network_policy(name, prepared, ingress_class, opts)
    if not workload.routes:
        return f"http://{workload.name}.{prepared.namespace}.svc:{workload.ports[0].number}"
    hosts = {route.name: render(route.host, prepared.environment) for route in workload.routes}
    rules = [
        {
            "host": hosts[route.name],
            "http": {
                "paths": [
                    {
                        "path": route.path,
                        "pathType": "Prefix",
                        "backend": {"service": {"name": workload.name, "port": {"name": route.port}}},
                    }
                ]
            },
        }
        for route in workload.routes
    ]
    # Whether the controller reports an address is the platform's affair: waiting for one could last for ever.
    unawaited = {**own, "annotations": {"pulumi.com/skipAwait": "true"}}
    spec: Any = {"ingressClassName": ingress_class, "rules": rules, "tls": [{"hosts": [*hosts.values()]}]}
    k8s.networking.v1.Ingress(f"{name}-ingress", metadata=unawaited, spec=spec, opts=opts)
    first = workload.routes[0]
    return pulumi.Output.concat("https://", hosts[first.name], first.path)


def _network_policy(name: str, prepared: Prepared, ingress_class: str, opts: pulumi.ResourceOptions) -> None:
    """In through the declared ports: from the department's own data of this category, and from declared routes."""
    workload = prepared.workload
    rules: list[dict[str, Any]] = [
        {
            "from": [{"namespaceSelector": {"matchLabels": prepared.governance.labels}}],
            "ports": [{"port": port.target, "protocol": port.protocol} for port in workload.ports],
        }
    ]
    routed = {route.port for route in workload.routes}
    if routed:
        rules.append(
            {
                "from": [{"namespaceSelector": {"matchLabels": {INGRESS_LABEL: ingress_class}}}],
                "ports": [
                    {"port": port.target, "protocol": port.protocol} for port in workload.ports if port.name in routed
                ],
            }
        )
    spec: Any = {
        "podSelector": {"matchLabels": {NAME_LABEL: workload.name}},
        "policyTypes": ["Ingress"],
        "ingress": rules,
    }
    own = {**prepared.metadata, "name": workload.name}
    k8s.networking.v1.NetworkPolicy(f"{name}-network", metadata=own, spec=spec, opts=opts)
