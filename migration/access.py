"""How the machines of a move are reached: logins by host, keys by the register; nothing else can be connected to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from inventories.faults import Fault, OnshoreError
from inventories.hosts import known_hosts, ssh_arguments
from inventories.models import Id, Record, Words
from inventories.private_dir import private_dir, sweep, write_private
from inventories.yaml_source import nearest
from migration._forms import AbsolutePath, read_form, twice
from migration.postgres.server import Server
from migration.reach import PRIVATE, Reach
from migration.steps import Site

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterator

    from inventories.models import Host, OnPremisesHost, Register
    from inventories.yaml_source import Document


class PostgresAccess(Record):
    """A host's PostgreSQL server: its socket, the login that may use it, and the role it then has."""

    login: Words = "postgres"
    user: Words = "postgres"
    socket_folder: AbsolutePath = "/var/run/postgresql"
    port: Annotated[int, Field(ge=1, le=65535)] = 5432


class HostAccess(Record):
    """A host by its id in the register; `identity`: the file of the private key, from the folder of the move."""

    host: Id
    login: Words = "root"
    identity: Words
    postgresql: PostgresAccess = PostgresAccess()


class Access(Record):
    """All hosts of a move, and how hard it may press: `limit_mib_s` 0 is as fast as it goes.

    `staging`: where dumps lie between reading and writing; they are in clear, so keep it on an encrypted disk in the
    country.
    """

    staging: Words = "staging"
    jobs: Annotated[int, Field(ge=1, le=32)] = 2
    limit_mib_s: Annotated[float, Field(ge=0)] = 0.0
    hosts: Annotated[tuple[HostAccess, ...], Field(min_length=1)]

    def host(self, host_id: str) -> HostAccess | None:
        """How a host is reached."""
        return next((access for access in self.hosts if access.host == host_id), None)


def read_access(path: Path, register: Register) -> Access:
    """The logins; raises OnshoreError with every fault: hosts outside the register (HST-001), keys that are missing."""

    def checks(document: Document, access: Access) -> Iterator[Fault]:
        known = [*(host.id for _, host in register.hosts()), *(host.id for host in register.on_premises)]
        listed = list(enumerate(access.hosts))
        yield from twice(document, ((each.host, ("hosts", at, "host")) for at, each in listed), "host")
        for at, each in listed:
            if each.host not in known:
                where, fix = document.where(("hosts", at, "host")), nearest(each.host, known)
                yield Fault(where, "not a host of the register (HST-001)", each.host, fix=fix)
            if not (path.parent / Path(each.identity).expanduser()).is_file():
                where = document.where(("hosts", at, "identity"))
                yield Fault(where, "no such key file", each.identity, fix="create it, or correct the path")

    return read_form(Access, path, "access record", checks)[1]


def open_site(
    access: Access, folder: Path, register: Register, host_id: str, stack: contextlib.ExitStack, *, database: bool
) -> Site:
    """A host, for as long as the stack is open; with a way to its PostgreSQL where a `database` is asked for."""
    wanted, machine = access.host(host_id), _machine(register, host_id)
    if wanted is None or machine is None:
        what = "not a host of the register (HST-001)" if machine is None else "nothing says how it is reached"
        fault = Fault(host_id, what, fix="add it to `hosts` of access.yaml, or enter it in the register")
        raise OnshoreError(f"{host_id} cannot be reached", [fault], refused=machine is None)
    sweep(PRIVATE)
    pins = stack.enter_context(private_dir(PRIVATE)) / "known_hosts"
    write_private(pins, known_hosts([machine]))
    identity = folder / Path(wanted.identity).expanduser()
    pinned = ssh_arguments(str(pins))
    reach = Reach.by_ssh(host_id, machine.address, wanted.login, identity, pinned)
    if not database:
        return Site(reach)
    server = wanted.postgresql
    tunnel = Reach.by_ssh(host_id, machine.address, server.login, identity, pinned)
    local = stack.enter_context(tunnel.socket(f"{server.socket_folder}/.s.PGSQL.{server.port}"))
    parameters = {"host": local, "port": str(server.port), "user": server.user}
    return Site(reach, Server(host_id, parameters), tunnel)


def _machine(register: Register, host_id: str) -> Host | OnPremisesHost | None:
    found = register.host(host_id)
    return found[1] if found else register.on_premises_host(host_id)
