"""A workload's machines and object stores: where they go, and what is built for them before the workload itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from components._decision import Request
from components._egress import unreachable_stores
from components.placement import Placement, Refusal, place
from components.region_fitness import machine_faults, network_faults, store_faults
from components.region_law import locate
from components.workload import output_key
from inventories.faults import Fault, OnshoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pulumi

    from components.args import ObjectStoreArgs, PrivateNetworkArgs, VirtualMachineArgs
    from components.deployment import Decision, StackSpec
    from components.governance import Law
    from components.workload import Machine, Store, Workload
    from inventories.models import ServiceKind
    from inventories.settings import Settings

    _Made: TypeAlias = tuple[dict[str, str], pulumi.Resource]


def region_decisions(spec: StackSpec, workload: Workload, law: Law) -> Iterator[Placement | Refusal]:
    """Where the machines of a workload go, all together, and where its object stores do."""
    wishes = spec.placement.model_dump(exclude={"cluster"})
    shared: dict[str, Any] = {"department": spec.department, "category": spec.category, "from_stack": True, **wishes}
    sizes: list[tuple[ServiceKind, Any]] = []
    if found := workload.machines:
        size = {
            "vcpu": float(sum(one.count * one.vcpu for one in found)),
            "memory_gib": sum(one.count * one.memory_gib for one in found),
            "storage_gib": float(sum(one.count * (one.disk_gib + one.data_gib) for one in found)),
        }
        sizes.append(("vm", size))
    if workload.stores:
        storage = sum(store.size_gib for store in workload.stores)
        sizes.append(("object-store", {"vcpu": 0.0, "memory_gib": 0.0, "storage_gib": storage}))
    for kind, size in sizes:
        request = Request(service_kind=kind, target="region", **shared, **size)
        yield place(request, law.register, law.profile, on=law.on, rules=law.rules)


def regional_faults(workload: Workload, decided: Iterable[Placement | Refusal], law: Law) -> Iterator[Fault]:
    """What keeps a workload's machines and object stores from being made where they go, or anywhere."""
    for found in decided:
        home = None if isinstance(found, Refusal) else locate(found, law)
        if found.request.service_kind == "vm":
            for machine in workload.machines:
                args = cast("VirtualMachineArgs", _machine_args(found, machine))
                yield from _of(machine.name, network_faults(_network_args(found, machine), home))
                yield from _of(machine.name, machine_faults(args, home))
        else:
            yield from unreachable_stores([home.region] if home else [])
            for store in workload.stores:
                yield from _of(store.name, store_faults(_store_args(workload, found, store), home))


def _of(resource: str, faults: Iterable[Fault]) -> Iterator[Fault]:
    return (replace(fault, where=f"resources.{resource}: {fault.where}") for fault in faults)


def store_regions(decision: Decision) -> dict[str, str]:
    """The id of the region of each object store of a workload, by the store's name."""
    kept = [placement.region.id for placement in decision.regional if placement.request.service_kind == "object-store"]
    return {store.name: region for region in kept for store in decision.workload.stores}


def build_regional(decision: Decision, settings: Settings) -> tuple[dict[str, str], list[pulumi.Resource]]:
    """Build what a workload has in regions; returns what it is told of it, by the keys of `Workload.outputs`.

    All of that is known before anything is made, so that previews show it and the policies can judge it.
    """
    from components.region_access import RegionAccess  # noqa: PLC0415 - imports Pulumi

    accesses: dict[str, RegionAccess] = {}
    told: dict[str, str] = {}
    made: list[pulumi.Resource] = []
    for placement in decision.regional:
        if placement.region.id not in accesses:
            content, folder = clouds(decision, placement, settings)
            name = f"region-{placement.region.id}"
            accesses[placement.region.id] = RegionAccess(name, clouds=content, region=placement.region, folder=folder)
        access = accesses[placement.region.id]
        build_kind = _machines if placement.request.service_kind == "vm" else _stores
        for found, resource in build_kind(decision, placement, access):
            told |= found
            made.append(resource)
    return told, made


def _machines(decision: Decision, placement: Placement, access: Any) -> Iterator[_Made]:
    import pulumi  # noqa: PLC0415 - see `components.deployment`

    from components.ansible_run import AnsibleAccess, AnsibleRun  # noqa: PLC0415 - imports Pulumi
    from components.private_network import PrivateNetwork  # noqa: PLC0415 - imports Pulumi
    from components.virtual_machine import VirtualMachine  # noqa: PLC0415 - imports Pulumi

    runs = AnsibleAccess("hosts") if any(one.playbook for one in decision.workload.machines) else None
    opts = pulumi.ResourceOptions(providers=[access, runs] if runs else [access])
    for machine in decision.workload.machines:
        name = f"{decision.workload.name}-{machine.name}"
        inside = PrivateNetwork(f"{name}-network", _network_args(placement, machine), opts, law=decision.law)
        args = _machine_args(placement, machine) | {
            "network_id": inside.network_id,
            "subnet_id": inside.subnet_ids.apply(lambda found: found[0]),
            "security_group_id": inside.security_group_id,
        }
        made = VirtualMachine(name, cast("VirtualMachineArgs", args), opts, law=decision.law)
        pulumi.export(f"{machine.name}Addresses", made.addresses)
        yield {output_key(machine.name, "address"): machine.addresses[0]}, made
        if machine.playbook is not None:
            run = AnsibleRun(
                f"{name}-playbook",
                department=placement.request.department,
                category=placement.category.id,
                machines=made.machines,
                playbook=machine.playbook,
                teardown=machine.teardown,
                forget=machine.teardown is None,  # what it set up goes with the machine
                opts=pulumi.ResourceOptions(provider=runs, depends_on=[made]),
                law=decision.law,
            )
            yield {}, run


def _stores(decision: Decision, placement: Placement, access: Any) -> Iterator[_Made]:
    import pulumi  # noqa: PLC0415 - see `components.deployment`

    from components.object_store import ObjectStore  # noqa: PLC0415 - imports Pulumi

    opts = pulumi.ResourceOptions(provider=access)
    for store in decision.workload.stores:
        name = f"{decision.workload.name}-{store.name}"
        args = _store_args(decision.workload, placement, store)
        made = ObjectStore(name, args, opts, law=decision.law)
        told = {"container": args["container"], "endpoint": made.store.endpoint}
        yield {output_key(store.name, key): value for key, value in told.items()}, made


def _network_args(decided: Placement | Refusal, machine: Machine) -> PrivateNetworkArgs:
    args = {
        **_facts(decided),
        "cidrs": [machine.network],
        "ports": list(machine.ports) if machine.clients else [],
        "clients": list(machine.clients),
        "destinations": list(machine.destinations),
    }
    if machine.external_network is not None:
        args["external_network"] = machine.external_network
    return cast("PrivateNetworkArgs", args)


def _machine_args(decided: Placement | Refusal, machine: Machine) -> dict[str, Any]:
    """Without its network, which is known once it is built."""
    args = {
        **_facts(decided),
        "image": machine.image,
        "vcpu": machine.vcpu,
        "memory_gib": machine.memory_gib,
        "disk_gib": machine.disk_gib,
        "count": machine.count,
        "addresses": machine.addresses,
        "under_ansible": machine.playbook is not None,
    }
    if machine.data_gib:
        args["data_gib"] = machine.data_gib
    if machine.user_data is not None:
        args["user_data"] = machine.user_data
    if machine.ssh_public_key is not None:
        args["ssh_public_key"] = machine.ssh_public_key
    return args


def _store_args(workload: Workload, decided: Placement | Refusal, store: Store) -> ObjectStoreArgs:
    container = f"{decided.request.department}-{workload.name}-{store.name}"
    args = {**_facts(decided), "container": container, "size_gib": store.size_gib}
    if store.versioned is not None:
        args["versioned"] = store.versioned
    if store.expire_after_days is not None:
        args["expire_after_days"] = store.expire_after_days
    return cast("ObjectStoreArgs", args)


def _facts(decided: Placement | Refusal) -> dict[str, Any]:
    return {
        "department": decided.request.department,
        "category": decided.category.id if decided.category else decided.request.category,
        "region": "" if isinstance(decided, Refusal) else decided.region.id,
    }


def clouds(decision: Decision, placement: Placement, settings: Settings) -> tuple[str, Path | None]:
    """A clouds.yaml's content, and its folder where it is a file: the stack's own, else the region's; raises."""
    if decision.spec.clouds:
        return decision.spec.clouds, None
    region = placement.region.id
    file = settings.clouds / f"{region}.yaml"
    try:
        return file.read_text(encoding="utf-8"), file.parent
    except FileNotFoundError:
        fix = f"save the clouds.yaml of {region} there, or set the secret `onshore:clouds`"
        fault = Fault(str(file), "the file is missing", fix=fix)
    except (OSError, UnicodeDecodeError) as error:
        fault = Fault(str(file), "the file cannot be read", got=type(error).__name__, fix="restore it")
    raise OnshoreError(f"there is no way to {region}", [fault])
