"""A container of objects in a region: private, versioned where the store can, and no promise that it does not keep."""

import pulumi

from components._openstack import openstack
from components.args import ObjectStoreArgs
from components.governance import Law
from components.region_fitness import store_faults
from components.region_law import located
from inventories.questions import Questions


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
        questions.faults += store_faults(args, home)
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
