"""A network of a department's own in a region: closed in both directions, but for what is declared."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pulumi

from components._openstack import openstack
from components.args import PrivateNetworkArgs
from components.governance import Law
from components.region_law import Located, as_network, located, network_faults
from inventories.faults import Fault
from inventories.questions import Questions
from inventories.yaml_source import nearest


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
        questions.faults += _faults(args)
        if home is not None:
            questions.faults += _router_faults(args, home)
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


def _faults(args: PrivateNetworkArgs) -> Iterator[Fault]:
    if not args["cidrs"]:
        yield Fault("cidrs", "a network without a subnet", fix="give it one, like 10.60.0.0/24")
    for field in ("cidrs", "clients", "destinations"):
        written: list[str] = args.get(field, [])  # type: ignore[assignment] # the three are lists of text
        yield from network_faults(field, written)
        twice = sorted({text for text in written if written.count(text) > 1})
        yield from (Fault(field, "named twice", text, fix="keep one") for text in twice)
    subnets = [(text, network) for text in dict.fromkeys(args["cidrs"]) if (network := as_network(text))]
    for (one, first), (other, second) in combinations(subnets, 2):
        if first.overlaps(second):
            yield Fault("cidrs", "subnets that overlap", f"{one} and {other}", fix="give each its own addresses")
    ports, clients = args.get("ports", []), args.get("clients", [])
    for index, port in enumerate(ports):
        if not 0 < port < 2**16 or port != int(port) or port in ports[:index]:
            yield Fault(f"ports[{index}]", "not a port, or named twice", str(port), fix="choose from 1 to 65535, once")
    if bool(ports) != bool(clients):
        got = "ports without clients" if ports else "clients without ports"
        yield Fault("ports, clients", "one without the other opens nothing", got, fix="give both, or neither")


def _router_faults(args: PrivateNetworkArgs, home: Located) -> Iterator[Fault]:
    wanted = args.get("external_network")
    if wanted is None:
        return
    known = {network.name: network for network in home.offered.external_networks}
    if wanted not in known:
        fix = nearest(wanted, list(known))
        yield Fault("external_network", f"not an external network of {home.region.id}", wanted, fix=fix)
    elif known[wanted].public and home.category.rule.exposure != "public":
        why = f"{home.category.id} data has no way to the internet"
        fix = "name an external network that is not public, or leave it out"
        yield Fault("external_network", "a public network (EXP-001)", wanted, why, fix)
