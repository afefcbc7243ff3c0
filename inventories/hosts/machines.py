"""Machines that a program makes in a region and runs playbooks on in the same up: no register can list them before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

from inventories import patterns
from inventories.models import CloudName, Host, Id, Record

if TYPE_CHECKING:
    from inventories.models import Provider, Region, Register


class Machine(Record):
    """A machine by its name in the region; `region` and `zone` are the register's, and carry the law.

    `host_key` is what the region's own console tells of it. Both it and `address` are None before it is made.
    """

    model_config = ConfigDict(alias_generator=to_camel)

    id: Id
    region: Id
    zone: CloudName
    address: Annotated[str, StringConstraints(pattern=patterns.HOST_ADDRESS)] | None = None
    host_key: Annotated[str, StringConstraints(pattern=patterns.HOST_KEY)] | None = None

    @property
    def is_there(self) -> bool:
        """Whether it can be reached, as far as anybody knows."""
        return self.address is not None and self.host_key is not None


def home_of(machine: Machine, register: Register) -> tuple[Provider, Region, str] | None:
    """The provider, region and site of a machine; None where the register has no such region or zone."""
    found = register.region(machine.region)
    offered = found[1].openstack if found else None
    zone = next((zone for zone in offered.zones if zone.name == machine.zone), None) if offered else None
    return (*found, zone.site) if found and zone else None


def as_host(machine: Machine, register: Register, department: str, category: str) -> Host:
    """A machine that is there as a host of this department, for this data; raises ValueError where it is not."""
    home = home_of(machine, register)
    if home is None or machine.address is None or machine.host_key is None:
        raise ValueError(f"{machine.id} is not there")
    return Host(
        id=machine.id,
        address=machine.address,
        host_key=machine.host_key,
        department=department,
        site=home[2],
        region=machine.region,
        category_ceiling=category,
    )
