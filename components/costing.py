"""What planned resources cost a month, by the register's price lists: a pure function of resources and register.

Counted is what is asked for, as if it ran all month. What cannot be priced is named, never counted as nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from components._kubernetes_sizes import asked_of_a_cluster, autoscaled
from components._openstack_sizes import asked_of_a_region
from inventories.pricing import Item, Size, items, monthly_cost_pkr, rates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components._kubernetes_sizes import Scaled
    from components._openstack_sizes import Asked
    from inventories.models import Prices, Register

__all__ = ["ASSUMPTIONS", "Bill", "Line", "Planned", "Unpriced", "bill"]

ASSUMPTIONS: Final = (
    "what is asked for is counted, as if it ran all month: a job as one run that never ends",
    "under an autoscaler, the fewest replicas it keeps",
    "networks, rules, names and configuration cost nothing; taxes, traffic and support are not counted",
)
# Packages of values only, and the engine's own.
_FREE: Final = frozenset({"archive", "cloudinit", "null", "pulumi", "random", "std", "time", "tls"})
_HOST_KEY: Final = "onshore-ansible:index:HostKey"
_SCALER: Final = "HorizontalPodAutoscaler"


@dataclass(frozen=True, slots=True)
class Planned:
    """A resource that a program plans, or that exists: plain inputs, and those of its provider and its parent."""

    urn: str
    type: str
    inputs: Mapping[str, Any]
    provider_inputs: Mapping[str, Any] = field(default_factory=dict)
    parent_inputs: Mapping[str, Any] = field(default_factory=dict)

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
    scaled = autoscaled(one.inputs for one in resources if one.type.startswith("kubernetes:") and one.kind == _SCALER)
    lines, unpriced = [], []
    for resource in resources:
        place, asked, prices = _asked(resource, register, scaled)
        if isinstance(asked, str):
            unpriced.append(Unpriced(resource, asked))
        elif isinstance(asked, Item):
            lines.append(Line(resource, place, (asked,), round(asked.quantity * asked.unit_price_pkr, 2)))
        elif asked is not None and prices is not None:
            cost = monthly_cost_pkr(asked, rates(prices))
            lines.append(Line(resource, place, items(asked, rates(prices)), cost))
    return Bill(tuple(lines), tuple(unpriced))


def _asked(resource: Planned, register: Register, scaled: Scaled) -> tuple[str, Asked, Prices | None]:
    """Where a resource lies, what it asks for there, and the price list of the place."""
    package, _, rest = resource.type.partition(":")
    if package in _FREE or resource.type == _HOST_KEY:
        return "", None, None
    if package == "openstack":
        return _in_a_region(resource, rest.partition(":")[0], register)
    if package != "kubernetes" or rest.startswith("helm.sh/"):
        on_hosts = package == "onshore-ansible"
        why = "a service on hosts does not say its size" if on_hosts else f"no price for a {resource.type}"
        return "", why, None
    asked = asked_of_a_cluster(resource.kind, resource.inputs, scaled)
    # A provider is named after the cluster it reaches: its kubeconfig is a secret, and shown to nobody.
    named = resource.provider_inputs.get("clusterIdentifier")
    found = register.cluster(named) if isinstance(named, str) else None
    if found is None:
        why = "its provider names no cluster of the register"
        return "", why if isinstance(asked, Size) else asked, None
    return found[1].id, asked, found[1].prices


def _in_a_region(resource: Planned, token: str, register: Register) -> tuple[str, Asked, Prices | None]:
    told = resource.provider_inputs
    name, endpoint = resource.inputs.get("region") or told.get("region"), told.get("authUrl")
    named = isinstance(name, str) and isinstance(endpoint, str)
    found = register.region_at("openstack", str(name), str(endpoint)) if named else None
    if found is None:
        return "", "it lies in no region of the register", None
    region = found[1]
    if region.prices is None:
        return region.id, f"the register has no price list for {region.id}", None
    # How much a container will hold is no property of it: a component may say so, and nobody else.
    props = {"sizeGib": resource.parent_inputs.get("sizeGib"), **resource.inputs}
    return region.id, asked_of_a_region(token, props, region.openstack, region.prices), region.prices
