"""What a run's resources cost a month, before and after it: from an engine's events to bills, and to words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from components.costing import ASSUMPTIONS, Bill, Line, Planned, Unpriced, bill
from engine.display.values import label, plain
from inventories.pricing import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inventories.models import Register

_PROVIDER: Final = "pulumi:providers:"
_WAS_THERE: Final = frozenset({"same", "update", "delete", "delete-replaced"})
_WILL_BE: Final = frozenset({"same", "update", "create", "create-replacement", "import", "import-replacement"})


@dataclass(frozen=True, slots=True)
class Costs:
    """The bills of what was there before a run and of what is there after it."""

    register: str
    before: Bill
    after: Bill

    @property
    def difference_pkr(self) -> float:
        """What the run adds to each month; below 0 it saves."""
        return round(self.after.monthly_cost_pkr - self.before.monthly_cost_pkr, 2)


def costs(events: Iterable[Mapping[str, Any]], register: Register) -> Costs:
    """The costs of a run, of either engine's events: a preview's plan, or the steps that succeeded."""
    steps = [event["resOutputsEvent"]["metadata"] for event in events if "resOutputsEvent" in event]
    before = bill(_resources(steps, "old", _WAS_THERE), register)
    after = bill(_resources(steps, "new", _WILL_BE), register)
    return Costs(f"{register.version}@{register.digest[:12]}", before, after)


def as_words(found: Costs) -> list[str]:
    """What changes line by line, what is not priced, the sums and what they rest on; nothing where nothing costs."""
    if not any((found.before.lines, found.before.unpriced, found.after.lines, found.after.unpriced)):
        return []
    lines = [f"Monthly cost, by the price lists of register {found.register}:"]
    unchanged = []
    for old, new in _pairs(found.before.lines, found.after.lines):
        if old == new:
            unchanged.append(new)
        else:
            lines += _change(old, new)
    if unchanged:
        kept = sum(line.monthly_cost_pkr for line in unchanged if line)
        lines.append(f"    {len(unchanged)} unchanged: {_rupees(kept)}")
    for old_gap, gap in _pairs(found.before.unpriced, found.after.unpriced):
        one = gap or old_gap
        if one is not None:
            lines.append(f"  {_sign(old_gap, gap)} not priced: {_named(one.resource)}: {label(one.why)}")
    before, after = found.before.monthly_cost_pkr, found.after.monthly_cost_pkr
    lines.append(f"  before {_rupees(before)}, after {_rupees(after)}, difference {found.difference_pkr:+,.2f}")
    return [*lines, *(f"  {assumption}" for assumption in _assumed())]


def as_dict(found: Costs) -> dict[str, Any]:
    """The same for machines, unchanged resources included."""
    return {
        "currency": "PKR",
        "register": found.register,
        "before": found.before.monthly_cost_pkr,
        "after": found.after.monthly_cost_pkr,
        "difference": found.difference_pkr,
        "lines": [_line_dict(old, new) for old, new in _pairs(found.before.lines, found.after.lines)],
        "notPriced": [_gap_dict(old, new) for old, new in _pairs(found.before.unpriced, found.after.unpriced)],
        "assumptions": list(ASSUMPTIONS),
    }


def _resources(steps: Sequence[Mapping[str, Any]], side: str, ops: frozenset[str]) -> list[Planned]:
    """The custom resources on one side of the steps; in order of URN.

    Inputs of their providers and parents are of the same side, else of the other.
    """
    told: dict[str, Any] = {}
    for step in steps:
        state = step.get(side) or step.get("new") or step.get("old") or {}
        if step["type"].startswith(_PROVIDER) or not state.get("custom"):
            told[step["urn"]] = plain(state.get("inputs") or {})
    found = {}
    for step in steps:
        state = step.get(side)
        if step["op"] in ops and state and state.get("custom") and not step["type"].startswith("pulumi:"):
            provider = (state.get("provider") or step.get("provider") or "").rpartition("::")[0]
            inputs = plain(state.get("inputs") or {})
            around = told.get(provider, {}), told.get(state.get("parent") or "", {})
            found[step["urn"]] = Planned(step["urn"], step["type"], inputs, *around)
    return [found[urn] for urn in sorted(found)]


def _pairs(before: Sequence[Any], after: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Old and new of each resource, None where there is none; in the order of what is there after."""
    old = {one.resource.urn: one for one in before}
    new = {one.resource.urn: one for one in after}
    for urn in [*new, *(urn for urn in old if urn not in new)]:
        yield old.get(urn), new.get(urn)


def _change(old: Line | None, new: Line | None) -> Iterator[str]:
    line = new or old
    if line is None:
        return
    was = f"{_rupees(old.monthly_cost_pkr)} before, " if old and new else ""
    total = _rupees(line.monthly_cost_pkr)
    yield f"  {_sign(old, new)} {_named(line.resource)} at {line.place}: {was}{in_words(line.items)} = {total}"


def _sign(old: Any, new: Any) -> str:
    if old is None or new is None:
        return "+" if old is None else "-"
    return " " if old == new else "~"


def _named(resource: Planned) -> str:
    return label(f"{resource.name} ({resource.kind})")


def _rupees(amount: float) -> str:
    return f"PKR {amount:,.2f}"


def _assumed() -> Iterator[str]:
    yield from (f"assumed: {text}" for text in ASSUMPTIONS)


def _line_dict(old: Line | None, new: Line | None) -> dict[str, Any]:
    line = new or old
    assert line is not None  # noqa: S101 - a pair has one of them
    return {
        "urn": line.resource.urn,
        "type": line.resource.type,
        "place": line.place,
        "before": old.monthly_cost_pkr if old else 0.0,
        "after": new.monthly_cost_pkr if new else 0.0,
        "items": [
            {"unit": item.unit, "quantity": item.quantity, "unitPrice": item.unit_price_pkr} for item in line.items
        ],
    }


def _gap_dict(old: Unpriced | None, new: Unpriced | None) -> dict[str, Any]:
    gap = new or old
    assert gap is not None  # noqa: S101 - a pair has one of them
    resource = gap.resource
    return {
        "urn": resource.urn,
        "type": resource.type,
        "why": gap.why,
        "before": old is not None,
        "after": new is not None,
    }
