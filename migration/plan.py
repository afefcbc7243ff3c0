"""The plan: which assets move in which wave, where to, how long they are down; made, changed by hand, re-checked."""

from __future__ import annotations

import hashlib
import math
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import yaml
from pydantic import Field

from inventories.faults import Fault, OnshoreError
from inventories.models import Id, Record, Sha256, Words
from inventories.yaml_source import nearest
from migration._forms import AssetId, StackPath, read_form, twice
from migration.dependencies import needs_of, waves_of
from migration.targets import lawful_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inventories.yaml_source import Document, KeyPath
    from migration.assessment import Assessment
    from migration.dependencies import Needs
    from migration.discovery import Asset, Discovery
    from migration.questionnaire import Questionnaire
    from migration.targets import Judge

Rate = Annotated[float, Field(gt=0)]
_MIB: Final = 2**20
_HEAD: Final = """\
# A plan of waves. Change it by hand as you need: other waves, other targets; every step re-checks it, and refuses
# what is unlawful, what moves before something that it needs, and what tears apart assets that need each other.
"""


class PlanSettings(Record):
    """What the estimates are made of: rates that hold for the slower side, and minutes that every asset takes."""

    copy_mib_s: Rate = 20.0
    verify_mib_s: Rate = 60.0
    overhead_minutes: Annotated[float, Field(ge=0)] = 15.0


class PlannedMove(Record):
    """One asset's move; `rollback` says to which point one can go back, and how.

    `stack`, and the `component` in it: what brings the target up; without one it has to stand already.
    `method`: of a database only; by `replication` it is written to until its cutover.
    """

    asset: AssetId
    category: Words
    to: Literal["cluster", "host"]
    target: Id
    stack: StackPath = ""
    component: str = ""
    method: Literal["dump", "replication"] = "dump"
    size_bytes: Annotated[int, Field(ge=0)] = 0
    needs: tuple[AssetId, ...] = ()
    downtime_minutes: Annotated[float, Field(ge=0)]
    rollback: Words


class Wave(Record):
    """What moves together."""

    number: Annotated[int, Field(ge=1)]
    moves: Annotated[tuple[PlannedMove, ...], Field(min_length=1)]

    @property
    def downtime_minutes(self) -> float:
        """Assets of a wave move one after the other."""
        return sum(move.downtime_minutes for move in self.moves)


class Plan(Record):
    """All waves, with what they were made from; `left`: what does not move, and why."""

    department: Id
    made_on: date
    discovery_sha256: Sha256
    questionnaire_sha256: Sha256
    register_version: Words
    settings: PlanSettings = PlanSettings()
    waves: tuple[Wave, ...] = ()
    left: dict[str, str] = Field(default_factory=dict)

    def wave(self, number: int) -> Wave | None:
        """A wave by its number."""
        return next((wave for wave in self.waves if wave.number == number), None)

    def find(self, asset_id: str) -> tuple[Wave, PlannedMove] | None:
        """The wave of an asset, and its move."""
        return next(((wave, move) for wave in self.waves for move in wave.moves if move.asset == asset_id), None)


def make_plan(
    discovery: tuple[Document, Discovery],
    questionnaire: tuple[Document, Questionnaire],
    assessment: Assessment,
    judge: Judge,
    settings: PlanSettings,
) -> Plan:
    """Waves from what needs what, each asset at its lawful target; raises OnshoreError with all that is against it."""
    needs, faults = needs_of(discovery[1], questionnaire[1])
    targets = {each.asset: each.target for each in assessment.assets if each.target}
    faults += [fault for each in assessment.refused for fault in each.refusals]
    left = {each.asset: f"{each.fit}: {each.why}" for each in assessment.assets if each.asset not in targets}
    faults += _lost_needs(targets, needs, {each.asset: each.fit for each in assessment.assets})
    if faults:
        raise OnshoreError("there is no plan that would be lawful and whole", faults, refused=bool(assessment.refused))
    categories = {each.asset: each.category for each in assessment.assets}
    waves = []
    for number, names in enumerate(waves_of(targets, needs), 1):
        moves = []
        for name in names:
            asset, target, answer = discovery[1].assets[name], targets[name], questionnaire[1].answer(name)
            assert answer is not None  # noqa: S101 - a questionnaire without it is refused
            kind: Any = target.kind
            moves.append(
                PlannedMove(
                    asset=name,
                    category=categories[name],
                    to=kind,
                    target=target.id,
                    stack=answer.stack,
                    component=answer.component,
                    size_bytes=asset.size_bytes,
                    needs=tuple(sorted(needs[name])),
                    downtime_minutes=downtime(asset, settings),
                    rollback=_rollback(asset),
                )
            )
        waves.append(Wave(number=number, moves=tuple(moves)))
    return Plan(
        department=judge.department,
        made_on=judge.on,
        discovery_sha256=_digest(discovery[0]),
        questionnaire_sha256=_digest(questionnaire[0]),
        register_version=judge.reference,
        settings=settings,
        waves=tuple(waves),
        left=left,
    )


def downtime(asset: Asset, settings: PlanSettings) -> float:
    """Minutes from closing the source to opening the target: overhead, and for data a copy and a verification."""
    size = asset.size_bytes / _MIB
    return settings.overhead_minutes + math.ceil((size / settings.copy_mib_s + size / settings.verify_mib_s) / 60)


def as_yaml(plan: Plan) -> str:
    """The plan as a file to be changed by hand."""
    return _HEAD + yaml.safe_dump(plan.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=118)


def read_plan(
    path: Path,
    discovery: tuple[Document, Discovery],
    questionnaire: tuple[Document, Questionnaire],
    judge: Judge,
    *,
    lawful: bool = True,
) -> Plan:
    """A plan, re-checked as of today whatever was changed in it; raises OnshoreError with every fault.

    `lawful` False: targets may have become unlawful, so that one can still look, and go back.
    """

    def checks(document: Document, plan: Plan) -> Iterator[Fault]:
        for field, made_from in (("discovery_sha256", discovery[0]), ("questionnaire_sha256", questionnaire[0])):
            if getattr(plan, field) != _digest(made_from):
                what, fix = f"made from another {made_from.name}", "make the plan anew: onshore migrate plan"
                yield Fault(document.where((field,)), what, fix=fix)
        yield from _order_faults(document, plan, discovery[1], questionnaire[1])
        if lawful:
            yield from _target_faults(document, plan, discovery[1], questionnaire[1], judge)

    return read_form(Plan, path, "plan", checks, made_by="onshore migrate plan")[1]


def _order_faults(
    document: Document, plan: Plan, discovery: Discovery, questionnaire: Questionnaire
) -> Iterator[Fault]:
    numbers = [wave.number for wave in plan.waves]
    if numbers != list(range(1, len(numbers) + 1)):
        yield Fault(document.where(("waves",)), "waves are not numbered 1, 2, 3…", ", ".join(map(str, numbers)))
    places = list(_places(plan))
    yield from twice(document, ((move.asset, (*place, "asset")) for _, move, place in places), "asset")
    needs, faults = needs_of(discovery, questionnaire)
    yield from faults
    at = {move.asset: wave.number for wave, move, _ in places}
    for wave, move, place in places:
        if move.asset not in discovery.assets:
            where = document.where((*place, "asset"))
            yield Fault(where, "no such asset", move.asset, fix=nearest(move.asset, list(discovery.assets)))
            continue
        if move.method == "replication" and discovery.assets[move.asset].kind != "database":
            where, what = document.where((*place, "method")), "only a database can be replicated"
            yield Fault(where, what, move.asset, fix="write `method: dump`")
        for need in sorted({*needs[move.asset], *move.needs}):
            if at.get(need, 0) > wave.number:
                where, what = document.where(place), f"moves in wave {wave.number}, before what it needs"
                yield Fault(where, what, f"{need} in wave {at[need]}", fix="put it into that wave or a later one")
    moving = [asset for asset in discovery.assets if _goes(questionnaire, asset)]
    for asset in moving:
        if asset not in at:
            yield Fault(document.where(("waves",)), "an asset that shall move is in no wave", asset)
    for asset in sorted(at.keys() & discovery.assets.keys() - set(moving)):
        yield Fault(document.where(("waves",)), "an asset that does not move by the questionnaire", asset)


def _target_faults(
    document: Document, plan: Plan, discovery: Discovery, questionnaire: Questionnaire, judge: Judge
) -> Iterator[Fault]:
    if plan.department != questionnaire.department:
        yield Fault(document.where(("department",)), "another department's plan", plan.department)
    for _, move, place in _places(plan):
        asset, answer = discovery.assets.get(move.asset), questionnaire.answer(move.asset)
        if asset is None or answer is None:
            continue
        if move.category != answer.category:
            where, fix = document.where((*place, "category")), "the questionnaire decides"
            yield Fault(where, "not the declared category", move.category, f"declared: {answer.category}", fix)
        if move.to != answer.goes_to:
            where = document.where((*place, "to"))
            yield Fault(where, "not what the questionnaire says", move.to, fix=f"write `{answer.goes_to}`")
        wished = answer.placement.host or answer.placement.cluster
        if wished and move.target != wished:
            where, fix = document.where((*place, "target")), "change the wish in the questionnaire, and plan anew"
            yield Fault(where, "not the place that is wished", move.target, f"wished: {wished}", fix)
        _, reasons = lawful_target(asset, answer, judge, wanted=move.target)
        where = document.where((*place, "target"))
        for why in reasons:
            yield Fault(where, f"{move.target} is no lawful target: {why.what}", why.got, why.why, why.fix)


def _places(plan: Plan) -> Iterator[tuple[Wave, PlannedMove, KeyPath]]:
    for at, wave in enumerate(plan.waves):
        for number, move in enumerate(wave.moves):
            yield wave, move, ("waves", at, "moves", number)


def _goes(questionnaire: Questionnaire, asset: str) -> bool:
    answer = questionnaire.answer(asset)
    return answer is not None and answer.goes_to in ("cluster", "host")


def _lost_needs(moving: dict[str, Any], needs: Needs, fits: dict[str, str]) -> Iterator[Fault]:
    for asset in moving:
        for need in sorted(needs[asset]):
            if fits.get(need) == "retire":
                fix = "let it move, too; or take the need away"
                yield Fault(asset, "needs something that is retired", need, fix=fix)


def _rollback(asset: Asset) -> str:
    if asset.kind == "database":
        return "the source as it was when its sessions were closed; `rollback` lets them in again"
    if asset.kind == "files":
        return "the source's folder, which stays as it is until it is retired; `rollback`"
    return "the service on premises, which stays until it is retired: start it again"


def _digest(document: Document) -> str:
    return hashlib.sha256(document.raw).hexdigest()
