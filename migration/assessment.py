"""What becomes of each asset, and what that costs a month, before and after: decided from what others declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migration.questionnaire import hints
from migration.targets import Target, lawful_target

if TYPE_CHECKING:
    from inventories.faults import Fault
    from migration.costs import CostSheet
    from migration.discovery import Discovery
    from migration.questionnaire import Fit, Questionnaire
    from migration.targets import Judge


@dataclass(frozen=True, slots=True)
class Assessed:
    """One asset: what the department said, where it may go, and why if nowhere. `hints` decided nothing."""

    asset: str
    category: str
    owner: str
    fit: Fit
    why: str
    size_bytes: int
    target: Target | None
    hints: tuple[str, ...]
    refusals: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """All assets, and costs in rupees a month; `assumptions` belong to the figures wherever they are shown."""

    department: str
    assets: tuple[Assessed, ...]
    before_pkr: float
    after_pkr: float
    assumptions: tuple[str, ...]

    @property
    def refused(self) -> tuple[Assessed, ...]:
        """Assets that shall move and have no lawful place."""
        return tuple(each for each in self.assets if each.refusals)


def assess(discovery: Discovery, questionnaire: Questionnaire, costs: CostSheet, judge: Judge) -> Assessment:
    """Judge every asset on a day; the forms must be sound (their readers see to that)."""
    found = []
    for asset in discovery.assets.values():
        answer = questionnaire.answer(asset.id)
        assert answer is not None  # noqa: S101 - a questionnaire without it is refused
        fit = answer.goes_to
        target, refusals = lawful_target(asset, answer, judge) if fit in ("cluster", "host") else (None, [])
        why = {
            "cluster": f"it is a workload: {answer.workload}",
            "host": "as declared" if answer.fit else f"{asset.kind} without a workload file",
            "retire": answer.reason,
            "stay": f"waiver {answer.waiver.reference} until {answer.waiver.ends_on}" if answer.waiver else "",
        }[fit]
        found.append(
            Assessed(
                asset.id,
                answer.category,
                answer.owner,
                fit,
                why,
                asset.size_bytes,
                target,
                hints(asset),
                tuple(refusals),
            )
        )
    staying = sorted({discovery.assets[each.asset].host for each in found if each.fit == "stay"})
    kept = {host: cost.monthly_pkr for host in staying if (cost := costs.host(host))}
    moved = sum(each.target.monthly_cost_pkr or 0.0 for each in found if each.target)
    return Assessment(
        department=judge.department,
        assets=tuple(found),
        before_pkr=round(sum(cost.monthly_pkr for cost in costs.hosts), 2),
        after_pkr=round(moved + sum(kept.values()), 2),
        assumptions=_assumptions(costs, found, kept, judge),
    )


def _assumptions(costs: CostSheet, found: list[Assessed], kept: dict[str, float], judge: Judge) -> tuple[str, ...]:
    lines = [f"before: the department's cost sheet of {costs.effective_on}", *costs.assumptions]
    lines.append(f"after: the price lists of register {judge.reference} on {judge.on}, for the sizes declared")
    unpriced = sorted({each.target.id for each in found if each.target and each.target.monthly_cost_pkr is None})
    lines += [f"not counted: {target}, for whose region the register has no price list" for target in unpriced]
    lines += [f"{host} costs PKR {cost:,.2f} as before, for something on it stays" for host, cost in kept.items()]
    lines += [f"not counted: {each.asset}, which has no lawful place" for each in found if each.refusals]
    return tuple(lines)
