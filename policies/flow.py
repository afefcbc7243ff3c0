"""FLO-001 over an engine's events: events in, findings out.

No engine shows a policy what a program only reads, so whether a `StackReading` says the truth, and whether something
was read past it, is seen here: each read step of a stack reference carries that stack's own outputs. The function
`readStackOutputs` leaves a trace in the embedded engine only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.dispatcher import write
from policies.reading import READING, REFERENCE, needed
from policies.subject import STACK_TYPE
from policies.values import mapping, sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inventories.models import Category
    from policies.dispatcher import Finding
    from policies.subject import Facts

    Event = Mapping[str, Any]

RULE: Final = "FLO-001"
_ENDED: Final = frozenset({"delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace"})
_NOT_A_READING: Final = "read with StackReading, or that stack's category plain among its outputs"


def reads(events: Iterable[Event]) -> bool:
    """Whether another stack was read at all."""
    return any("stackReadEvent" in event or any(map(_is_read, _begun([event]))) for event in events)


def findings(events: Sequence[Event], facts: Facts) -> list[Finding]:
    """What was read from other stacks, and may not be."""
    run = _Run(events, facts)
    found = [run.judged_step(step) for step in _begun(events) if _is_read(step)]
    found += [run.judged_call(event["stackReadEvent"]) for event in events if "stackReadEvent" in event]
    return [one for one in dict.fromkeys(found) if one]


class _Run:
    """What the events say of the stack that reads, and of its readings."""

    def __init__(self, events: Sequence[Event], facts: Facts) -> None:
        self.facts = facts
        begun = _begun(events)
        self.urn = next((str(step["urn"]) for step in begun if step.get("type") == STACK_TYPE), "")
        first, _, rest = self.urn.partition("::")
        self.stack, self.project = first.rpartition(":")[2], rest.partition("::")[0]
        self.own = facts.profile.category(_configured(events))
        self.readings = {str(step["urn"]): _inputs(step) for step in begun if step.get("type") == READING}
        self.ended = {
            (body["metadata"]["urn"], body["metadata"]["op"]): body["metadata"]
            for event in events
            if (body := event.get("resOutputsEvent"))
        }

    def judged_step(self, step: Event) -> Finding | None:
        """A read step: it is lawful for itself, or as the child of a reading that says the same."""
        new = mapping(self.ended.get((step["urn"], step["op"]), {}).get("new"))
        reading = self.readings.get(str(new.get("parent") or ""), {})
        return self._judged(str(step["urn"]), mapping(new.get("outputs")), [reading])

    def judged_call(self, body: Event) -> Finding | None:
        """A read without a step, as a reading makes one before it registers anything; nothing shows whose it is."""
        return self._judged(self.urn, mapping(mapping(body).get("outputs")), self.readings.values())

    def _judged(self, urn: str, read: Event, readings: Iterable[Event]) -> Finding | None:
        name, said = read.get("name"), mapping(read.get("outputs")).get("category")
        category = self.facts.profile.category(said) if isinstance(said, str) else None
        if not isinstance(name, str) or category is None:
            got = f"outputs of {name or 'a stack'}, which does not say what it holds"
            return write(self.facts.rules[RULE], urn, "outputs.category", got, _NOT_A_READING)
        stack = self._in_full(name)
        needs = [
            needed(stack, category.id, f"{self.project}/{self.stack}", self.own, outputs, self.facts)
            for outputs in ((), *(self._asked(reading, stack, category) for reading in readings))
        ]
        if "" in needs:
            return None
        got = f"outputs of {stack}, which holds {category.id} data"
        return write(self.facts.rules[RULE], urn, "outputs.category", got, needs[-1])

    def _in_full(self, name: str) -> str:
        """A stack as `project/stack`; without a project it is one of this."""
        *above, stack = name.split("/")
        return f"{above[1] if len(above) > 1 else self.project}/{stack}"

    def _asked(self, reading: Event, stack: str, category: Category) -> list[str]:
        """The outputs that a reading names, if it says of the stack what the stack says of itself."""
        said, outputs = reading.get("fromCategory"), sequence(reading.get("outputs"))
        honest = isinstance(said, str) and self.facts.profile.category(said) == category
        honest = honest and reading.get("fromStack") == stack and all(isinstance(one, str) for one in outputs)
        return outputs if honest else []


def _begun(events: Iterable[Event]) -> list[Event]:
    return [body["metadata"] for event in events if (body := event.get("resourcePreEvent"))]


def _is_read(step: Mapping[str, Any]) -> bool:
    return step.get("type") == REFERENCE and step.get("op") not in _ENDED


def _inputs(step: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(mapping(step.get("new")).get("inputs"))


def _configured(events: Iterable[Event]) -> str:
    """The category that the stack's own configuration names, as the engine tells it."""
    told: Event = next((event["preludeEvent"] for event in events if event.get("preludeEvent")), {})
    value = mapping(told.get("config")).get("onshore:category")
    return value if isinstance(value, str) else ""
