"""Programs on a region, written without the SDK of the package: it takes a second to import."""

from __future__ import annotations

from typing import Any

import pulumi

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIIII x"


class Resource(pulumi.CustomResource):
    """Any type of the package."""

    def __init__(self, token: str, name: str, /, opts: Any = None, **inputs: Any) -> None:
        super().__init__(f"openstack:{token}", name, inputs, opts)


def network(name: str = "net", /, **inputs: Any) -> Resource:
    return Resource("networking/network:Network", name, **inputs)


def volume(name: str = "data", /, **inputs: Any) -> Resource:
    return Resource("blockstorage/volume:Volume", name, **{"size": 1, **inputs})


def instance(name: str = "vm", /, **inputs: Any) -> Resource:
    return Resource("compute/instance:Instance", name, **{"flavorId": "small", "imageId": "linux", **inputs})


def machine(**inputs: Any) -> None:
    """A network, a key, a group, a volume, and an instance with an interface; `inputs` are the instance's."""
    net = network()
    sub = Resource("networking/subnet:Subnet", "sub", networkId=net.id, cidr="10.0.0.0/24")
    Resource("compute/keypair:Keypair", "key", publicKey=KEY)
    Resource("compute/serverGroup:ServerGroup", "group", policies="anti-affinity")
    group = Resource("networking/secGroup:SecGroup", "door", description="for the web")
    rule = {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "portRangeMin": 443, "portRangeMax": 443}
    Resource("networking/secGroupRule:SecGroupRule", "https", securityGroupId=group.id, **rule)
    with_addresses = pulumi.ResourceOptions(depends_on=[sub])
    port = Resource("networking/port:Port", "port", networkId=net.id, opts=with_addresses)
    volume()
    instance(networks=[{"port": port.id}], **inputs)
