"""A placement decision in words: for people as text, for machines as a dictionary, for callers as an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from components._decision import WISH, WISHES, Placement, Reason, Refusal, Request, Verdict
from components.costing import ASSUMPTIONS
from inventories.faults import OnshoreError
from inventories.models import Host, Region
from inventories.pricing import Size, in_words, items, rates_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inventories.models import Cluster, RuleMeta
    from inventories.pricing import Item


_OWN: Final = ("from_stack", "target")
"""Fields of a request that are no wishes: the candidates' keys say what kind of place was asked for."""


def explain(decision: Placement | Refusal, rules: Mapping[str, RuleMeta] | None = None) -> str:
    """Why here, why not there, and what would change it; with `rules`, the source of each rule that spoke."""
    lines = [*_head(decision)]
    if isinstance(decision, Placement):
        lines += ["", *_bill(decision)]
    if decision.verdicts:
        lines += ["", f"Candidates on {decision.on} (register {decision.register}):"]
        everywhere = _everywhere(decision.verdicts)
        lines += ["  every candidate: refused", *(f"    {reason_line(r)}" for r in everywhere)] if everywhere else []
        # What was asked for comes first: that is what the reader wants to know about.
        for verdict in sorted(decision.verdicts, key=lambda verdict: WISH in verdict.rules):
            lines += _verdict(verdict, everywhere)
    spoke = sorted({rule for verdict in decision.verdicts for rule in _spoke(verdict)} & set(rules or ()))
    if rules and spoke:
        lines += ["", "Why:"]
        for rule in spoke:
            source = rules[rule].source
            said = f"{source.instrument}: {source.clause}" if source.clause else source.instrument
            lines.append(f"  {rule} {rules[rule].title}. {said} ({source.confidence}).")
    if isinstance(decision, Refusal):
        lines += ["", way_out(decision)]
    return "\n".join(lines)


def explain_all(decisions: Sequence[Placement | Refusal], rules: Mapping[str, RuleMeta] | None = None) -> str:
    """A workload and what it has in regions, one after the other, and what all of it costs."""
    told = [explain(decision, rules) for decision in decisions]
    costs = [one.monthly_cost_pkr for one in decisions if isinstance(one, Placement)]
    if len(costs) > 1:
        known = [cost for cost in costs if cost is not None]
        unpriced = f", without {len(costs) - len(known)} that cannot be priced" if len(known) < len(costs) else ""
        told.append(f"Together: PKR {sum(known):,.2f} a month{unpriced}.")
    return "\n\n".join(told)


def way_out(refusal: Refusal) -> str:
    """The smallest change that would make the request lawful, in one sentence."""
    if refusal.faults:
        return "Way out: correct the request as said above."
    found = refusal.leads_to
    if found is None:
        kind = refusal.request.kind_of_place
        return f"Way out: none by changing the request; the register holds no {kind} that could become lawful for it."
    steps = ", and ".join(
        change.step if change.who in ("department", "time") else f"{change.step} (not in your hands)"
        for change in refusal.changes
    )
    city = found.site.city or found.site.id if found.site else "place unknown"
    return f"Way out: {steps}; then {found.place.id} ({city}, {_monthly(found)}) is lawful."


def as_error(refusal: Refusal, rules: Mapping[str, RuleMeta] | None = None) -> OnshoreError:
    """The refusal as the error a component raises: wrong input where the request itself is at fault."""
    if refusal.faults:
        return OnshoreError(f"the placement of {_subject(refusal.request)} was not decided", refusal.faults)
    return OnshoreError(explain(refusal, rules), refused=True)


def as_dict(decision: Placement | Refusal) -> dict[str, Any]:
    """The decision as plain JSON values."""
    request = decision.request
    result: dict[str, Any] = {
        "decision": "placed" if isinstance(decision, Placement) else "refused",
        "on": decision.on.isoformat(),
        "register": decision.register,
        "request": {name: getattr(request, name) for name in Request.__dataclass_fields__ if name not in _OWN},
        "candidates": [_verdict_dict(verdict) for verdict in decision.verdicts],
    }
    if isinstance(decision, Placement):
        return result | {
            "category": decision.category.id,
            **_name(decision.place),
            "region": decision.region.id,
            "site": decision.site.id,
            "country": decision.site.country,
            "provider": decision.provider.id,
            "monthly_cost_pkr": decision.monthly_cost_pkr,
            "bill": [item._asdict() for item in _items(decision)],
            "assumptions": list(ASSUMPTIONS),
            "because": decision.because,
        }
    faults = [
        {"where": fault.where, "what": fault.what, "got": fault.got, "why": fault.why, "fix": fault.fix}
        for fault in decision.faults
    ]
    return result | {
        "category": decision.category.id if decision.category else None,
        "faults": faults,
        "changes": [change._asdict() for change in decision.changes],
        "leads_to": decision.leads_to.place.id if decision.leads_to else None,
        "wait_until": decision.wait_until.isoformat() if decision.wait_until else None,
    }


def _head(decision: Placement | Refusal) -> Iterator[str]:
    subject = _subject(decision.request)
    if isinstance(decision, Placement):
        place = f"{decision.site.city or decision.site.id}, {decision.site.country}"
        cost = _monthly(decision)
        yield f"Placed: {subject} goes to {decision.place.id} ({place}, {cost}): {decision.because}."
        return
    yield f"Refused: there is no lawful place for {subject}."
    for fault in decision.faults:
        yield f"  {fault}"


def _items(decision: Placement) -> tuple[Item, ...]:
    place, request = decision.place, decision.request
    prices = decision.region.prices if isinstance(place, Host) else place.prices
    found = rates_for(request.service_kind, prices) if prices else None
    return items(Size(request.vcpu, request.memory_gib, request.storage_gib), found) if found else ()


def _bill(decision: Placement) -> Iterator[str]:
    """How the price comes about, and what it rests on."""
    if decision.monthly_cost_pkr is None:
        yield f"Not priced: the register has no price list for {decision.place.id}."
        return
    yield f"Monthly cost: {in_words(_items(decision))} = PKR {decision.monthly_cost_pkr:,.2f}"
    yield from (f"  assumed: {text}" for text in ASSUMPTIONS)


def _subject(request: Request) -> str:
    wishes = [f"{name} {value}" for name in WISHES if (value := getattr(request, name)) is not None]
    asking = f", asking for {' and '.join(wishes)}" if wishes else ""
    public = ", open to the public" if request.exposure == "public" else ""
    what = f" ({request.service_kind})" if request.kind_of_place == "region" else ""
    return f"{request.category} data of {request.department}{what}{public}{asking}"


def _everywhere(verdicts: tuple[Verdict, ...]) -> tuple[Reason, ...]:
    """What the register itself has against every candidate, to be said once (ACC-004)."""
    first, *others = verdicts
    return tuple(r for r in first.reasons if r.rule == "ACC-004" and all(r in other.reasons for other in others))


def _verdict(verdict: Verdict, everywhere: tuple[Reason, ...]) -> Iterator[str]:
    country = verdict.site.country if verdict.site else "country unknown"
    state = "lawful" if verdict.lawful else "refused"
    if verdict.rules == {WISH}:
        state = "lawful, but not what was asked for"
    yield f"  {verdict.place.id} ({country}, {_model(verdict)}, {_rupees(verdict)}): {state}"
    yield from (f"    {reason_line(reason)}" for reason in verdict.reasons if reason not in everywhere)
    for advice in verdict.advices:
        yield f"    advice, BINDS FROM {advice.binds_from}: {reason_line(advice.reason)}"


def _spoke(verdict: Verdict) -> frozenset[str]:
    return verdict.rules | {advice.reason.rule for advice in verdict.advices}


def reason_line(reason: Reason) -> str:
    """`RES-001 restricted data must stay in the country: got XA, allowed PK. Fix: ...`."""
    if reason.rule == WISH:  # the way out says it once for all
        return f"{reason.what}: {reason.got}."
    return f"{reason.rule} {reason.what}: got {reason.got}, allowed {reason.allowed}. Fix: {reason.fix}."


def _verdict_dict(verdict: Verdict) -> dict[str, Any]:
    return {
        **_name(verdict.place),
        "provider": verdict.provider.id,
        "site": _site(verdict),
        "country": verdict.site.country if verdict.site else None,
        "monthly_cost_pkr": verdict.monthly_cost_pkr,
        "lawful": verdict.rules <= {WISH},
        "as_wished": WISH not in verdict.rules,
        "reasons": [_reason_dict(reason) for reason in verdict.reasons],
        "advices": [
            {**_reason_dict(advice.reason), "binds_from": advice.binds_from.isoformat()} for advice in verdict.advices
        ],
    }


def _reason_dict(reason: Reason) -> dict[str, Any]:
    return {key: value for key, value in reason._asdict().items() if key != "change"}


def _name(place: Cluster | Host | Region) -> dict[str, str]:
    return {"host" if isinstance(place, Host) else "region" if isinstance(place, Region) else "cluster": place.id}


def _site(verdict: Verdict) -> str | None:
    if isinstance(verdict.place, Region):
        return verdict.site.id if verdict.site else None
    return verdict.place.site


def _model(verdict: Verdict) -> str:
    """The deployment model; a host's is its region's."""
    if not isinstance(verdict.place, Host):
        return verdict.place.deployment_model
    region = verdict.place.region
    return next((one.deployment_model for one in verdict.provider.regions if one.id == region), "model unknown")


def _rupees(found: Verdict | Placement) -> str:
    return "no price list" if found.monthly_cost_pkr is None else f"PKR {found.monthly_cost_pkr:,.0f}"


def _monthly(found: Verdict | Placement) -> str:
    return _rupees(found) if found.monthly_cost_pkr is None else f"{_rupees(found)} a month"
