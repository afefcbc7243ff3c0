"""The discovery record: what was found on premises on a day, and what of it is an asset that has to go somewhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, Field

from inventories.models import Id, Record, Words
from migration._forms import AbsolutePath, read_form, twice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inventories.faults import Fault
    from inventories.yaml_source import Document

Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=0)]
AssetKind = Literal["service", "database", "files", "job"]


class Service(Record):
    """A service that runs; `ports` it listens on."""

    name: Words
    user: str = ""
    command: str = ""
    ports: tuple[Port, ...] = ()


class Listener(Record):
    """A port that is listened on, by which process."""

    port: Port
    protocol: Literal["tcp", "udp"] = "tcp"
    address: str = ""
    process: str = ""


class Table(Record):
    """A table, by the catalogue's own estimate of its rows."""

    schema_name: Words = Field(alias="schema")
    name: Words
    rows_estimate: Count = 0
    columns: tuple[str, ...] = ()


class Database(Record):
    """A database of a server; `size_bytes` as the server counts it."""

    engine: Literal["postgresql", "mysql", "other"]
    version: Words
    name: Words
    port: Port = 5432
    owner: str = ""
    size_bytes: Count
    tables: tuple[Table, ...] = ()


class FileTree(Record):
    """A folder with all in it."""

    path: AbsolutePath
    size_bytes: Count
    files: Count
    owner: str = ""


class Package(Record):
    """An installed package."""

    name: Words
    version: Words


class CronJob(Record):
    """An entry of a crontab; what its command says may hold a secret, so the record keeps the program's name only."""

    user: Words
    schedule: Words
    program: Words


class FoundHost(Record):
    """One machine on premises and all that was found on it."""

    id: Id
    address: Words
    os: str = ""
    vcpu: Annotated[float, Field(gt=0)]
    memory_gib: Annotated[float, Field(gt=0)]
    services: tuple[Service, ...] = ()
    ports: tuple[Listener, ...] = ()
    databases: tuple[Database, ...] = ()
    files: tuple[FileTree, ...] = ()
    packages: tuple[Package, ...] = ()
    cron: tuple[CronJob, ...] = ()


class Connection(Record):
    """An open connection: a process of a host to a port of another host, or of an address outside."""

    from_host: Id
    process: str = ""
    to: Words
    port: Port


@dataclass(frozen=True, slots=True)
class Asset:
    """What moves as one: `HOST/KIND/NAME`, with its size and the ports that lead to it."""

    id: str
    kind: AssetKind
    host: str
    name: str
    size_bytes: int = 0
    files: int = 0
    ports: tuple[int, ...] = ()
    engine: str = ""
    clues: tuple[str, ...] = ()


class Discovery(Record):
    """Everything that one run of `discover` found."""

    discovered_at: AwareDatetime
    discovered_by: Words
    hosts: Annotated[tuple[FoundHost, ...], Field(min_length=1)]
    connections: tuple[Connection, ...] = ()

    @cached_property
    def assets(self) -> dict[str, Asset]:
        """Every asset by id, in order of hosts and kinds."""
        return {asset.id: asset for host in self.hosts for asset in _assets_of(host)}

    def host(self, host_id: str) -> FoundHost | None:
        """A host by id, or by its address."""
        return next((host for host in self.hosts if host_id in (host.id, host.address)), None)


def read_discovery(path: Path) -> tuple[Document, Discovery]:
    """A discovery record; raises OnshoreError with every fault of it."""
    return read_form(Discovery, path, "discovery record", _faults, made_by="onshore migrate discover HOSTS")


def _faults(document: Document, found: Discovery) -> Iterator[Fault]:
    hosts = list(enumerate(found.hosts))
    yield from twice(document, ((host.id, ("hosts", at, "id")) for at, host in hosts), "host")
    yield from twice(document, ((host.address, ("hosts", at, "address")) for at, host in hosts), "address")
    for at, host in hosts:
        bases = ((f"{d.port}/{d.name}", ("hosts", at, "databases", n)) for n, d in enumerate(host.databases))
        yield from twice(document, bases, "database")
        trees = ((tree.path, ("hosts", at, "files", n)) for n, tree in enumerate(host.files))
        yield from twice(document, trees, "folder")
        services = ((service.name, ("hosts", at, "services", n)) for n, service in enumerate(host.services))
        yield from twice(document, services, "service")


def _assets_of(host: FoundHost) -> Iterator[Asset]:
    database_ports = {database.port for database in host.databases}
    for service in host.services:
        if database_ports & set(service.ports):
            continue  # the server of databases that are assets themselves
        yield Asset(f"{host.id}/service/{service.name}", "service", host.id, service.name, ports=service.ports)
    names = [database.name for database in host.databases]
    for base in host.databases:
        name = base.name if names.count(base.name) == 1 else f"{base.port}-{base.name}"
        clues = tuple(f"{table.name}.{column}" for table in base.tables for column in table.columns)
        yield Asset(
            f"{host.id}/database/{name}",
            "database",
            host.id,
            base.name,
            base.size_bytes,
            ports=(base.port,),
            engine=base.engine,
            clues=clues,
        )
    for tree in host.files:
        asset_id = f"{host.id}/files/{tree.path.strip('/') or '.'}"
        yield Asset(asset_id, "files", host.id, tree.path, tree.size_bytes, tree.files, clues=(tree.path,))
    for job in sorted(set(host.cron), key=lambda job: (job.user, job.program, job.schedule)):
        mark = hashlib.sha256(f"{job.user}\0{job.schedule}\0{job.program}".encode()).hexdigest()[:8]
        name = f"{job.program.rsplit('/', 1)[-1]}-{mark}"
        yield Asset(f"{host.id}/job/{name}", "job", host.id, name, clues=(job.program,))
