"""A container of objects in a region: private, versioned where the store can, and no promise that it does not keep."""

import re
from collections.abc import Iterator
from typing import Final

import pulumi

from components._openstack import openstack
from components.args import ObjectStoreArgs
from components.governance import Law
from components.region_law import Located, located
from inventories.faults import Fault
from inventories.questions import Questions

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")  # what Swift and S3 both take


class ObjectStore(pulumi.ComponentResource):
    """A container that nobody but its project reads or writes.

    `opts.provider` is the `RegionAccess` of its region. Raises OnshoreError with every fault before anything is
    registered: a wish that the register does not say the store honours is refused, never ignored.
    """

    container: pulumi.Output[str]
    endpoint: pulumi.Output[str]

    def __init__(
        self, name: str, args: ObjectStoreArgs, opts: pulumi.ResourceOptions | None = None, *, law: Law | None = None
    ) -> None:
        questions = Questions(name)
        facts = (args["department"], args["category"], args["region"], "internal")
        home = located(questions, name, facts, "object-store", opts, law)
        questions.faults += _faults(args, home)
        questions.settle()
        store = home.offered.object_store if home else None
        if home is None or store is None:
            raise AssertionError(name)  # settle has raised
        versioned = args.get("versioned", "versioning" in store.honours)
        inputs = {
            **home.inputs,
            "container": args["container"],
            "versioned": versioned,
            "sizeGib": args.get("size_gib"),
        }
        super().__init__("onshore:index:ObjectStore", name, inputs, opts)
        made = openstack.objectstorage.Container(
            f"{name}-container",
            name=args["container"],
            versioning=versioned,
            metadata=home.metadata,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.store = store
        self.container = made.name
        self.endpoint = pulumi.Output.from_input(store.endpoint)
        self.register_outputs({"container": self.container, "endpoint": self.endpoint})


def _faults(args: ObjectStoreArgs, home: Located | None) -> Iterator[Fault]:
    if not _NAME.fullmatch(args["container"]):
        fix = "use 3 to 63 of a-z, 0-9 and -, no dash at either end"
        yield Fault("container", "not a name for a container", args["container"], fix=fix)
    store = home.offered.object_store if home else None
    if (size := args.get("size_gib", 0)) < 0:
        yield Fault("size_gib", "not a size", str(size), fix="say how much it is expected to hold, or leave it out")
    if home is None:
        return
    if store is None:
        yield Fault("region", "it has no object store in the register", home.region.id, fix="choose another region")
        return
    if args.get("versioned") and "versioning" not in store.honours:
        why = f"the register does not say that the store of {home.region.id} keeps versions"
        yield Fault("versioned", "a wish that the store does not honour", "true", why, "leave `versioned` out")
    if (days := args.get("expire_after_days")) is not None:
        why = f"the register does not say that the store of {home.region.id} deletes objects by itself"
        if "lifecycle" in store.honours:
            why = "OpenStack's SDK cannot say it to the store"
        fix = "delete what is old by a scheduled job of the workload"
        yield Fault("expire_after_days", "a wish that the store does not honour", str(days), why, fix)
