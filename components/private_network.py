"""A network of a department's own in a region: closed in both directions, but for what is declared."""

from typing import Any

import pulumi

from components._openstack import openstack
from components.args import PrivateNetworkArgs
from components.governance import Law
from components.region_fitness import network_faults
from components.region_law import Located, located
from inventories.questions import Questions


class PrivateNetwork(pulumi.ComponentResource):
    """Network, subnets, a router where one is declared, and a security group without the usual open rules.

    `opts.provider` is the `RegionAccess` of its region. Raises OnshoreError with every fault before anything is
    registered: a client or destination that is open to the world in whole or in halves, subnets that overlap.
    """

    network_id: pulumi.Output[str]
    subnet_ids: pulumi.Output[list[str]]
    security_group_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: PrivateNetworkArgs, opts: pulumi.ResourceOptions | None = None, *, law: Law | None = None
    ) -> None:
        questions = Questions(name)
        facts = (args["department"], args["category"], args["region"], "internal")
        home = located(questions, name, facts, "vm", opts, law)
        questions.faults += network_faults(args, home)
        questions.settle()
        if home is None:
            raise AssertionError(name)  # settle has raised
        super().__init__("onshore:index:PrivateNetwork", name, {**home.inputs, "cidrs": list(args["cidrs"])}, opts)
        child = pulumi.ResourceOptions(parent=self)
        called = f"{home.department.id}-{name}"
        network = openstack.networking.Network(
            f"{name}-network", name=called, port_security_enabled=True, tags=home.tags, opts=child
        )
        routed = args.get("external_network")
        subnets = [
            openstack.networking.Subnet(
                f"{name}-subnet-{index}",
                name=f"{called}-{index}",
                network_id=network.id,
                cidr=cidr,
                ip_version=6 if ":" in cidr else 4,
                no_gateway=routed is None,
                tags=home.tags,
                opts=child,
            )
            for index, cidr in enumerate(args["cidrs"])
        ]
        if routed is not None:
            _router(name, routed, subnets, home, self)
        group = openstack.networking.SecGroup(
            f"{name}-group",
            name=called,
            description="closed but for its declared rules",
            delete_default_rules=True,
            tags=home.tags,
            opts=child,
        )
        _rules(name, args, group, self)
        self.network_id = network.id
        self.subnet_ids = pulumi.Output.all(*[subnet.id for subnet in subnets])
        self.security_group_id = group.id
        self.register_outputs(
            {"networkId": network.id, "subnetIds": self.subnet_ids, "securityGroupId": group.id},
        )


def _router(name: str, external: str, subnets: list[Any], home: Located, parent: pulumi.Resource) -> None:
    child = pulumi.ResourceOptions(parent=parent)
    found = openstack.networking.get_network_output(
        name=external, external=True, opts=pulumi.InvokeOutputOptions(parent=parent)
    )
    router = openstack.networking.Router(
        f"{name}-router",
        name=f"{home.department.id}-{name}",
        external_network_id=found.id,
        tags=home.tags,
        opts=child,
    )
    for index, subnet in enumerate(subnets):
        openstack.networking.RouterInterface(
            f"{name}-router-{index}", router_id=router.id, subnet_id=subnet.id, opts=child
        )


def _rules(name: str, args: PrivateNetworkArgs, group: Any, parent: pulumi.Resource) -> None:
    child = pulumi.ResourceOptions(parent=parent)
    for port in map(int, args.get("ports", [])):  # other languages know no whole numbers
        for client in args.get("clients", []):
            openstack.networking.SecGroupRule(
                f"{name}-in-{port}-{_slug(client)}",
                security_group_id=group.id,
                direction="ingress",
                ethertype="IPv6" if ":" in client else "IPv4",
                protocol="tcp",
                port_range_min=port,
                port_range_max=port,
                remote_ip_prefix=client,
                opts=child,
            )
    for destination in args.get("destinations", []):
        openstack.networking.SecGroupRule(
            f"{name}-out-{_slug(destination)}",
            security_group_id=group.id,
            direction="egress",
            ethertype="IPv6" if ":" in destination else "IPv4",
            remote_ip_prefix=destination,
            opts=child,
        )


def _slug(network: str) -> str:
    return network.replace("/", "-").replace(":", "-").replace(".", "-")
