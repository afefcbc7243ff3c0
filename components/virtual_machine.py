"""Machines in a region: on encrypted boot volumes of an image that the register knows by its digest."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pulumi

from components._openstack import openstack
from components.ansible_run import AnsibleAccess, HostKey, RegionMachine
from components.args import VirtualMachineArgs
from components.block_volume import attached_volume
from components.clouds_yaml import CloudLogin
from components.given_providers import SERVED, providers_for
from components.governance import Law
from components.region_access import RegionAccess
from components.region_fitness import fitting_flavor, machine_faults
from components.region_law import Located, located
from inventories.faults import Fault, OnshoreError
from inventories.models import MachineImage
from inventories.questions import Questions


class _Made(NamedTuple):
    """One machine: `called` so, in this zone of the region, at this address."""

    instance: Any
    called: str
    zone: str
    address: pulumi.Output[str]


class VirtualMachine(pulumi.ComponentResource):
    """Machines of one size, each with a port of its own, spread over hosts and the region's zones.

    `opts` have the `RegionAccess` of its region as provider; with `under_ansible` an `AnsibleAccess` as well. Raises
    OnshoreError with every fault before anything is registered; an image whose content is not what the register says
    ends the program once the region has told. `machines` is what an `AnsibleRun` of the same program is given.
    """

    instance_ids: pulumi.Output[list[str]]
    addresses: pulumi.Output[list[str]]

    def __init__(
        self, name: str, args: VirtualMachineArgs, opts: pulumi.ResourceOptions | None = None, *, law: Law | None = None
    ) -> None:
        questions = Questions(name)
        exposure = str(args.get("exposure") or "internal")
        facts = (args["department"], args["category"], args["region"], exposure)
        home = located(questions, name, facts, "vm", opts, law)
        questions.faults += [*machine_faults(args, home), *_ansible_faults(args, opts)]
        questions.settle()
        if home is None:
            raise AssertionError(name)  # settle has raised
        count = int(args.get("count", 1))  # other languages know no whole numbers
        inputs = {**home.inputs, "image": args["image"], "count": count}
        super().__init__("onshore:index:VirtualMachine", name, inputs, opts)
        shared = _shared(name, args, home, self)
        machines = [_machine(name, index, args, home, shared, self) for index in range(count)]
        self.instance_ids = pulumi.Output.all(*[machine.instance.id for machine in machines])
        self.addresses = pulumi.Output.all(*[machine.address for machine in machines])
        self.machines: list[RegionMachine] = []
        if args.get("under_ansible") and (login := _login(opts)):
            self.machines = [_joined(name, index, made, home, login, self) for index, made in enumerate(machines)]
        self.register_outputs({"instanceIds": self.instance_ids, "addresses": self.addresses})


def pinned_image(image: MachineImage, found_id: str, properties: dict[str, Any]) -> str:
    """The id of an image whose content is what the register says; raises OnshoreError (`refused`) otherwise."""
    got = f"{properties.get('os_hash_algo', 'nothing')}:{properties.get('os_hash_value', '')}"
    if got != image.digest:
        why = f"the register says {image.digest[:24]}…"
        fix = "choose an image of the register; if it was renewed, the register must say so first"
        fault = Fault(f"image {image.name}", "another content than the register's", f"{got[:24]}…", why, fix)
        raise OnshoreError("the machine cannot be built", [fault], refused=True)
    return found_id


def _shared(name: str, args: VirtualMachineArgs, home: Located, parent: pulumi.Resource) -> dict[str, Any]:
    """What all machines have in common: the image, the group that keeps them apart, and who logs in."""
    child = pulumi.ResourceOptions(parent=parent)
    image = next(one for one in home.offered.images if one.name == args["image"])
    found = openstack.images.get_image_output(name=image.name, opts=pulumi.InvokeOutputOptions(parent=parent))
    called = f"{home.department.id}-{name}"
    group = openstack.compute.ServerGroup(f"{name}-spread", name=called, policies="soft-anti-affinity", opts=child)
    key = args.get("ssh_public_key")
    pair = openstack.compute.Keypair(f"{name}-key", name=called, public_key=key, opts=child) if key else None
    flavor = fitting_flavor(home.offered.flavors, args["vcpu"], args["memory_gib"])
    return {
        "image_id": found.apply(lambda told: pinned_image(image, told.id, dict(told.properties or {}))),
        "group_id": group.id,
        "key_pair": pair.name if pair else None,
        "flavor_name": flavor.name if flavor else None,
        "called": called,
    }


def _machine(
    name: str, index: int, args: VirtualMachineArgs, home: Located, shared: dict[str, Any], parent: pulumi.Resource
) -> _Made:
    child = pulumi.ResourceOptions(parent=parent)
    zones = home.offered.zones
    zone, given = zones[index % len(zones)].name, args.get("addresses")
    called = f"{shared['called']}-{index}"
    port = openstack.networking.Port(
        f"{name}-port-{index}",
        name=called,
        network_id=args["network_id"],
        fixed_ips=[{"subnet_id": args["subnet_id"], **({"ip_address": given[index]} if given else {})}],
        security_group_ids=[args["security_group_id"]],
        port_security_enabled=True,
        tags=home.tags,
        opts=child,
    )
    boot = {
        "source_type": "image",
        "destination_type": "volume",
        "uuid": shared["image_id"],
        "boot_index": 0,
        "volume_size": args["disk_gib"],
        "volume_type": home.volume_type,
        "delete_on_termination": True,
    }
    machine = openstack.compute.Instance(
        f"{name}-{index}",
        name=called,
        flavor_name=shared["flavor_name"],
        block_devices=[boot],
        networks=[{"port": port.id}],
        availability_zone=zone,
        key_pair=shared["key_pair"],
        user_data=args.get("user_data"),
        config_drive=True,
        metadata=home.metadata,
        scheduler_hints=[{"group": shared["group_id"]}],
        opts=child,
    )
    if args.get("data_gib"):
        attached_volume(f"{name}-data-{index}", args["data_gib"], zone, machine.id, home, parent)
    if args.get("public_network"):
        openstack.networking.FloatingIp(
            f"{name}-public-{index}", pool=args["public_network"], port_id=port.id, tags=home.tags, opts=child
        )
    return _Made(machine, called, zone, port.all_fixed_ips.apply(lambda found: found[0] if found else ""))


def _login(opts: pulumi.ResourceOptions | None) -> CloudLogin | None:
    """How the component's provider logs in to the region, which a program in another language does not tell."""
    return next((one.login for one in providers_for(opts) if isinstance(one, RegionAccess)), None)


def _joined(
    name: str, index: int, made: _Made, home: Located, login: CloudLogin, parent: pulumi.Resource
) -> RegionMachine:
    """A machine as runs of the same up reach it: by the host key that its console told the region."""
    child = pulumi.ResourceOptions(parent=parent)
    told = HostKey(
        f"{name}-host-key-{index}",
        department=home.department.id,
        category=home.category.id,
        region=home.region.id,
        instance_id=made.instance.id,
        login=login,
        opts=child,
    )
    return RegionMachine(made.called, home.region.id, made.zone, made.address, told.key)


def _ansible_faults(args: VirtualMachineArgs, opts: pulumi.ResourceOptions | None) -> Iterator[Fault]:
    if not args.get("under_ansible"):
        return
    if not args.get("ssh_public_key"):
        fix = "give `ssh_public_key`, that of the key which `ssh_key` in onshore.yaml names"
        yield Fault("under_ansible", "nobody could log in", fix=fix)
    if SERVED.get():
        why = "the login to the region does not come along from a program in another language"
        fix = "leave it out, and write this part in Python"
        yield Fault("under_ansible", "for programs in Python only", "", why, fix)
    elif not any(isinstance(one, AnsibleAccess) for one in providers_for(opts)):
        fix = "pass `ResourceOptions(providers=[RegionAccess(...), AnsibleAccess(...)])`"
        yield Fault("under_ansible", "no AnsibleAccess among the providers", fix=fix)
