"""HST-001: whatever logs in to a host logs in to one of the register's, known by address and host key."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any, Final

from policies.hosts import category_on_hosts, known_host, machine_home
from policies.objects import is_unreadable
from policies.subject import OWN_TYPES, Violation
from policies.values import MALFORMED, at, join, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inventories.models import Host
    from policies.subject import Subject

_LISTED: Final = "a host of the register"


def check(subject: Subject) -> Iterator[Violation]:
    """The `hosts` of components, and the `connection` of everything that is no Kubernetes object."""
    if subject.type.startswith(OWN_TYPES) and "hosts" in subject.props:
        hosts = subject.props["hosts"]
        if not isinstance(hosts, list):
            yield Violation("hosts", hosts, "a list of hosts")
        for i, host in enumerate(sequence(hosts)):
            yield from _host(subject, f"hosts[{i}]", host)
    if subject.type.startswith(OWN_TYPES):
        yield from _machines(subject)
    if subject.type not in subject.facts.types.kinds and subject.props.get("connection") is not None:
        connection = subject.props["connection"]
        yield from _host(subject, "connection", connection if isinstance(connection, dict) else MALFORMED)
        if (proxy := at(connection, "proxy")) is not None and not is_unreadable(proxy):
            yield from _host(subject, "connection.proxy", proxy)


def _machines(subject: Subject) -> Iterator[Violation]:
    """The `machines` of a run: in a zone of a region of the register, reached by a host key that is told or to come."""
    machines = subject.props.get("machines")
    if machines is not None and not isinstance(machines, list):
        yield Violation("machines", machines, "a list of machines")
    for i, machine in enumerate(sequence(machines)):
        path = f"machines[{i}]"
        if not isinstance(machine, dict) or machine_home(subject.facts.register, machine) is None:
            got = machine if not isinstance(machine, dict) else f"{machine.get('region')}, zone {machine.get('zone')}"
            yield Violation(path, got, "a machine in a zone of a region of the register")
            continue
        key = machine.get("hostKey")
        if not is_unreadable(key) and not fingerprint(key):
            yield Violation(join(path, "hostKey"), key, "the host key that the region's console tells")


def _host(subject: Subject, path: str, value: Any) -> Iterator[Violation]:
    """One host: its id, or a mapping with `host` (id or address) and `hostKey`."""
    if is_unreadable(value):
        yield Violation(path, value, _LISTED)
        return
    name = at(value, "host") if isinstance(value, dict) else value
    place = join(path, "host") if isinstance(value, dict) else path
    known = known_host(subject.facts.register, value)
    if known is None:
        yield Violation(place, name, _LISTED)
        return
    provider, host = known
    if not any(region.id == host.region for region in provider.regions):
        yield Violation(f"{place} (region)", host.region, f"a region of {provider.id}", public=True)
    yield from _allowed(subject, place, host)
    if isinstance(value, dict):
        key = value.get("hostKey")
        if fingerprint(key) != host.host_key_sha256:
            got = key if key is None or is_unreadable(key) else "another key"
            yield Violation(join(path, "hostKey"), got, f"the host key of {host.id} in the register")


def _allowed(subject: Subject, path: str, host: Host) -> Iterator[Violation]:
    """The host is this department's, good enough for the category, and in the country where it must be."""
    stack, facts = subject.stack, subject.facts
    category = category_on_hosts(subject.props, stack.category, facts)
    if host.department != stack.department:
        yield Violation(f"{path} (department)", f"{host.id} of {host.department}", "a host of its own", public=True)
    ceiling = facts.profile.category(host.category_ceiling)
    if ceiling is None or ceiling.rank < category.rank:
        got = f"{host.id}, for {host.category_ceiling} data at most"
        yield Violation(f"{path} (category)", got, f"a host for {category.id} data", public=True)
    site = facts.register.site(host.site)
    if site is None or (category.rule.in_country and site.country != facts.profile.country):
        got = f"{host.id} at {host.site} in {site.country if site else 'an unknown country'}"
        yield Violation(f"{path} (site)", got, f"a host in {facts.profile.country}", public=True)


def fingerprint(key: Any) -> str:
    """OpenSSH's fingerprint of a public key (`ssh-ed25519 AAAA…`) without its prefix; empty when there is none."""
    fields = key.split() if isinstance(key, str) else []
    try:
        blob = base64.b64decode(fields[1], validate=True) if len(fields) > 1 else b""
    except (binascii.Error, ValueError):
        blob = b""
    return base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=") if blob else ""
