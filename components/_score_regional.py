"""Resources of a Score file that are made in a region: `vm` and `object-store`."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field

from components._score_model import Memory, PortNumber, Text, Written
from components.workload import FIRST_ADDRESS, GIB, Machine, Store, quantity
from inventories.yaml_source import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components._score_model import Score
    from components._score_reader import Reader
    from inventories.yaml_source import KeyPath

_Params = TypeVar("_Params", bound=Written)


class VmParams(Written):
    """`params` of a vm: one machine or several alike, in a network of their own."""

    image: Text
    cpu: Annotated[int, Field(ge=1, strict=True)] = 1
    memory: Memory = "2Gi"
    disk: Memory = "10Gi"
    data: Memory | None = None
    count: Annotated[int, Field(ge=1, le=20, strict=True)] = 1
    network: Text
    ports: tuple[PortNumber, ...] = ()
    clients: tuple[Text, ...] = ()
    destinations: tuple[Text, ...] = ()
    external_network: Text | None = None
    user_data: str | None = None
    ssh_public_key: Text | None = None
    playbook: Text | None = None
    teardown: Text | None = None


class ObjectStoreParams(Written):
    """`params` of an object store, `size` being what it is priced by; what the store does not honour is refused."""

    size: Memory = "1Gi"
    versioned: bool | None = None
    expire_after_days: Annotated[int, Field(ge=1, strict=True)] | None = None


def machines(reader: Reader, score: Score) -> Iterator[Machine]:
    """The machines that a file asks for."""
    networks: list[tuple[str, Any]] = []
    for name, params in _params(reader, score, "vm", VmParams):
        path: KeyPath = ("resources", name, "params", "network")
        try:
            network = ip_network(params.network)
        except ValueError:
            fix = "write it like 10.60.0.0/24, without bits beyond the mask"
            reader.fault(path, "not a network", params.network, fix=fix)
        else:
            networks.append((name, network))
            if network.num_addresses < 2 * FIRST_ADDRESS + params.count:
                reader.fault(path, "too small a network", params.network, fix="write it like 10.60.0.0/24")
        if params.playbook and not params.ssh_public_key:
            fix = "add sshPublicKey, that of the key which `ssh_key` in onshore.yaml names"
            reader.fault((*path[:3], "playbook"), "nobody could log in to run it", params.playbook, fix=fix)
        if params.teardown and not params.playbook:
            reader.fault((*path[:3], "teardown"), "undoes nothing", params.teardown, fix="add playbook, or remove it")
        yield Machine(
            name=name,
            image=params.image,
            vcpu=params.cpu,
            memory_gib=_gib(params.memory),
            disk_gib=_whole(reader, (*path[:3], "disk"), params.disk),
            data_gib=_whole(reader, (*path[:3], "data"), params.data) if params.data else 0,
            count=params.count,
            network=params.network,
            ports=params.ports,
            clients=params.clients,
            destinations=params.destinations,
            external_network=params.external_network,
            user_data=params.user_data,
            ssh_public_key=params.ssh_public_key,
            playbook=params.playbook,
            teardown=params.teardown,
        )
    for (one, first), (other, second) in combinations(networks, 2):
        if first.overlaps(second):
            path = ("resources", other, "params", "network")
            reader.fault(path, f"overlaps the network of `{one}`", str(second), fix="give each its own addresses")


def stores(reader: Reader, score: Score) -> Iterator[Store]:
    """The object stores that a file asks for."""
    for name, params in _params(reader, score, "object-store", ObjectStoreParams):
        yield Store(name, _gib(params.size), params.versioned, params.expire_after_days)


def _params(reader: Reader, score: Score, kind: str, model: type[_Params]) -> Iterator[tuple[str, _Params]]:
    for name, resource in score.resources.items():
        if resource.type != kind:
            continue
        path: KeyPath = ("resources", name)
        if resource.class_ != "default":
            reader.fault((*path, "class"), f"a class of {kind} that is not supported", resource.class_, fix="remove it")
        if not resource.params and any(field.is_required() for field in model.model_fields.values()):
            needed = ", ".join(key for key, field in model.model_fields.items() if field.is_required())
            reader.fault(path, f"a {kind} without params", fix=f"add params: {{{needed}}}")
            continue
        params, faults = validate(model, reader.document, (*path, "params")) if resource.params else (model(), [])
        reader.faults.extend(faults)
        if params is not None:
            yield name, params


def _gib(size: str) -> float:
    return float(quantity(size.replace("K", "k") if size.endswith("K") else size) / GIB)


def _whole(reader: Reader, path: KeyPath, size: str) -> int:
    found = _gib(size)
    if found != int(found) or found < 1:
        reader.fault(path, "not a whole number of GiB", size, fix="write it like 20Gi")
    return int(found)
