"""Whether what is asked of a region can be made there; pure: a stack is judged before anything is registered."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from inventories.faults import Fault
from inventories.patterns import SENSITIVE_TEXT
from inventories.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from components.args import BlockVolumeArgs, ObjectStoreArgs, PrivateNetworkArgs, VirtualMachineArgs
    from components.region_law import Located
    from inventories.models import Flavor

_MOST: Final = 20
_MOST_GIB: Final = 16_384
_MOST_USER_DATA: Final = 64 * 1024  # bytes, of which Nova's API takes 65,535 in base64
_MIB: Final = 1024
_SECRETS: Final = re.compile(SENSITIVE_TEXT)
_PUBLIC_KEY: Final = re.compile(r"(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]{32,}={0,2}( .*)?")
_CONTAINER: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")  # what Swift and S3 both take
_PRIVATE: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def network_faults(args: PrivateNetworkArgs, home: Located | None) -> Iterator[Fault]:
    """What keeps a network from being made so in a region; of the region itself where one is known."""
    if not args["cidrs"]:
        yield Fault("cidrs", "a network without a subnet", fix="give it one, like 10.60.0.0/24")
    for field in ("cidrs", "clients", "destinations"):
        written: list[str] = args.get(field, [])  # type: ignore[assignment] # the three are lists of text
        yield from _private_faults(field, written)
        twice = sorted({text for text in written if written.count(text) > 1})
        yield from (Fault(field, "named twice", text, fix="keep one") for text in twice)
    subnets = [(text, network) for text in dict.fromkeys(args["cidrs"]) if (network := _as_network(text))]
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
    if home is not None:
        yield from _router_faults(args, home)


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


def machine_faults(args: VirtualMachineArgs, home: Located | None) -> Iterator[Fault]:
    """What keeps machines from being made so in a region; of the region itself where one is known."""
    for field, most in (("count", _MOST), ("disk_gib", _MOST_GIB), ("data_gib", _MOST_GIB)):
        size: Any = args.get(field, 1)
        if not 1 <= size <= most or size != int(size):
            yield Fault(field, "not a number of them", str(size), fix=f"choose from 1 to {most}")
    if (given := args.get("addresses")) is not None:
        yield from _address_faults(given, int(args.get("count", 1)))
    written: Any = args.get("user_data", "")
    if not isinstance(written, str):
        why = "whoever reaches the machine can read it, and what is computed may be a secret"
        yield Fault("user_data", "not plain text", type(written).__name__, why, "write the text itself")
    elif found := _SECRETS.search(written):
        line = written.count("\n", 0, found.start()) + 1
        why, fix = "whoever reaches the machine can read it", "let the machine fetch its secrets once it runs"
        yield Fault("user_data", "looks like a secret", f"line {line}", why, fix)
    elif len(written.encode()) * 4 / 3 >= _MOST_USER_DATA:
        yield Fault("user_data", "too long for OpenStack", f"{len(written.encode())} bytes", fix="fetch the rest")
    key: Any = args.get("ssh_public_key")
    if key is not None and not (isinstance(key, str) and _PUBLIC_KEY.fullmatch(key.strip())):
        yield Fault("ssh_public_key", "not a public SSH key", fix="write it as in id_ed25519.pub")
    if home is not None:
        yield from _offer_faults(args, home)


def fitting_flavor(flavors: tuple[Flavor, ...], vcpu: int, memory_gib: float) -> Flavor | None:
    """The smallest flavor with that many cores and that much memory."""
    fitting = [one for one in flavors if one.vcpu >= vcpu and one.memory_mib >= memory_gib * _MIB]
    return min(fitting, key=lambda one: (one.vcpu, one.memory_mib, one.name), default=None)


def _address_faults(given: list[str], count: int) -> Iterator[Fault]:
    if len(given) != count or len(set(given)) != count:
        yield Fault("addresses", "not one for each machine", ", ".join(given), fix=f"name {count}, each once")
    for index, text in enumerate(given):
        network = _as_network(text)
        if network is None or network.num_addresses != 1 or not _is_private(network):
            yield Fault(f"addresses[{index}]", "not a private address", text, fix="write it like 10.60.0.10")


def _offer_faults(args: VirtualMachineArgs, home: Located) -> Iterator[Fault]:
    offered = home.offered
    images = [image.name for image in offered.images]
    if args["image"] not in images:
        what = f"not an image that the register lists for {home.region.id}"
        yield Fault("image", what, args["image"], fix=nearest(args["image"], images))
    if fitting_flavor(offered.flavors, args["vcpu"], args["memory_gib"]) is None:
        got = f"{args['vcpu']} cores and {args['memory_gib']:g} GiB"
        sizes = ", ".join(f"{one.name} ({one.vcpu}, {one.memory_mib / _MIB:g} GiB)" for one in offered.flavors)
        yield Fault("vcpu, memory_gib", f"no flavor of {home.region.id} is that large", got, fix=f"there are: {sizes}")
    wanted = args.get("public_network")
    if wanted is None:
        return
    public = [network.name for network in offered.external_networks if network.public]
    if home.category.rule.exposure != "public" or home.exposure != "public":
        why = f"{home.category.id} data is reached from inside"
        if home.category.rule.exposure == "public":
            why = "the machine is not declared public"
        fix = "leave `public_network` out"
        yield Fault("public_network", "an address that the internet reaches (EXP-001)", wanted, why, fix)
    if wanted not in public:
        what = f"not a public external network of {home.region.id}"
        yield Fault("public_network", what, wanted, fix=nearest(wanted, public) if public else "there is none")


def volume_faults(args: BlockVolumeArgs, home: Located | None) -> Iterator[Fault]:
    """What keeps a volume from being made so in a region; of the region itself where one is known."""
    size, zone = args["size_gib"], args.get("zone")
    if not 1 <= size <= _MOST_GIB or size != int(size):
        yield Fault("size_gib", "not a size", str(size), fix=f"choose from 1 to {_MOST_GIB}")
    zones = [one.name for one in home.offered.zones] if home else []
    if home is not None and zone is not None and zone not in zones:
        yield Fault("zone", f"not a zone of {home.region.id}", zone, fix=nearest(zone, zones))


def store_faults(args: ObjectStoreArgs, home: Located | None) -> Iterator[Fault]:
    """What keeps a container from being made so in a region; of the region itself where one is known."""
    if not _CONTAINER.fullmatch(args["container"]):
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


def _private_faults(where: str, written: Sequence[str]) -> Iterator[Fault]:
    """What keeps texts from being private networks of somebody's own; half the world is the world too."""
    for index, text in enumerate(written):
        network = _as_network(text)
        if network is None:
            fix = "write it like 10.20.0.0/16, without bits beyond the mask"
            yield Fault(f"{where}[{index}]", "not a network", text, fix=fix)
        elif not _is_private(network):
            why = "what is inside a region is reached from private networks alone"
            fix = "name a private network, or put a web service in a cluster in front"
            yield Fault(f"{where}[{index}]", "open to the public (EXP-001)", text, why, fix)


def _is_private(network: IPv4Network | IPv6Network) -> bool:
    """Whether a network lies within those that are nobody's on the internet."""
    return any(own.version == network.version and network.subnet_of(own) for own in _PRIVATE)  # type: ignore[arg-type]


def _as_network(text: str) -> IPv4Network | IPv6Network | None:
    """The network that a text says, None where it says none."""
    try:
        return ip_network(text)
    except ValueError:
        return None
