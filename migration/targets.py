"""Where an asset may lawfully go, and what that costs a month: clusters by `place`, hosts by `refusals`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.placement import Placement, Request, place
from inventories.faults import Fault
from inventories.hosts import Use, refusals
from inventories.pricing import Size, monthly_cost_pkr, rates

if TYPE_CHECKING:
    from datetime import date

    from inventories.models import Profile, Register
    from migration.discovery import Asset
    from migration.questionnaire import Answer

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Judge:
    """The facts that decide on a day, for one department."""

    register: Register
    profile: Profile
    on: date
    department: str

    @property
    def reference(self) -> str:
        """The register's version and digest, as plans name it."""
        return f"{self.register.version}@{self.register.digest[:12]}"


@dataclass(frozen=True, slots=True)
class Target:
    """A lawful place; `monthly_cost_pkr` None: the register has no price list for it."""

    kind: str
    id: str
    monthly_cost_pkr: float | None


def lawful_target(asset: Asset, answer: Answer, judge: Judge, *, wanted: str = "") -> tuple[Target | None, list[Fault]]:
    """The cheapest lawful place (or the wanted one), else why there is none: every candidate with its reasons."""
    if answer.goes_to == "cluster":
        return _cluster(asset, answer, judge, wanted)
    return _host(asset, answer, judge, wanted)


def _cluster(asset: Asset, answer: Answer, judge: Judge, wanted: str) -> tuple[Target | None, list[Fault]]:
    request = Request(
        department=judge.department,
        category=answer.category,
        exposure=answer.exposure,
        cluster=wanted or None,
        vcpu=answer.vcpu,
        memory_gib=answer.memory_gib,
        storage_gib=asset.size_bytes / _GIB,
    )
    decision = place(request, judge.register, judge.profile, on=judge.on)
    if isinstance(decision, Placement):
        return Target("cluster", decision.cluster.id, decision.monthly_cost_pkr), []
    faults = list(decision.faults)
    for verdict in decision.verdicts:
        if wanted in ("", verdict.cluster.id):
            for why in verdict.reasons:
                where = f"{asset.id} on {verdict.cluster.id}"
                faults.append(Fault(where, f"{why.what} ({why.rule})", why.got, f"allowed: {why.allowed}", why.fix))
    return None, faults


def _host(asset: Asset, answer: Answer, judge: Judge, wanted: str) -> tuple[Target | None, list[Fault]]:
    category = judge.profile.category(answer.category)
    if category is None:
        return None, [Fault(asset.id, "unknown data category", answer.category)]
    use = Use(judge.department, category, judge.on)
    names = [wanted] if wanted else [host.id for _, host in judge.register.hosts()]
    found, faults = [], []
    for name in names:
        reasons = refusals(judge.register, judge.profile, name, use)
        if not reasons:
            found.append(Target("host", name, _host_cost(asset, answer, judge, name)))
        for why in reasons:
            got, allowed = why.got, f"allowed: {why.allowed}"
            faults.append(Fault(f"{asset.id} on {name}", f"{why.what} ({why.rule})", got, allowed))
    if not found:
        return None, faults or [Fault(asset.id, "the register has no hosts", fix="ask a provider for one")]
    return min(found, key=lambda target: (target.monthly_cost_pkr or 0.0, target.id)), []


def _host_cost(asset: Asset, answer: Answer, judge: Judge, host_id: str) -> float | None:
    found = judge.register.host(host_id)
    if found is None:
        return None
    provider, host = found
    prices = next((region.prices for region in provider.regions if region.id == host.region), None)
    if prices is None:
        return None
    return monthly_cost_pkr(Size(answer.vcpu, answer.memory_gib, asset.size_bytes / _GIB), rates(prices))
