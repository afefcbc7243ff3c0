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
