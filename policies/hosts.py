"""The hosts that a resource names: those of our own components and runs, and the `connection` of anybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policies.placed import Target, named
from policies.subject import OWN_TYPES
from policies.values import at, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inventories.models import Category, Host, Provider, Region, Register
    from policies.subject import Facts


def named_hosts(type_: str, props: Mapping[str, Any], facts: Facts) -> Iterator[tuple[str, Any]]:
    """What stands where a host is named, with its path: an id, an address, or a mapping with `host`."""
    if type_.startswith(OWN_TYPES):
        yield from ((f"hosts[{i}]", host) for i, host in enumerate(sequence(props.get("hosts"))))
    if type_ not in facts.types.kinds and (connection := props.get("connection")) is not None:
        yield "connection", connection
        if (proxy := at(connection, "proxy")) is not None:
            yield "connection.proxy", proxy


def known_host(register: Register, value: Any) -> tuple[Provider, Host] | None:
    """The register's host that is named, by id or address."""
    name = at(value, "host") if isinstance(value, dict) else value
    if not isinstance(name, str):
        return None
    return register.host(name) or next((found for found in register.hosts() if found[1].address == name), None)


def machine_home(register: Register, machine: Any) -> tuple[Provider, Region] | None:
    """The region of a machine that the program makes, if the register has it and its zone."""
    named_region, zone = at(machine, "region"), at(machine, "zone")
    found = register.region(named_region) if isinstance(named_region, str) else None
    offered = found[1].openstack if found else None
    return found if offered and any(one.name == zone for one in offered.zones) else None


def category_on_hosts(props: Mapping[str, Any], stack: Category | None, facts: Facts) -> Category:
    """The category of what goes to hosts: the stack's, or the resource's own where that is stricter.

    Data of no category is judged as the strictest there is.
    """
    declared = [one for one in (stack, named(facts, props.get("category"))) if one is not None]
    return max(declared or facts.profile.categories, key=lambda one: one.rank)


def hosted(type_: str, props: Mapping[str, Any], stack: Category | None, facts: Facts) -> Iterator[Target]:
    """The placements that naming hosts stands for."""
    category = category_on_hosts(props, stack, facts)
    for path, value in named_hosts(type_, props, facts):
        if (found := known_host(facts.register, value)) is None:
            continue  # HST-001 speaks of it
        provider, host = found
        for region in provider.regions:
            if region.id == host.region:
                yield Target(path, provider, region, category, "vm", host)
    if type_.startswith(OWN_TYPES):
        for i, machine in enumerate(sequence(props.get("machines"))):
            if (home := machine_home(facts.register, machine)) is not None:
                yield Target(f"machines[{i}].region", *home, category, "vm")
