"""A PostgreSQL database on a host of the register: over TLS only, its backups encrypted and in the country."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pulumi

from components._hosted import Asked, hosted, map_faults
from components._scram import scram_verifier
from components.args import PostgresDatabaseArgs
from components.governance import Law
from inventories.faults import Fault, OnshoreError

_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_RESERVED: Final = re.compile(r"postgres|template[01]|pg_.*|public|all|replication")
_PORT: Final = 5432


class PostgresDatabase(pulumi.ComponentResource):
    """A server of its own for one database on one host; its name is that of the service there.

    Only `clients` reach its port, over TLS, with a password (SCRAM-SHA-256); the host keeps no password.
    Backups go to another host of the register in the country, encrypted to a key whose secret half is on neither.
    `opts.providers` holds an `AnsibleAccess`. Raises OnshoreError with every fault before anything is registered.
    """

    address: pulumi.Output[str]
    port: pulumi.Output[int]
    database: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: PostgresDatabaseArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        law: Law | None = None,
    ) -> None:
        port = args.get("port", _PORT)
        asked = Asked.of(args, port=port)
        service = hosted(name, asked, opts, law, lambda _: _faults(args))
        database, passwords = args["database"], args["passwords"]
        super().__init__("onshore:index:PostgresDatabase", name, {**service.inputs, "database": database}, opts)
        verifiers = {
            role: pulumi.Output.secret(password).apply(_verifier(f"{asked.host} {name} {role}"))
            for role, password in passwords.items()
        }
        variables = {
            "database": database,
            "owner": args["owner"],
            "writers": sorted(args.get("writers", [])),
            "readers": sorted(args.get("readers", [])),
            "role_verifiers": pulumi.Output.secret(verifiers),
            "tls_certificate": args["tls_certificate"],
            "tls_private_key": pulumi.Output.secret(args["tls_private_key"]),
        }
        run = service.run(self, "postgres_database", variables, law)
        # Known once it is set up: whoever reads them comes after that.
        self.address = run.results.apply(lambda _: service.host.address)
        self.port = run.results.apply(lambda _: port)
        self.database = run.results.apply(lambda _: database)
        self.register_outputs({"address": self.address, "port": self.port, "database": self.database})


def _verifier(salted_for: str) -> Any:
    return lambda password: scram_verifier(password, salted_for=salted_for)


def _faults(args: PostgresDatabaseArgs) -> Iterator[Fault]:
    """Names, and that every role has one duty and a password."""
    owner, writers, readers = args["owner"], args.get("writers", []), args.get("readers", [])
    roles = [owner, *writers, *readers]
    names = [("database", args["database"]), ("owner", owner)]
    names += [(f"writers[{i}]", role) for i, role in enumerate(writers)]
    names += [(f"readers[{i}]", role) for i, role in enumerate(readers)]
    for where, name in names:
        if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
            fix = "use small letters, digits and _, a letter first, and none of PostgreSQL's own names"
            yield Fault(where, "not a name for it", name, fix=fix)
    for role in sorted({role for role in roles if roles.count(role) > 1}):
        yield Fault("owner, writers, readers", "a role that is named twice", role, fix="give each role one duty")
    if unknown := list(map_faults(passwords=args["passwords"])):
        yield from unknown
    else:
        yield from _password_faults(args["passwords"], roles)


def _password_faults(passwords: Mapping[str, pulumi.Input[str]], roles: list[str]) -> Iterator[Fault]:
    for role in sorted(set(roles) - set(passwords)):
        yield Fault(f"passwords.{role}", "a role without a password", fix="give it one as a secret of the stack")
    for role, password in sorted(passwords.items()):
        if role not in roles:
            yield Fault(
                f"passwords.{role}", "a password of no role", fix="make it owner, writer or reader, or remove it"
            )
        if isinstance(password, str):
            try:
                scram_verifier(password, salted_for=f"passwords.{role}")
            except OnshoreError as error:
                yield from error.faults
