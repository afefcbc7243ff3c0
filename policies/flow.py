"""FLO-001 over an engine's events: events in, findings out.

No engine shows a policy what a program only reads, so whether a `StackReading` says the truth, and whether something
was read past it, is seen here: each read step of a stack reference carries that stack's own outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.dispatcher import write
from policies.reading import READING, REFERENCE, needed
from policies.values import mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inventories.models import Category
    from policies.dispatcher import Finding
    from policies.subject import Facts

    Event = Mapping[str, Any]

RULE: Final = "FLO-001"
_ENDED: Final = frozenset({"delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace"})
_NOT_A_READING: Final = "read with StackReading, or that stack's category plain among its outputs"


def reads(events: Iterable[Event]) -> bool:
    """Whether another stack was read at all."""
    return any(_is_read(body["metadata"]) for event in events if (body := event.get("resourcePreEvent")))


def findings(events: Sequence[Event], facts: Facts) -> list[Finding]:
    """What was read from other stacks, and may not be."""
    begun = [body["metadata"] for event in events if (body := event.get("resourcePreEvent"))]
    ended = {
        (body["metadata"]["urn"], body["metadata"]["op"]): body["metadata"]
        for event in events
        if (body := event.get("resOutputsEvent"))
    }
    own = facts.profile.category(_configured(events))
    readings = {step["urn"]: _inputs(step) for step in begun if step.get("type") == READING}
    found: dict[str, Finding] = {}
    for step in filter(_is_read, begun):
        urn, new = str(step["urn"]), mapping(ended.get((step["urn"], step["op"]), {}).get("new"))
        reading = readings.get(str(new.get("parent") or ""), {})
        for got, allowed in _refused(urn, mapping(new.get("outputs")), reading, own, facts):
            found[urn] = write(facts.rules[RULE], urn, "outputs.category", got, allowed)
    return list(found.values())


def _refused(
    urn: str, read: Mapping[str, Any], reading: Mapping[str, Any], own: Category | None, facts: Facts
) -> Iterator[tuple[str, str]]:
    """What was read from a stack, and what may be, when that is something else."""
    stack_part, _, rest = urn.partition("::")
    here, project = stack_part.rpartition(":")[2], rest.partition("::")[0]
    name, said = read.get("name"), mapping(read.get("outputs")).get("category")
    category = facts.profile.category(said) if isinstance(said, str) else None
    if not isinstance(name, str) or category is None:
        yield f"outputs of {name or 'a stack'}, which does not say what it holds", _NOT_A_READING
        return
    parts = name.split("/")  # organization/project/stack, or a stack of this project with or without organization
    stack = f"{parts[-2] if len(parts) == 3 else project}/{parts[-1]}"
    truly = reading.get("fromStack") == stack and _names(reading.get("fromCategory"), category, facts)
    outputs = [output for output in reading.get("outputs") or () if isinstance(output, str)] if truly else []
    allowed = needed(stack, category.id, f"{project}/{here}", own, outputs, facts)
    if allowed:
        yield f"outputs of {stack}, which holds {category.id} data", allowed


def _is_read(step: Mapping[str, Any]) -> bool:
    return step.get("type") == REFERENCE and step.get("op") not in _ENDED


def _inputs(step: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(mapping(step.get("new")).get("inputs"))


def _names(label: Any, category: Category, facts: Facts) -> bool:
    return isinstance(label, str) and facts.profile.category(label) == category


def _configured(events: Iterable[Event]) -> str:
    """The category that the stack's own configuration names, as the engine tells it."""
    told = next((event["preludeEvent"] for event in events if event.get("preludeEvent")), {})
    value = mapping(told.get("config")).get("onshore:category")
    return value if isinstance(value, str) else ""
