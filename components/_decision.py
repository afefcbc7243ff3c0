"""What a placement asks and answers: frozen records without behaviour of their own."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from inventories.models import Host, Region

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from inventories.faults import Fault
    from inventories.models import (
        Category,
        Cluster,
        Country,
        DeploymentModel,
        Exposure,
        Id,
        Provider,
        ServiceKind,
        Site,
    )

WISH: Final = "WISH"
"""Stands in place of a rule id where the request itself, not the law, rules a cluster out."""

Target: TypeAlias = Literal["cluster", "host", "region"]

OFFERS: Final[Mapping[Target, frozenset[ServiceKind]]] = MappingProxyType(
    {
        "cluster": frozenset({"kubernetes"}),
        "host": frozenset({"vm"}),
        "region": frozenset({"vm", "volume", "object-store"}),
    }
)
"""What a department can be given on each kind of place; the first that offers a kind is meant where none is named."""

WISHES: Final = ("cluster", "region", "site", "provider", "country", "deployment_model", "host")
"""The fields of a request that narrow the choice, in the order they are checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a department asks for: a place on a cluster (`kubernetes`), on a host of its own (`vm`), or in a region.

    `target`: on what; a `vm` is a host of the register unless a `region` is to make a new one.

    Sizes are those of the whole workload, all replicas together.

    `from_stack`: it stands in a stack's configuration, so that advice and faults name the `onshore:*` keys there.
    """

    department: Id
    category: str
    service_kind: ServiceKind = "kubernetes"
    exposure: Exposure = "internal"
    cluster: Id | None = None
    region: Id | None = None
    site: Id | None = None
    provider: Id | None = None
    country: Country | None = None
    deployment_model: DeploymentModel | None = None
    host: Id | None = None
    vcpu: float = 1.0
    memory_gib: float = 1.0
    storage_gib: float = 0.0
    target: Target | None = None
    from_stack: bool = False

    @property
    def kind_of_place(self) -> Target:
        """The kind of place that is asked for."""
        if self.target is not None:
            return self.target
        return next((target for target, kinds in OFFERS.items() if self.service_kind in kinds), "cluster")

    def place_of(self, field: str) -> str:
        """Where a field is written: `onshore:placement.region` in a stack, else `region`."""
        if not self.from_stack:
            return field
        return f"onshore:placement.{field}" if field in WISHES else f"onshore:{field}"


class Change(NamedTuple):
    """One step towards a lawful placement; `field` names the field of the request it changes, if any.

    "time": nobody need do anything, the register already holds the day.
    """

    who: Literal["department", "provider", "cloud office", "time"]
    step: str
    field: str = ""


class Reason(NamedTuple):
    """Why a cluster is ruled out; `change` undoes it, None where nothing does (a site does not move)."""

    rule: str
    what: str
    got: str
    allowed: str
    fix: str
    change: Change | None = None


class Advice(NamedTuple):
    """What will rule a cluster out from a day on: its rule does not bind before."""

    reason: Reason
    binds_from: date


class Verdict(NamedTuple):
    """One candidate and every reason against it; none means lawful, whatever there is to advise.

    `place` is a host or a region where such was asked for. `monthly_cost_pkr` None: the register has no price for it.
    """

    provider: Provider
    place: Cluster | Host | Region
    site: Site | None
    monthly_cost_pkr: float | None
    reasons: tuple[Reason, ...]
    advices: tuple[Advice, ...] = ()

    @property
    def region(self) -> str:
        """The id of the region that it lies in, or is."""
        return self.place.id if isinstance(self.place, Region) else self.place.region

    @property
    def lawful(self) -> bool:
        return not self.reasons

    @property
    def rules(self) -> frozenset[str]:
        return frozenset(reason.rule for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a workload goes: the cheapest lawful candidate, and what was found of all others (in order of id).

    `place` is a host or a region where one was asked for.
    """

    request: Request
    on: date
    register: str
    category: Category
    provider: Provider
    place: Cluster | Host | Region
    site: Site
    region: Region
    monthly_cost_pkr: float | None
    verdicts: tuple[Verdict, ...]

    @property
    def cluster(self) -> Cluster:
        """The cluster; raises TypeError where something else was asked for."""
        if isinstance(self.place, Host | Region):
            raise TypeError(f"{self.place.id} is a {self.request.kind_of_place}")
        return self.place

    @property
    def host(self) -> Host:
        """The host; raises TypeError where something else was asked for."""
        if not isinstance(self.place, Host):
            raise TypeError(f"{self.place.id} is a {self.request.kind_of_place}")
        return self.place

    @property
    def because(self) -> str:
        """One line for an annotation."""
        lawful = sum(verdict.lawful for verdict in self.verdicts)
        kind = self.request.kind_of_place
        which = f"the only lawful {kind}" if lawful == 1 else f"the cheapest of {lawful} lawful {kind}s"
        return f"{which} for {self.category.id} data on {self.on}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a workload goes nowhere.

    `faults`: what is wrong with the request itself. `verdicts`: every candidate with every reason, in order of id.
    `changes`: the smallest set that makes `leads_to` the placement; both empty where no change would do. `wait_until`:
    the day on which they do so, where that is a later one that the register names.
    """

    request: Request
    on: date
    register: str
    category: Category | None
    faults: tuple[Fault, ...]
    verdicts: tuple[Verdict, ...]
    changes: tuple[Change, ...] = ()
    leads_to: Verdict | None = None
    wait_until: date | None = None
