"""What components are built from: plain values, so that they are known and judged before anything is registered.

These classes are also the schema of the `onshore` package for programs in other languages. The SDK's analyzer reads
their annotations as they run: no `from __future__ import annotations` here, and only str, int, float, list, dict and
Input.
"""

from typing import NotRequired, TypedDict

import pulumi


class LandingZoneArgs(TypedDict):
    """A namespace for one department's data of one category on one cluster."""

    department: str
    """The department's id in the register."""
    category: str
    """The data category, by id or alias."""
    cluster: str
    """The cluster's id in the register."""
    namespace: str
    """The name of the namespace."""
    exposure: NotRequired[str]
    """`internal` (default) or `public`."""
    cpu: NotRequired[float]
    """The most cores that all pods together may be limited to (default 4)."""
    memory_gib: NotRequired[float]
    """The most memory that all pods together may be limited to (default 8)."""
    storage_gib: NotRequired[float]
    """The most storage that may be claimed (default 20)."""
    pods: NotRequired[int]
    """The most pods (default 20)."""
    role: NotRequired[str]
    """What the department's group may do: `view` (default; not secrets) or `edit`."""
    placed_because: NotRequired[str]
    """Why this cluster: kept on the namespace for its readers."""


class WebServiceArgs(TypedDict):
    """A workload that answers requests."""

    department: str
    """The department's id in the register."""
    category: str
    """The data category, by id or alias."""
    cluster: str
    """The cluster's id in the register."""
    namespace: str
    """The landing zone's namespace."""
    score: str
    """The path of the Score file."""
    exposure: NotRequired[str]
    """`internal` (default) or `public`."""
    replicas: NotRequired[int]
    """Pods at rest (default 2; 1 when it keeps data in a volume)."""
    environment: NotRequired[dict[str, pulumi.Input[str]]]
    """Values of the Score file's `environment` resources; secret ones are kept in a Secret."""
    stores: NotRequired[dict[str, str]]
    """For each object store of the Score file, the id of the region that keeps it; pods may reach it."""


class ScheduledJobArgs(TypedDict):
    """A workload that runs at set times."""

    department: str
    """The department's id in the register."""
    category: str
    """The data category, by id or alias."""
    cluster: str
    """The cluster's id in the register."""
    namespace: str
    """The landing zone's namespace."""
    score: str
    """The path of the Score file."""
    schedule: str
    """When it runs, as five cron fields in Pakistan's time."""
    environment: NotRequired[dict[str, pulumi.Input[str]]]
    """Values of the Score file's `environment` resources; secret ones are kept in a Secret."""
    stores: NotRequired[dict[str, str]]
    """For each object store of the Score file, the id of the region that keeps it; pods may reach it."""


class StackReadingArgs(TypedDict):
    """What is read from another stack."""

    stack: str
    """The stack, as `project/stack`, or `stack` for one of this project."""
    outputs: list[str]
    """The names of the outputs that are read."""


class OnHostArgs(TypedDict):
    """What every service on a host is asked for. (The analyzer tells descriptions of a class's own fields only.)"""

    department: str
    """The department's id in the register."""
    category: str
    """The data category, by id or alias."""
    host: str
    """The id of the register's host that it stands on."""
    clients: list[str]
    """The private networks that may connect, like 10.20.0.0/16."""
    backup_host: str
    """The id of another host of the register, in the country, that keeps the backups of its data."""
    backup_recipient: str
    """The public key of `age` that backups are encrypted to."""
    backup_every_hours: NotRequired[float]
    """How often a backup is made (default 24)."""
    backup_keep_days: NotRequired[int]
    """How long a backup is kept (default 30)."""


class PostgresDatabaseArgs(OnHostArgs):
    """A PostgreSQL database on a host."""

    database: str
    """The name of the database."""
    owner: str
    """The role that owns it, and may change its schema."""
    writers: NotRequired[list[str]]
    """Roles that may read and change its data."""
    readers: NotRequired[list[str]]
    """Roles that may read its data."""
    passwords: dict[str, pulumi.Input[str]]
    """The password of each role; secrets."""
    tls_certificate: pulumi.Input[str]
    """The certificate that it shows, with its chain, as PEM."""
    tls_private_key: pulumi.Input[str]
    """The certificate's private key as PEM; a secret."""
    port: NotRequired[int]
    """Where it listens (default 5432)."""


class FileStoreArgs(OnHostArgs):
    """A tree of files on a host."""

    quota_mib: int
    """How large it may grow: no session that writes begins beyond it."""
    mode: NotRequired[str]
    """The mode of the folder, in octal (default 0750)."""
    writers: NotRequired[list[str]]
    """Public SSH keys of those who may read and write."""
    readers: NotRequired[list[str]]
    """Public SSH keys of those who may read."""


class HostServiceArgs(OnHostArgs):
    """A program on a host that answers over TLS."""

    command: list[str]
    """The program and its arguments; one among `files` goes by its name."""
    port: int
    """Where it listens, from 1024 on."""
    files: NotRequired[dict[str, str]]
    """Files by name, put beside each other into the folder that `APP` names."""
    environment: NotRequired[dict[str, pulumi.Input[str]]]
    """Variables of its environment; kept as secrets."""
    tls_certificate: pulumi.Input[str]
    """The certificate that it shows, with its chain, as PEM."""
    tls_private_key: pulumi.Input[str]
    """The certificate's private key as PEM; a secret."""


class PrivateNetworkArgs(TypedDict):
    """A network of a department's own in a region, closed but for what is declared."""

    department: str
    """The department's id in the register."""
    category: str
    """The data category, by id or alias."""
    region: str
    """The region's id in the register."""
    cidrs: list[str]
    """Its subnets, private and apart from each other, like 10.60.0.0/24."""
    ports: NotRequired[list[int]]
    """The TCP ports that clients may reach on its machines (default none)."""
    clients: NotRequired[list[str]]
    """The private networks that may reach these ports."""
    destinations: NotRequired[list[str]]
    """The private networks that its machines may reach (default none)."""
    external_network: NotRequired[str]
    """The register's external network that a router leads to (default: no router)."""


class VirtualMachineArgs(TypedDict):
    """Machines of one size in a region, on encrypted boot volumes."""

    department: str
    """The department's id in the register."""
    category: str
    """The data category, by id or alias."""
    region: str
    """The region's id in the register."""
    image: str
    """The name of an image that the register lists for the region, with its digest."""
    vcpu: int
    """Cores that each machine has at least."""
    memory_gib: float
    """Memory that each machine has at least."""
    disk_gib: int
    """The size of the boot volume."""
    network_id: pulumi.Input[str]
    """The private network's id."""
    subnet_id: pulumi.Input[str]
    """The id of the subnet that its addresses are of."""
    security_group_id: pulumi.Input[str]
    """The id of the private network's security group."""
    count: NotRequired[int]
    """How many machines, apart from each other as far as the region can (default 1)."""
    addresses: NotRequired[list[str]]
    """The address of each machine, of the subnet (default: the region gives them)."""
    data_gib: NotRequired[int]
    """The size of a data volume of each machine (default none)."""
    user_data: NotRequired[str]
    """What cloud-init does on first boot; never a secret, for whoever reaches the machine can read it."""
    ssh_public_key: NotRequired[str]
    """The public key that logs in."""
    under_ansible: NotRequired[bool]
    """Whether playbooks of the same up reach the machines; asks for an `AnsibleAccess` among the providers."""
    exposure: NotRequired[str]
    """`internal` (default) or `public`."""
    public_network: NotRequired[str]
    """The public external network that gives each machine an address, where the category allows that."""


class BlockVolumeArgs(TypedDict):
    """A volume in a region, encrypted where the region can."""

    department: str
    """The department's id in the register."""
    category: str
    """The data category, by id or alias."""
    region: str
    """The region's id in the register."""
    size_gib: int
    """Its size."""
    zone: NotRequired[str]
    """The availability zone (default: the region's first)."""
    instance_id: NotRequired[pulumi.Input[str]]
    """The machine that it is attached to."""


class ObjectStoreArgs(TypedDict):
    """A container of objects in a region's object store, private and versioned."""

    department: str
    """The department's id in the register."""
    category: str
    """The data category, by id or alias."""
    region: str
    """The region's id in the register."""
    container: str
    """The name of the container."""
    versioned: NotRequired[bool]
    """Whether earlier versions are kept (default: where the store can)."""
    expire_after_days: NotRequired[int]
    """When objects are deleted by themselves (default never)."""
    size_gib: NotRequired[float]
    """How much it is expected to hold: what it is priced by, and no limit."""


class DepartmentProjectArgs(TypedDict):
    """The most that a department's project in a region may use."""

    department: str
    """The department's id in the register."""
    category: str
    """The strictest data category in it, by id or alias."""
    region: str
    """The region's id in the register."""
    project_id: str
    """The project's id in the region."""
    instances: int
    """The most machines."""
    vcpu: int
    """The most cores of all machines together."""
    memory_gib: int
    """The most memory of all machines together."""
    storage_gib: int
    """The most storage of all volumes together."""
    networks: NotRequired[int]
    """The most networks (default 5); as many routers, four times as many ports as machines."""
