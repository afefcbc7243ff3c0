"""What the components of workloads share: the questions before anything is registered, and the first children."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi_kubernetes as k8s

from components import _configuration
from components._egress import egress_rules, unreachable_stores
from components._lawfulness import storage_reason
from components.cluster_access import require_access
from components.governance import Governance, Law, govern, region_placement
from components.pod import MANAGED_BY_LABEL, NAME_LABEL, claim_name, image_faults
from components.score import read_score
from inventories.faults import Fault
from inventories.questions import Questions
from inventories.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pulumi

    from components._configuration import Configuration
    from components.args import ScheduledJobArgs, WebServiceArgs
    from components.workload import Volume, Workload
    from inventories.models import Region


def governed(
    questions: Questions,
    name: str,
    facts: tuple[str, str, str, str],
    opts: pulumi.ResourceOptions | None,
    law: Law | None,
) -> Governance | None:
    """The component's governance, asked together with its access; `facts`: department, category, cluster, exposure."""
    law = law or questions.ask(Law.load)
    if law is None:
        return None
    department, category, cluster, exposure = facts
    governance = questions.ask(lambda: govern(department, category, cluster, exposure, law))
    found = law.register.cluster(cluster)
    if found is not None:
        questions.ask(lambda: require_access(name, found[1], opts))
    return governance


@dataclass(frozen=True)
class Prepared:
    """A workload that may be built: what it is, what it carries, where it goes."""

    workload: Workload
    governance: Governance
    namespace: str
    environment: Mapping[str, pulumi.Input[str]]
    homes: Mapping[str, Region]
    """The region of each of its object stores, by the store's name."""

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of each of its objects, the name left out."""
        return metadata(self.workload.name, self.governance, self.namespace)

    def base(self, name: str, opts: pulumi.ResourceOptions) -> tuple[Configuration, list[pulumi.Resource]]:
        """Register what a pod needs to start: the account, the claims and the configuration."""
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata={**self.metadata, "name": self.workload.name},
            automount_service_account_token=False,
            opts=opts,
        )
        claims = [self._claim(name, volume, opts) for volume in self.workload.volumes if not volume.ephemeral]
        if rules := egress_rules(self.workload, self.homes):
            pods = {"matchLabels": {NAME_LABEL: self.workload.name}}
            spec: Any = {"podSelector": pods, "policyTypes": ["Egress"], "egress": rules}
            own = {**self.metadata, "name": f"{self.workload.name}-regions"}
            k8s.networking.v1.NetworkPolicy(f"{name}-regions", metadata=own, spec=spec, opts=opts)
        configuration, objects = _configuration.register(name, self.workload, self.environment, self.metadata, opts)
        return configuration, [account, *claims, *objects]

    def _claim(self, name: str, volume: Volume, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        own = {**self.metadata, "name": claim_name(self.workload, volume.name)}
        # Many storage classes bind a claim only when its pod is scheduled: waiting for it first would never end.
        own["annotations"] = {"pulumi.com/skipAwait": "true"}
        spec: Any = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": volume.size}}}
        if self.governance.category.rule.encryption_at_rest:
            spec["storageClassName"] = min(self.governance.cluster.encrypted_storage_classes)
        claim: pulumi.Resource = k8s.core.v1.PersistentVolumeClaim(
            f"{name}-volume-{volume.name}", metadata=own, spec=spec, opts=opts
        )
        return claim


def prepare(
    name: str,
    args: WebServiceArgs | ScheduledJobArgs,
    opts: pulumi.ResourceOptions | None,
    law: Law | None,
    check: Callable[[Workload, Governance], list[Fault]],
) -> Prepared:
    """Ask all that may refuse a workload, `check` included; raises OnshoreError with everything found."""
    questions = Questions(name)
    environment = args.get("environment") or {}
    law = law or questions.ask(Law.load)
    facts = (args["department"], args["category"], args["cluster"], str(args.get("exposure") or "internal"))
    governance = governed(questions, name, facts, opts, law) if law else None
    workload = questions.ask(lambda: read_score(Path(args["score"]), environment))
    if workload is not None and governance is not None and law is not None:
        questions.faults += image_faults(workload, governance.category, law.register, law.profile.country)
        questions.faults += _storage_faults(workload, governance)
        questions.faults += check(workload, governance)
    if workload is not None:
        for key in sorted(set(workload.outputs) - set(environment)):
            fix = f"build it in a region, and pass its output as environment[{key!r}]"
            questions.faults.append(Fault(f"environment.{key}", "nobody says where the resource is", fix=fix))
    homes = _homes(questions, args, workload, law) if workload and law else {}
    questions.settle()
    if workload is None or governance is None:
        raise AssertionError(name)  # settle has raised
    return Prepared(workload, governance, args["namespace"], environment, homes)


def _homes(
    questions: Questions, args: WebServiceArgs | ScheduledJobArgs, workload: Workload, law: Law
) -> dict[str, Region]:
    """The region of each object store; pods may not reach the store of a region where their data may not be."""
    homes: dict[str, Region] = {}
    given = args.get("stores") or {}
    known = [store.name for store in workload.stores]
    for name in known:
        if name not in given:
            fix = f"say the id of the region that keeps it as stores[{name!r}]"
            questions.faults.append(Fault(f"stores.{name}", "nobody says where the object store is", fix=fix))
    for name, region in given.items():
        if name not in known:
            fix = nearest(name, known)
            questions.faults.append(Fault(f"stores.{name}", "the Score file has no such object store", region, fix=fix))
            continue
        facts = (args["department"], args["category"], region)
        found = questions.ask(partial(region_placement, *facts, "object-store", law))
        if found is not None:
            homes[name] = found.region
    questions.faults += unreachable_stores(homes.values())
    return homes


def _storage_faults(workload: Workload, governance: Governance) -> list[Fault]:
    """Claims that the cluster cannot keep encrypted, where the category needs it."""
    reason = storage_reason(governance.cluster, governance.category) if workload.storage_gib else None
    where = f"cluster {governance.cluster.id}"
    return [Fault(where, f"{reason.what} ({reason.rule})", reason.got, reason.allowed, reason.fix)] if reason else []


def metadata(name: str, governance: Governance, namespace: str | None = None) -> dict[str, Any]:
    """Labels of an object of a component, and its namespace; what is in none carries the register's issue as well.

    Once per namespace is enough: a new issue of the register must not change every object of every department.
    """
    place = {"namespace": namespace} if namespace else {"annotations": governance.annotations}
    return {**place, "labels": {NAME_LABEL: name, MANAGED_BY_LABEL: "onshore", **governance.labels}}
