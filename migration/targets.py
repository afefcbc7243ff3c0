"""Where an asset may lawfully go, and what that costs a month: decided by `place`, as everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from components.placement import Placement, Request, place
from inventories.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from components.placement import Refusal
    from inventories.models import Profile, Register, RuleMeta
    from migration.discovery import Asset
    from migration.questionnaire import Answer

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Judge:
    """The facts that decide on a day, for one department; without `rules`, all of them bind already."""

    register: Register
    profile: Profile
    on: date
    department: str
    rules: Mapping[str, RuleMeta] = field(default_factory=dict)

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
    """The cheapest lawful place by what the department wishes, else why there is none: candidates with their reasons.

    `wanted`: that one place, in place of the host or cluster that is wished.
    """
    kind = "cluster" if answer.goes_to == "cluster" else "host"
    wish = answer.placement
    named = wanted or (wish.cluster if kind == "cluster" else wish.host)
    if kind == "host" and named and judge.register.on_premises_host(named):
        what, why = "a machine on premises, which data is moved from", "nothing is placed on premises"
        fix = "name a host of a provider, or leave the place out: one is chosen then"
        return None, [Fault(asset.id, what, named, why, fix)]
    request = Request(
        department=judge.department,
        category=answer.category,
        service_kind="kubernetes" if kind == "cluster" else "vm",
        exposure=answer.exposure,
        cluster=named if kind == "cluster" else None,
        host=named if kind == "host" else None,
        region=wish.region,
        vcpu=answer.vcpu,
        memory_gib=answer.memory_gib,
        storage_gib=asset.size_bytes / _GIB,
    )
    decision = place(request, judge.register, judge.profile, on=judge.on, rules=judge.rules)
    if isinstance(decision, Placement):
        return Target(kind, decision.place.id, decision.monthly_cost_pkr), []
    faults = list(_faults(asset, kind, request, decision))
    if decision.leads_to and not wanted:
        steps = "; ".join(change.step for change in decision.changes)
        faults.append(
            Fault(asset.id, "there is a way out", fix=f"{steps}; then {decision.leads_to.place.id} is lawful")
        )
    return None, faults


def _faults(asset: Asset, kind: str, request: Request, refusal: Refusal) -> Iterator[Fault]:
    """What is wrong with the question; then the reasons against the places that were asked for."""
    for fault in refusal.faults:
        yield replace(fault, where=f"{asset.id}: {fault.where}")
    named = request.cluster or request.host
    asked = [
        verdict
        for verdict in refusal.verdicts
        if verdict.place.id == named or (not named and request.region in (None, verdict.region))
    ]
    for verdict in asked if asked or refusal.faults else refusal.verdicts:
        for why in verdict.reasons:
            where, got = f"{asset.id} on {verdict.place.id}", why.got
            yield Fault(where, f"{why.what} ({why.rule})", got, f"allowed: {why.allowed}", why.fix)
    if not refusal.verdicts and not refusal.faults:
        yield Fault(asset.id, f"the register has no {kind}s", fix="ask a provider for one")
