"""Roles: what each may do, what it is a member of, and whether its password is the same (never which)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psycopg

from migration.evidence import Difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The server's first superuser (number 10) belongs to the server, not to what is moved.
_ROLES: Final = """
SELECT r.rolname::text, concat_ws(', ',
    CASE WHEN r.rolsuper THEN 'superuser' END, CASE WHEN r.rolcanlogin THEN 'login' END,
    CASE WHEN NOT r.rolinherit THEN 'noinherit' END, CASE WHEN r.rolcreaterole THEN 'createrole' END,
    CASE WHEN r.rolcreatedb THEN 'createdb' END, CASE WHEN r.rolreplication THEN 'replication' END,
    CASE WHEN r.rolbypassrls THEN 'bypassrls' END, 'connection limit ' || r.rolconnlimit,
    'valid until ' || r.rolvaliduntil::text, 'settings ' || array_to_string(r.rolconfig, ' '),
    'member of ' || (SELECT string_agg(g.rolname || CASE WHEN m.admin_option THEN ' with admin' ELSE '' END, ' and '
                                       ORDER BY g.rolname)
                     FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid))
FROM pg_roles r WHERE r.oid <> 10 AND r.rolname !~ '^pg_' ORDER BY 1"""
_PASSWORDS: Final = """
SELECT rolname::text, encode(sha256(convert_to(rolpassword, 'UTF8')), 'hex') FROM pg_authid
WHERE rolpassword IS NOT NULL"""


def roles(session: psycopg.Connection) -> dict[str, tuple[str, str | None]]:
    """What each role may do, and the digest of its password's hash: None where that cannot be read or is not set."""
    found: dict[str, str] = dict(session.execute(_ROLES).fetchall())
    hashes: dict[str, str] = {}
    try:
        with session.transaction():
            hashes = dict(session.execute(_PASSWORDS).fetchall())
    except psycopg.errors.InsufficientPrivilege:
        pass
    return {name: (says, hashes.get(name)) for name, says in found.items()}


def role_differences(source: Mapping[str, Any], target: Mapping[str, Any]) -> Iterator[Difference]:
    """Roles of the source that the target lacks or knows otherwise; what else the target knows is its own affair."""
    for name, (says, secret) in source.items():
        if name not in target:
            yield Difference("role", name, "missing at the target", says, "missing")
            continue
        other_says, other_secret = target[name]
        if says != other_says:
            yield Difference("role", name, "may do or belongs to something else", says, other_says)
        if secret != other_secret:
            yield Difference("role", name, "another password")
