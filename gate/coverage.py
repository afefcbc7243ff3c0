"""Whether every registered resource of a preview was judged by every rule of one pack, read from its events.

A pack that was attached says little: an engine may leave a resource out, a policy may be switched off by configuration,
or turn into an advice where it meets an unknown value. Only what the events show to be judged is judged.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gate.wording import shown
from inventories.faults import Fault, OnshoreError
from inventories.models import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Event = Mapping[str, Any]

# Steps that follow from a registration; of a replacement there are two, `replace` and the one that makes the new one.
_REGISTERED: Final = frozenset({"create", "same", "update", "replace", "import"})
_SECOND_STEP: Final = frozenset({"create-replacement", "import-replacement"})
_READS: Final = frozenset({"read", "read-replacement"})
_WAIVED: Final = re.compile(r"^\W*(?:\{%\w+%\}\W*)?[A-Z]{3}-\d{3} [a-z]+ WAIVED BY ([a-z0-9-]+) ")
_NOT_YET: Final = re.compile(r"^\W*(?:\{%\w+%\}\W*)?[A-Z]{3}-\d{3} [a-z]+ BINDS FROM \d{4}-\d\d-\d\d ")
_CANNOT_RUN: Final = "can't run policy"
_AGAIN: Final = "gate again; if it happens again, report it with the event log (--event-log FILE)"


@dataclass(frozen=True, slots=True)
class Pack:
    """The pack that must have judged, and the ids of its rules on single resources."""

    name: str
    version: str
    rules: frozenset[str]


class Waived(Record):
    """A finding that a waiver covers: it is let through, and told."""

    rule: str
    urn: str
    waiver: str
    message: str


class Advised(Record):
    """A finding of a rule that binds on a later day: it is let through until then, and told."""

    rule: str
    urn: str
    message: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was judged. `reads`: resources that a program only reads, which no engine shows to a policy."""

    registered: int
    reads: tuple[str, ...]
    waived: tuple[Waived, ...]
    advised: tuple[Advised, ...] = ()


def judged(events: Sequence[Event], pack: Pack) -> Judgement:
    """What a preview's events show to be judged by the pack; raises OnshoreError (`refused`) with every gap."""
    waived, advised, faults = _findings(events, pack)
    faults += [*_ending_faults(events, pack), *_coverage_faults(events, pack)]
    if faults:
        raise OnshoreError("the preview is not judged whole, so there is no receipt", faults, refused=True)
    steps = _steps(events)
    return Judgement(
        registered=len({step["urn"] for step in steps if step["op"] in _REGISTERED}),
        reads=tuple(sorted({str(step["urn"]) for step in steps if step["op"] in _READS})),
        waived=tuple(waived),
        advised=tuple(advised),
    )


def _steps(events: Iterable[Event]) -> list[Mapping[str, Any]]:
    return [body["metadata"] for event in events if (body := event.get("resourcePreEvent"))]


def _is_ours(body: Mapping[str, Any], pack: Pack) -> bool:
    return str(body.get("policyPackName", "")).partition("|")[0] == pack.name


def _version(text: object) -> str:
    return str(text or "").removeprefix("v")


def _findings(events: Iterable[Event], pack: Pack) -> tuple[list[Waived], list[Advised], list[Fault]]:
    """Waived findings, those of rules that do not bind yet, and all the pack said that is no judgement in favour."""
    waived: list[Waived] = []
    advised: list[Advised] = []
    faults: list[Fault] = []
    for event in events:
        if body := event.get("policyRemediationEvent"):
            urn = shown(str(body.get("resourceUrn", "")))
            faults.append(
                Fault(urn, "a policy changed the inputs: what was judged is not what was written", fix=_AGAIN)
            )
        body = event.get("policyEvent")
        if not body:
            continue
        urn, message = str(body.get("resourceUrn", "")), str(body.get("message", "")).strip()
        where, rule = shown(urn), shown(str(body.get("policyName", "")))
        if body.get("enforcementLevel") != "advisory":
            faults.append(Fault(where, f"refused by {rule}", shown(message), fix="mend what the rule names"))
        elif not _is_ours(body, pack):
            continue
        elif _CANNOT_RUN in message:
            fix = "write the value out, so that it is known before anything is made"
            faults.append(
                Fault(where, f"{rule} could not judge a value that is not known yet", shown(message), fix=fix)
            )
        elif match := _WAIVED.search(message):
            waived.append(Waived(rule=rule, urn=urn, waiver=match[1], message=message))
        elif _NOT_YET.search(message):
            advised.append(Advised(rule=rule, urn=urn, message=message))
        else:
            faults.append(Fault(where, f"{rule} gave an advice in place of a judgement", shown(message), fix=_AGAIN))
    return waived, advised, faults


def _ending_faults(events: Sequence[Event], pack: Pack) -> Iterable[Fault]:
    """The pack was loaded, and the stream goes on to the summary of a preview that went well."""
    if not any("policyLoadEvent" in event for event in events):
        yield Fault("", "no policy pack was loaded", fix=_AGAIN)
    asked = [event.get("policyAnalyzeStackSummaryEvent") for event in events]
    if not any(body and _is_ours(body, pack) for body in asked):
        yield Fault("", f"the finished stack was never judged by the pack {pack.name}", fix=_AGAIN)
    summaries = [event["summaryEvent"] for event in events if "summaryEvent" in event]
    if len(summaries) != 1:
        what = "the events end without a summary: they were cut short" if not summaries else "more than one summary"
        yield Fault("", what, got=f"{len(events)} events", fix=_AGAIN)
        return
    summary = summaries[0]
    if not summary.get("isPreview"):
        yield Fault("", "the events are not a preview's", fix="gate a preview")
    if summary.get("result") != "succeeded":
        yield Fault("", "the preview did not succeed", got=shown(str(summary.get("result"))), fix="mend what it names")
    packs = {key.partition("|")[0]: _version(value) for key, value in (summary.get("PolicyPacks") or {}).items()}
    if packs.get(pack.name) != pack.version:
        got = shown(", ".join(f"{name} {version}" for name, version in packs.items()) or "none")
        yield Fault("", f"the summary does not name the pack {pack.name} {pack.version}", got, fix=_AGAIN)
    counted = Counter(step["op"] for step in _steps(events) if step["op"] in _REGISTERED and _counts(step))
    told = {op: count for op, count in (summary.get("resourceChanges") or {}).items() if op in _REGISTERED and count}
    if told != dict(counted):
        got = f"{sum(counted.values())} in the events, {sum(told.values())} in the summary"
        yield Fault("", "steps are missing from the events: they were cut short", got, fix=_AGAIN)


def _counts(step: Mapping[str, Any]) -> bool:
    """Whether a summary counts a step: default providers are the engine's own."""
    _, _, rest = str(step["urn"]).partition("::")
    internal = "::pulumi:providers:" in f"::{rest}" and str(step["urn"]).rpartition("::")[2].startswith("default")
    return bool(step.get("logical", True)) and not internal


def _coverage_faults(events: Sequence[Event], pack: Pack) -> Iterable[Fault]:
    """Each registered resource was judged once, by this version of the pack and by every rule; and no other was."""
    steps = _steps(events)
    registered = Counter(step["urn"] for step in steps if step["op"] in _REGISTERED)
    seconds = Counter(step["urn"] for step in steps if step["op"] in _SECOND_STEP)
    summaries: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        body = event.get("policyAnalyzeSummaryEvent")
        if body and _is_ours(body, pack):
            summaries.setdefault(str(body.get("resourceUrn", "")), []).append(body)
    if not registered:
        yield Fault("", "the preview registers nothing, not even its stack", fix=_AGAIN)
    for urn in sorted(registered | seconds):
        where = shown(urn)
        if registered[urn] > 1 or seconds[urn] > 1:
            yield Fault(where, "registered twice", fix="give one of them another name")
        yield from _judged_faults(where, summaries.get(urn, []), pack)
    for urn in sorted(summaries.keys() - registered.keys()):
        yield Fault(shown(urn), "judged, but no step of it is in the events", fix=_AGAIN)


def _judged_faults(where: str, summaries: Sequence[Mapping[str, Any]], pack: Pack) -> Iterable[Fault]:
    if not summaries:
        yield Fault(where, f"never judged by the pack {pack.name}", fix=_AGAIN)
        return
    if len(summaries) > 1:
        yield Fault(where, "judged more than once", got=str(len(summaries)), fix=_AGAIN)
    for body in summaries:
        version = _version(body.get("policyPackVersion"))
        if version != pack.version:
            yield Fault(where, f"judged by another version than {pack.version}", shown(version), fix=_AGAIN)
        rules = {str(rule) for part in ("passed", "failed") for rule in body.get(part) or ()}
        if missing := pack.rules - rules:
            yield Fault(where, f"not judged by {', '.join(sorted(missing))}", fix="remove what switches rules off")
