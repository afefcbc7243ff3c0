"""The most that a department's project in a region may use: machines, storage, networks, and no public address."""

from typing import Final

import pulumi

from components._openstack import openstack
from components.args import DepartmentProjectArgs
from components.governance import Law
from components.region_law import located
from inventories.faults import Fault
from inventories.questions import Questions

_SIZES: Final = ("instances", "vcpu", "memory_gib", "storage_gib", "networks")
_MIB: Final = 1024
_VOLUMES_EACH: Final = 2  # a boot volume and one of data
_PORTS_EACH: Final = 4


class DepartmentProject(pulumi.ComponentResource):
    """Quotas of compute, volumes and networks; public addresses only where the category may be public.

    `opts.provider` is a `RegionAccess` whose login may set quotas. Raises OnshoreError with every fault before anything
    is registered.
    """

    project_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: DepartmentProjectArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        law: Law | None = None,
    ) -> None:
        questions = Questions(name)
        facts = (args["department"], args["category"], args["region"], "internal")
        home = located(questions, name, facts, "vm", opts, law)
        for field in _SIZES:
            size = args.get(field, 5)
            if not (isinstance(size, int | float) and 0 <= size < 2**31 and size == int(size)):
                questions.faults.append(Fault(field, "not a number of them", str(size), fix="choose 0 or more"))
        questions.settle()
        if home is None:
            raise AssertionError(name)  # settle has raised
        project, machines, networks = args["project_id"], args["instances"], args.get("networks", 5)
        addresses = machines if home.category.rule.exposure == "public" else 0
        super().__init__("onshore:index:DepartmentProject", name, {**home.inputs, "projectId": project}, opts)
        child = pulumi.ResourceOptions(parent=self)
        openstack.compute.QuotaSetV2(
            f"{name}-compute",
            project_id=project,
            instances=machines,
            cores=args["vcpu"],
            ram=args["memory_gib"] * _MIB,
            server_groups=machines,
            key_pairs=machines,
            opts=child,
        )
        openstack.blockstorage.QuoteSetV3(
            f"{name}-volumes",
            project_id=project,
            gigabytes=args["storage_gib"],
            volumes=machines * _VOLUMES_EACH,
            snapshots=machines * _VOLUMES_EACH,
            opts=child,
        )
        openstack.networking.QuotaV2(
            f"{name}-networks",
            project_id=project,
            network=networks,
            subnet=networks * 2,
            router=networks,
            port=machines * _PORTS_EACH,
            security_group=networks * 2,
            floatingip=addresses,
            opts=child,
        )
        self.project_id = pulumi.Output.from_input(project)
        self.register_outputs({"projectId": project})
