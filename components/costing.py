"""What planned resources cost a month, by the register's price lists: a pure function of resources and register.

Counted is what is asked for, as if it ran all month. What cannot be priced is named, never counted as nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from components._kubernetes_sizes import asked_of_a_cluster, autoscaled
from inventories.pricing import Item, Rates, Size, items, monthly_cost_pkr, rates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from components._kubernetes_sizes import Asked
    from inventories.models import Prices, Register

__all__ = ["ASSUMPTIONS", "Bill", "Line", "Planned", "Unpriced", "bill"]

ASSUMPTIONS: Final = (
    "what is asked for is counted, as if it ran all month: a job as one run that never ends",
    "under an autoscaler, the fewest replicas it keeps",
    "networks, rules, names and configuration cost nothing; taxes, traffic and support are not counted",
)
_VALUES_ONLY: Final = frozenset({"archive", "cloudinit", "null", "random", "std", "time", "tls"})
_AUTOSCALER: Final = "HorizontalPodAutoscaler"


@dataclass(frozen=True, slots=True)
class Planned:
    """A resource that a program plans, or that exists: plain inputs, and those of its provider."""

    urn: str
    type: str
    inputs: Mapping[str, Any]
    provider_inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in the program."""
        return self.urn.split("::", 3)[-1]

    @property
    def kind(self) -> str:
        """The last part of its type."""
        return self.type.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Line:
    """What one resource costs a month, at a place of the register."""

    resource: Planned
    place: str
    items: tuple[Item, ...]
    monthly_cost_pkr: float


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A resource that costs something nobody here can tell, and why."""

    resource: Planned
    why: str


@dataclass(frozen=True, slots=True)
class Bill:
    """All lines, and what is missing from them, in the order of the resources."""

    lines: tuple[Line, ...]
    unpriced: tuple[Unpriced, ...]

    @property
    def monthly_cost_pkr(self) -> float:
        """The lines together, in rupees."""
        return round(sum((line.monthly_cost_pkr for line in self.lines), 0.0), 2)


def bill(resources: Sequence[Planned], register: Register) -> Bill:
    """What the resources cost together; components and providers are no resources here."""
    scaled = autoscaled(_kubernetes(resources, _AUTOSCALER))
    lines, unpriced = [], []
    for resource in resources:
        package, _, rest = resource.type.partition(":")
        asked: Asked
        if package in _VALUES_ONLY or package == "pulumi":
            continue
        if package == "kubernetes" and not rest.startswith("helm.sh/"):
            asked = asked_of_a_cluster(resource.kind, resource.inputs, scaled)
            place, prices = _cluster(resource, register)
        elif package == "onshore-ansible":
            asked, place, prices = "a service on hosts, which does not say its size", "", None
        else:
            asked, place, prices = f"the register has no price for a {resource.type}", "", None
        if isinstance(asked, Size) and prices is None:
            asked = f"no price list: {place}"
        if isinstance(asked, str):
            unpriced.append(Unpriced(resource, asked))
        elif asked is not None and prices is not None:
            lines.append(_line(resource, place, asked, rates(prices)))
    return Bill(tuple(lines), tuple(unpriced))


def _line(resource: Planned, place: str, asked: Size, unit_prices: Rates) -> Line:
    return Line(resource, place, items(asked, unit_prices), monthly_cost_pkr(asked, unit_prices))


def _kubernetes(resources: Iterable[Planned], kind: str) -> list[Mapping[str, Any]]:
    return [one.inputs for one in resources if one.type.startswith("kubernetes:") and one.kind == kind]


def _cluster(resource: Planned, register: Register) -> tuple[str, Prices | None]:
    """A provider is named after the cluster it reaches: its kubeconfig is a secret, and shown to nobody."""
    named = resource.provider_inputs.get("clusterIdentifier")
    found = register.cluster(named) if isinstance(named, str) else None
    return (found[1].id, found[1].prices) if found else ("its provider names no cluster of the register", None)
