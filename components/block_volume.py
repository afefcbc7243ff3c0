"""A volume in a region, of an encrypted type where the region has one, and always where the category asks for that."""

from typing import Any

import pulumi

from components._openstack import openstack
from components.args import BlockVolumeArgs
from components.governance import Law
from components.region_fitness import volume_faults
from components.region_law import Located, located
from inventories.questions import Questions


class BlockVolume(pulumi.ComponentResource):
    """A volume, attached to a machine where one is named.

    `opts.provider` is the `RegionAccess` of its region. Raises OnshoreError with every fault before anything is
    registered.
    """

    volume_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: BlockVolumeArgs, opts: pulumi.ResourceOptions | None = None, *, law: Law | None = None
    ) -> None:
        questions = Questions(name)
        facts = (args["department"], args["category"], args["region"], "internal")
        home = located(questions, name, facts, "volume", opts, law)
        questions.faults += volume_faults(args, home)
        questions.settle()
        if home is None:
            raise AssertionError(name)  # settle has raised
        super().__init__("onshore:index:BlockVolume", name, {**home.inputs, "sizeGib": args["size_gib"]}, opts)
        zone = args.get("zone") or home.offered.zones[0].name
        self.volume_id = attached_volume(f"{name}-volume", args["size_gib"], zone, args.get("instance_id"), home, self)
        self.register_outputs({"volumeId": self.volume_id})


def attached_volume(
    name: str,
    size_gib: int,
    zone: str,
    instance_id: pulumi.Input[str] | None,
    home: Located,
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Register a volume and its attachment; returns the volume's id."""
    child = pulumi.ResourceOptions(parent=parent)
    volume: Any = openstack.blockstorage.Volume(
        name,
        name=f"{home.department.id}-{name}",
        size=size_gib,
        volume_type=home.volume_type,
        enable_online_resize=True,
        availability_zone=zone,
        metadata=home.metadata,
        opts=child,
    )
    if instance_id is not None:
        openstack.compute.VolumeAttach(f"{name}-attach", instance_id=instance_id, volume_id=volume.id, opts=child)
    found: pulumi.Output[str] = volume.id
    return found
