"""What a run is about to do, or did: its operations, read from an engine's events so that two previews say the same.

What differs between two previews of one program is taken out: provider ids, names that the engine makes up, and the
values of secrets. A value that a preview cannot know yet reads `[unknown]`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from gate.wording import shown
from inventories.faults import Fault
from inventories.models import Record, Sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SECRET: Final = "[secret]"  # noqa: S105 - what stands in place of one
UNKNOWN: Final = "[unknown]"
# Wire constants of Pulumi: sdk/go/common/resource/plugin/rpc.go and sdk/go/common/resource/sig
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - not one
_UNKNOWNS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_CREATING: Final = frozenset({"create", "replace", "create-replacement"})
_BY_ID: Final = frozenset({"read", "read-replacement", "import", "import-replacement"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One step on one resource: `inputs` as checked, blinded; `provider` is its URN; `id` is of what is read in."""

    op: str
    urn: str
    provider: str
    id: str
    inputs: Mapping[str, Any]


class PlannedOperation(Record):
    """An operation as a receipt holds it: each top-level input by its digest."""

    op: str
    urn: str
    provider: str = ""
    id: str = ""
    inputs: dict[str, Sha256] = Field(default_factory=dict)


Plan = Annotated[tuple[PlannedOperation, ...], Field(min_length=1)]


def operations(events: Iterable[Mapping[str, Any]]) -> tuple[Operation, ...]:
    """Every step of a run, in order of URN and kind."""
    steps = [body["metadata"] for event in events if (body := event.get("resourcePreEvent"))]
    made_up = _made_up_names(steps)
    return tuple(sorted((_operation(step, made_up) for step in steps), key=lambda one: (one.urn, one.op)))


def planned(done: Iterable[Operation]) -> tuple[PlannedOperation, ...]:
    """Operations in a receipt's form."""
    return tuple(
        PlannedOperation(
            op=one.op,
            urn=one.urn,
            provider=one.provider,
            id=one.id,
            inputs={key: digest_of(value) for key, value in sorted(one.inputs.items())},
        )
        for one in done
    )


def plan_digest(plan: Sequence[PlannedOperation]) -> str:
    """sha256 over the operations as a multiset: their order says nothing."""
    return digest_of(sorted((one.model_dump() for one in plan), key=lambda one: json.dumps(one, sort_keys=True)))


def digest_of(value: Any) -> str:
    """sha256 of a JSON value in one canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def blinded(value: Any) -> Any:
    """A JSON value without secrets; unknown values read alike, and whole numbers are written one way."""
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET_SIGNATURE:
            return SECRET
        return {key: blinded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [blinded(item) for item in value]
    if isinstance(value, str) and value in _UNKNOWNS:
        return UNKNOWN
    return int(value) if isinstance(value, float) and value.is_integer() else value


def plan_faults(gated: Sequence[PlannedOperation], got: Sequence[PlannedOperation]) -> list[Fault]:
    """What two plans do not have in common, each operation by its URN."""
    fix = "look at the change; if it is meant, gate again"
    faults: list[Fault] = []
    ours, theirs = _by_place(got), _by_place(gated)
    for urn, op in sorted(ours.keys() | theirs.keys()):
        now, then = ours.get((urn, op), []), theirs.get((urn, op), [])
        if len(now) > len(then):
            faults.append(Fault(shown(urn), f"`{op}` was not gated", got=op, fix=fix))
        elif len(now) < len(then):
            faults.append(Fault(shown(urn), f"`{op}` was gated and is not planned any more", fix=fix))
        for a, b in zip(then, now, strict=False):
            if parts := _parts_that_differ(a, b):
                what = f"`{op}` is not the one that was gated: {', '.join(map(shown, parts))}"
                short = [f"{plan_digest([one])[:12]}" for one in (b, a)]
                faults.append(Fault(shown(urn), what, f"{short[0]}, gated {short[1]}", fix=fix))
    return faults


def deed_faults(plan: Sequence[Operation], done: Sequence[Operation], *, whole: bool) -> list[Fault]:
    """What a run did otherwise than its preview said; `whole`: it ended well, so nothing may be missing.

    What the preview could not know may have become anything.
    """
    fix = "look at what was made; if it should not be, repair the program and gate again"
    left = defaultdict(list)
    for one in plan:
        left[one.urn, one.op].append(one)
    faults: list[Fault] = []
    for deed in done:
        waiting = left[deed.urn, deed.op]
        if not waiting:
            faults.append(Fault(shown(deed.urn), f"`{deed.op}` was done, and the preview did not say so", fix=fix))
            continue
        said = waiting.pop(0)
        if (said.provider, said.id) != (deed.provider, deed.id) or not _fits(said.inputs, deed.inputs):
            faults.append(Fault(shown(deed.urn), f"`{deed.op}` was done with other inputs than previewed", fix=fix))
    if whole:
        missing = [one for waiting in left.values() for one in waiting]
        faults += [Fault(shown(one.urn), f"`{one.op}` was previewed and not done", fix=fix) for one in missing]
    return faults


def _operation(step: Mapping[str, Any], made_up: Mapping[str, str]) -> Operation:
    new = step.get("new") or {}
    provider = str(step.get("provider") or "")
    op = str(step["op"])
    return Operation(
        op=op,
        urn=str(step["urn"]),
        provider=provider.rpartition("::")[0] if provider.count("::") > 3 else provider,
        id=str(new.get("id") or "") if op in _BY_ID else "",
        inputs=_renamed(blinded(new.get("inputs") or {}), made_up),
    )


def _made_up_names(steps: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Names of new resources that an engine or provider made up (`<name>-<hex>`), with what stands in their place."""
    found: dict[str, str] = {}
    for step in steps:
        if step["op"] not in _CREATING:
            continue
        name = str(step["urn"]).rpartition("::")[2]
        inputs = (step.get("new") or {}).get("inputs") or {}
        metadata = inputs.get("metadata")
        values = [*inputs.values(), *(metadata.values() if isinstance(metadata, dict) else ())]
        form = re.compile(rf"{re.escape(name)}-[0-9a-f]{{7,8}}")
        for value in values:
            if isinstance(value, str) and form.fullmatch(value):
                found[value] = f"{name}-[random]"
    return found


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if not names:
        return value
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if isinstance(value, str):
        for name, instead in names.items():
            value = value.replace(name, instead)
    return value


def _by_place(plan: Iterable[PlannedOperation]) -> dict[tuple[str, str], list[PlannedOperation]]:
    places: dict[tuple[str, str], list[PlannedOperation]] = defaultdict(list)
    for one in plan:
        places[one.urn, one.op].append(one)
    return places


def _parts_that_differ(gated: PlannedOperation, got: PlannedOperation) -> list[str]:
    parts = [name for name in ("provider", "id") if getattr(gated, name) != getattr(got, name)]
    keys = sorted(gated.inputs.keys() | got.inputs.keys())
    return parts + [f"`{key}`" for key in keys if gated.inputs.get(key) != got.inputs.get(key)]


def _fits(said: Any, done: Any) -> bool:
    """Whether a value is what was previewed, where the preview knew it."""
    if said == UNKNOWN:
        return True
    if isinstance(said, dict) and isinstance(done, dict):
        known = {key for key, value in said.items() if value != UNKNOWN}
        return known <= done.keys() <= said.keys() and all(_fits(said[key], done[key]) for key in done)
    if isinstance(said, list) and isinstance(done, list):
        return len(said) == len(done) and all(map(_fits, said, done))
    return bool(said == done)
