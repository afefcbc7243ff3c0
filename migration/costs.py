"""The department's own cost sheet: what each machine on premises costs a month, in rupees."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from inventories.faults import Fault
from inventories.models import Id, Record, Words
from inventories.yaml_source import nearest
from migration._forms import read_form, twice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inventories.yaml_source import Document
    from migration.discovery import Discovery

Rupees = Annotated[float, Field(ge=0)]


class HostCost(Record):
    """A machine's cost a month; a figure that is nothing is written as 0, none may be left out."""

    host: Id
    hardware_pkr: Rupees
    power_and_cooling_pkr: Rupees
    connectivity_pkr: Rupees
    licences_pkr: Rupees
    staff_pkr: Rupees

    @property
    def monthly_pkr(self) -> float:
        """All of it together."""
        figures = self.hardware_pkr, self.power_and_cooling_pkr, self.connectivity_pkr, self.licences_pkr
        return round(sum(figures) + self.staff_pkr, 2)


class CostSheet(Record):
    """All machines; `assumptions` says how the figures were come by, and stands in every report."""

    department: Id
    currency: Literal["PKR"]
    effective_on: date
    assumptions: Annotated[tuple[Words, ...], Field(min_length=1)]
    hosts: tuple[HostCost, ...]

    def host(self, host_id: str) -> HostCost | None:
        """The figures of a machine."""
        return next((cost for cost in self.hosts if cost.host == host_id), None)


def read_costs(path: Path, discovery: Discovery) -> tuple[Document, CostSheet]:
    """A cost sheet; raises OnshoreError with every fault: figures missing or negative, machines missing or unknown."""

    def checks(document: Document, sheet: CostSheet) -> Iterator[Fault]:
        known = [host.id for host in discovery.hosts]
        listed = [(cost.host, ("hosts", at, "host")) for at, cost in enumerate(sheet.hosts)]
        yield from twice(document, listed, "host")
        for host, place in listed:
            if host not in known:
                where, what = document.where(place), "no such host in the discovery record"
                yield Fault(where, what, host, fix=nearest(host, known))
        for host in known:
            if sheet.host(host) is None:
                yield Fault(document.where(("hosts",)), "a host without figures", host, fix="add what it costs a month")

    return read_form(CostSheet, path, "cost sheet", checks)
