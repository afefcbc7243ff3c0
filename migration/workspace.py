"""The folder of a move: its forms, its plan, its ledger and its evidence, read together and held against each other."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from inventories import load_rules
from inventories.faults import Fault, OnshoreError
from migration.access import Access, open_site, read_access
from migration.assessment import Assessment, assess
from migration.costs import CostSheet, read_costs
from migration.discovery import read_discovery
from migration.ledger import Ledger
from migration.plan import Plan, read_plan
from migration.questionnaire import read_questionnaire
from migration.retention import Retention, read_retention
from migration.stacks import Wanted
from migration.standing import Standing, standings
from migration.steps import MOVABLE, Move
from migration.targets import Judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from inventories.models import Profile, Register
    from inventories.yaml_source import Document
    from migration.discovery import Asset, Discovery
    from migration.plan import PlannedMove, Wave
    from migration.questionnaire import Questionnaire
    from migration.rates import Rate
    from migration.steps import Site


@dataclass(frozen=True)
class Workspace:
    """A move's folder, and the facts of the day it is looked at."""

    folder: Path
    register: Register
    profile: Profile
    on: date

    @cached_property
    def discovery(self) -> tuple[Document, Discovery]:
        """`discovery.yaml`."""
        return read_discovery(self.folder / "discovery.yaml")

    @cached_property
    def questionnaire(self) -> tuple[Document, Questionnaire]:
        """`questionnaire.yaml`, held against what was found."""
        return read_questionnaire(self.folder / "questionnaire.yaml", self.discovery[1], self.profile)

    @cached_property
    def costs(self) -> CostSheet:
        """`costs.yaml`."""
        return read_costs(self.folder / "costs.yaml", self.discovery[1])[1]

    @cached_property
    def judge(self) -> Judge:
        """Who decides for this department on this day."""
        return Judge(self.register, self.profile, self.on, self.questionnaire[1].department, load_rules())

    @cached_property
    def assessment(self) -> Assessment:
        """What becomes of each asset today."""
        return assess(self.discovery[1], self.questionnaire[1], self.costs, self.judge)

    @property
    def plan_file(self) -> Path:
        """`plan.yaml`."""
        return self.folder / "plan.yaml"

    @cached_property
    def plan(self) -> Plan:
        """The plan, re-checked as of today."""
        return read_plan(self.plan_file, self.discovery, self.questionnaire, self.judge)

    @cached_property
    def plan_as_it_is(self) -> Plan:
        """The plan, whether its targets are lawful still or not: to look at, and to go back."""
        return read_plan(self.plan_file, self.discovery, self.questionnaire, self.judge, lawful=False)

    @cached_property
    def access(self) -> Access:
        """`access.yaml`."""
        return read_access(self.folder / "access.yaml", self.register)

    @property
    def ledger(self) -> Ledger:
        """`ledger.jsonl`."""
        return Ledger(self.folder / "ledger.jsonl")

    @property
    def evidence(self) -> Path:
        """Where evidence is kept."""
        return self.folder / "evidence"

    @cached_property
    def retentions(self) -> dict[str, Retention]:
        """`retention.yaml`; without it nothing is kept, and so nothing retired."""
        path = self.folder / "retention.yaml"
        if not path.exists():
            return {}
        return read_retention(path, self.discovery[1].assets, self.register, self.profile, on=self.on)

    def standings(self) -> dict[str, Standing]:
        """Where each asset stands by the ledger."""
        return standings(self.ledger.entries())

    def chosen(
        self, number: int, asset: str = "", *, back: bool = False
    ) -> tuple[Wave, list[tuple[Asset, PlannedMove]]]:
        """A wave of the plan, and those of its assets whose data moves: all, or the one that is named.

        `back`: it goes back to the sources, which no law of targets may hinder.
        """
        wave = (self.plan_as_it_is if back else self.plan).wave(number)
        if wave is None:
            known = ", ".join(str(each.number) for each in self.plan_as_it_is.waves)
            raise OnshoreError(
                "there is no such wave", [Fault("WAVE", "not in the plan", str(number), fix=f"1: {known}")]
            )
        moves = [(self.discovery[1].assets[move.asset], move) for move in wave.moves if asset in ("", move.asset)]
        if not moves:
            named = ", ".join(move.asset for move in wave.moves)
            raise OnshoreError(
                "no such asset in this wave", [Fault("--asset", f"not in wave {number}", asset, fix=named)]
            )
        return wave, [(found, move) for found, move in moves if found.kind in MOVABLE]

    def wanted(self, wave: Wave, asset: str = "") -> list[Wanted]:
        """A wave's moves (or the one that is named) as stacks are asked for them."""
        categories = {name: one.id for one in self.profile.categories for name in (one.id, *one.aliases)}
        return [
            Wanted(self.discovery[1].assets[move.asset], move, self.plan.department, categories[move.category])
            for move in wave.moves
            if asset in ("", move.asset)
        ]

    def move(self, progress: Callable[[Rate], None]) -> Move:
        """The move at work."""
        limit = int(self.access.limit_mib_s * 2**20)
        staging = self.folder / self.access.staging
        return Move(self.ledger, self.evidence, staging, self.access.jobs, limit, progress)

    @contextlib.contextmanager
    def sites(self, asset: Asset, planned: PlannedMove) -> Iterator[tuple[Site, Site]]:
        """An asset's source and target, reached as long as the context lasts."""
        if planned.to != "host":
            fix = "deploy it there with `onshore up`; only what goes to a host is copied"
            raise OnshoreError(f"{asset.id} is not moved", [Fault(asset.id, "its target is a cluster", fix=fix)])
        with contextlib.ExitStack() as stack:
            ends = [
                open_site(self.access, self.folder, self.register, host, stack, database=asset.kind == "database")
                for host in (asset.host, planned.target)
            ]
            now = self.standings().get(asset.id, Standing())
            path = now.path if now.raised[1] == planned.target else ""
            yield ends[0], replace(ends[1], path=path)

    def check_needs(self, wave: Wave) -> None:
        """Raise OnshoreError when something that this wave needs from an earlier one was not verified there."""
        now = self.standings()
        faults = []
        for move in wave.moves:
            for need in move.needs:
                found = self.plan.find(need)
                state = now[need].state if need in now else "planned"
                movable = self.discovery[1].assets[need].kind in MOVABLE
                if (
                    found
                    and found[0].number < wave.number
                    and movable
                    and state not in ("verified", "closing", "cut over", "retired")
                ):
                    fix = f"onshore migrate run {found[0].number}, and verify it"
                    faults.append(Fault(move.asset, f"needs {need}, which is {state}", fix=fix))
        if faults:
            raise OnshoreError(f"wave {wave.number} waits for what it needs", faults, refused=True)
