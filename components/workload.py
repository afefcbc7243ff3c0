"""A workload as Kubernetes will run it, read from Score and not yet bound to a place.

Sizes are Kubernetes quantities (`250m`, `1.5Gi`) where an object needs them and plain numbers (cores, GiB) where money
or quotas are counted. Values taken from the stack's `onshore:environment` stay open (`EnvironmentKey`) until the
component is built, for they may be secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import ip_network
from typing import Final

_UNITS: Final[dict[str, int]] = {
    "": 1,
    **{unit: 1000**power for power, unit in enumerate(("k", "M", "G", "T", "P", "E"), start=1)},
    **{unit: 1024**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)},
}
GIB: Final = 1024**3
FIRST_ADDRESS: Final = 10


@dataclass(frozen=True, slots=True)
class EnvironmentKey:
    """A value of the stack's `onshore:environment`, by its key."""

    key: str


Template = tuple[str | EnvironmentKey, ...]
"""Text with the stack's values left open."""


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """A request that a healthy container answers with success."""

    path: str
    port: int
    scheme: str = "HTTP"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ExecProbe:
    """A command that succeeds in a healthy container."""

    command: tuple[str, ...]


Probe = HttpProbe | ExecProbe


@dataclass(frozen=True, slots=True)
class File:
    """A file put into a container; `mode` None: the container runtime's default."""

    path: str
    content: Template | bytes
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a container sees a volume."""

    path: str
    volume: str
    sub_path: str = ""
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Resources:
    """What a container asks for and may not exceed, as Kubernetes quantities."""

    cpu_request: str = "100m"
    memory_request: str = "128Mi"
    cpu_limit: str = "500m"
    memory_limit: str = "256Mi"


@dataclass(frozen=True, slots=True)
class Container:
    """One container of the pod; `written` is `file:line:path` of its image, for faults."""

    name: str
    image: str
    written: str = field(default="", compare=False)
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    variables: tuple[tuple[str, Template], ...] = ()
    files: tuple[File, ...] = ()
    mounts: tuple[Mount, ...] = ()
    resources: Resources = Resources()
    liveness: Probe | None = None
    readiness: Probe | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the service (`number`) and the one in the pod that answers (`target`)."""

    name: str
    number: int
    target: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Volume:
    """Storage of the pod: lost with the pod when `ephemeral`, else a claim on the cluster's storage."""

    name: str
    size: str
    ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A host and path prefix that lead to a service port."""

    name: str
    host: Template
    path: str
    port: str


@dataclass(frozen=True, slots=True)
class Machine:
    """Machines of one size in a region, in a network of their own; sizes in GiB, `data_gib` 0: no data volume.

    `clients` may reach `ports`, and the workload's pods may.
    """

    name: str
    image: str
    vcpu: int
    memory_gib: float
    disk_gib: int
    data_gib: int
    count: int
    network: str
    ports: tuple[int, ...] = ()
    clients: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    external_network: str | None = None
    user_data: str | None = None
    ssh_public_key: str | None = None
    playbook: str | None = None
    teardown: str | None = None

    @property
    def addresses(self) -> list[str]:
        """The address of each machine, known before it is made; the first ten are left to the region."""
        network = ip_network(self.network)
        return [str(network[FIRST_ADDRESS + index]) for index in range(self.count)]


@dataclass(frozen=True, slots=True)
class Store:
    """A container of objects in a region; `size_gib` is what it is priced by. None: as the store does, or never."""

    name: str
    size_gib: float
    versioned: bool | None = None
    expire_after_days: int | None = None


OUTPUTS: Final[dict[str, tuple[str, ...]]] = {"vm": ("address",), "object-store": ("container", "endpoint")}
"""What a workload can be told of its resources in a region, once they are made."""


def output_key(resource: str, output: str) -> str:
    """The key under which an output of a resource stands among the values of a stack's environment."""
    return f"resources.{resource}.{output}"


@dataclass(frozen=True, slots=True)
class Workload:
    """All of one Score file."""

    name: str
    containers: tuple[Container, ...]
    annotations: tuple[tuple[str, str], ...] = ()
    ports: tuple[Port, ...] = ()
    volumes: tuple[Volume, ...] = ()
    routes: tuple[Route, ...] = ()
    machines: tuple[Machine, ...] = ()
    stores: tuple[Store, ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The keys of what is told of its resources in a region."""
        kinds = (("vm", self.machines), ("object-store", self.stores))
        return tuple(output_key(one.name, key) for kind, found in kinds for one in found for key in OUTPUTS[kind])

    @property
    def persistent(self) -> bool:
        """Whether it keeps data in the cluster's storage: then one pod at a time may run."""
        return any(not volume.ephemeral for volume in self.volumes)

    @property
    def vcpu(self) -> float:
        """Cores that one pod asks for."""
        return float(sum(quantity(c.resources.cpu_request) for c in self.containers))

    @property
    def memory_gib(self) -> float:
        """Memory that one pod asks for."""
        return float(sum(quantity(c.resources.memory_request) for c in self.containers) / GIB)

    @property
    def cpu_limit(self) -> float:
        """Cores that one pod may use at most."""
        return float(sum(quantity(c.resources.cpu_limit) for c in self.containers))

    @property
    def memory_limit_gib(self) -> float:
        """Memory that one pod may use at most."""
        return float(sum(quantity(c.resources.memory_limit) for c in self.containers) / GIB)

    @property
    def storage_gib(self) -> float:
        """Storage that it claims for good."""
        return float(sum((quantity(v.size) for v in self.volumes if not v.ephemeral), Decimal(0)) / GIB)


def quantity(text: str) -> Decimal:
    """A Kubernetes quantity as a number of cores or bytes; the text must be one already checked."""
    if text.endswith("m"):
        return Decimal(text[:-1]) / 1000
    number = text.rstrip("kKMGTPEi")
    return Decimal(number) * _UNITS[text[len(number) :]]
