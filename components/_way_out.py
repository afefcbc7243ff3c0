"""The smallest change that makes a refused request lawful: now, or on a later day that the register already names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from components._decision import Change, Verdict
from inventories.models import Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from inventories.models import Register

_STANDINGS = (Status.ACCREDITED, Status.REGISTERED)


class WayOut(NamedTuple):
    """The changes, the candidate they make lawful, and the day on which they do, None for at once."""

    changes: tuple[Change, ...]
    leads_to: Verdict
    day: date | None


def cost_then_id(verdict: Verdict) -> tuple[float, str]:
    """The order of candidates; one without a price list comes last."""
    cost = verdict.monthly_cost_pkr
    return math.inf if cost is None else cost, verdict.place.id


def days_ahead(register: Register, on: date) -> list[date]:
    """The days after `on` from which the register has something allowed that was not allowed before."""
    days = {register.issued_on}
    days.update(approval.issued_on for approval in register.approvals)
    for provider in register.providers:
        days.update(change.effective_on for change in provider.accreditation.history if change.status in _STANDINGS)
        days.update(audit.held_on for audit in provider.audits if audit.outcome == "passed")
    return sorted(day for day in days if day > on)


def smallest(days: Mapping[date, tuple[Verdict, ...]], on: date, country: str) -> WayOut | None:
    """The smallest set of changes that makes a candidate lawful on one of the days, `on` among them.

    What others have not promised weighs most, then a wait, then what the department must do; then a place in the
    country, cost and id. The same changes make several candidates lawful: the cheapest of them is where they lead.
    """
    today = {verdict.place.id: verdict for verdict in days[on]}
    leads: dict[tuple[date, frozenset[Change]], tuple[tuple[Change, ...], Verdict]] = {}
    for day, verdicts in days.items():
        for verdict in sorted(verdicts, key=cost_then_id):
            changes = tuple(dict.fromkeys(reason.change for reason in verdict.reasons))
            possible = tuple(change for change in changes if change is not None)
            if len(possible) == len(changes):
                leads.setdefault((day, frozenset(possible)), (possible, verdict))
    if not leads:
        return None

    def weight(way: tuple[date, frozenset[Change]]) -> tuple[int, date, int, bool, float, str]:
        day, changes = way
        verdict = leads[way][1]
        others = sum(change.who != "department" for change in changes)
        abroad = verdict.site is None or verdict.site.country != country
        return others, day, len(changes), abroad, *cost_then_id(verdict)

    best = min(leads, key=weight)
    changes, verdict = leads[best]
    if best[0] == on:
        return WayOut(changes, verdict, None)
    return WayOut((_wait(best[0], today[verdict.place.id], verdict), *changes), verdict, best[0])


def _wait(day: date, before: Verdict, then: Verdict) -> Change:
    gone = {reason.rule for reason in before.reasons} - {reason.rule for reason in then.reasons}
    has = [
        words
        for rule, words in (
            ("ACC-001", f"{before.provider.id} accredited"),
            ("ACC-003", "its audits passed" if "ACC-001" in gone else f"the audits of {before.provider.id} passed"),
            ("CAT-002", "the approval"),
        )
        if rule in gone
    ]
    force = ["is in force"] if "ACC-004" in gone else []
    said = " and ".join(force + [f"has {' and '.join(has)}"] * bool(has))
    return Change("time", f"wait until {day}" + (f", when the register {said}" if said else ""))
