"""The questionnaire: what the department says of each asset. Nothing here is guessed; hints are only hints."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from inventories.faults import Fault, OnshoreError
from inventories.models import Exposure, Id, Record, Words
from inventories.yaml_source import nearest
from migration._forms import AssetId, StackPath, read_form, twice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inventories.models import Profile
    from inventories.yaml_source import Document
    from migration.discovery import Asset, Discovery

Fit = Literal["cluster", "host", "retire", "stay"]

_UNKNOWN: Final = "unknown data category"
# Names that often stand for data about people, money or access. They decide nothing: they make a person look.
_HINTS: Final = (
    ("identity numbers", re.compile(r"cnic|nicop|passport|national_?id|(^|[^a-z])nic([^a-z]|$)")),
    (
        "names or addresses of people",
        re.compile(r"(first|last|full|father)_?name|address|phone|mobile"),
    ),
    ("health", re.compile(r"patient|diagnos|medical|vaccin|health|blood")),
    ("money", re.compile(r"salary|payroll|iban|account_?no|tax|pension")),
    ("access", re.compile(r"passw|secret|token|private_?key|credential")),
    ("places and times of birth", re.compile(r"birth|(^|[^a-z])dob([^a-z]|$)")),
)


class StayWaiver(Record):
    """The written decision that an asset stays on premises for a while."""

    approving_office: Words
    reference: Words
    reason: Words
    ends_on: date


class Wish(Record):
    """A place by its id in the register; lawful or not is not for the department to say."""

    host: Id | None = None
    cluster: Id | None = None
    region: Id | None = None


class Answer(Record):
    """What the department says of one asset; `category` and `owner` cannot be left out.

    `fit`: where it shall go (left out: databases and folders to a host, services and jobs to a host unless `workload`
    names a Score file for a cluster). `placement`: the place it wishes. `needs`: assets it does not work without,
    beside those that connections show. `stack`: what brings its target up, as STACK of this project or FOLDER/STACK of
    another; `component`: which of several there.
    """

    asset: AssetId
    category: Words
    owner: Words
    fit: Fit | None = None
    reason: str = ""
    waiver: StayWaiver | None = None
    workload: str = ""
    exposure: Exposure = "internal"
    vcpu: Annotated[float, Field(ge=0)] = 1.0
    memory_gib: Annotated[float, Field(ge=0)] = 1.0
    placement: Wish = Wish()
    stack: StackPath = ""
    component: str = ""
    needs: tuple[AssetId, ...] = ()

    @model_validator(mode="after")
    def _reasons_given(self) -> Self:
        if (self.fit == "stay") != (self.waiver is not None):
            raise ValueError("what stays has a `waiver`, and nothing else has one")
        if self.fit == "retire" and not self.reason.strip():
            raise ValueError("what is retired without a move has a `reason`")
        if self.fit == "cluster" and not self.workload:
            raise ValueError("what goes to a cluster names its Score file as `workload`")
        if self.goes_to not in ("cluster", "host") and (self.placement != Wish() or self.stack):
            raise ValueError("what does not move has no `placement` and no `stack`")
        if self.component and not self.stack:
            raise ValueError("a `component` is one of a `stack`")
        if (self.placement.host and self.goes_to == "cluster") or (self.placement.cluster and self.goes_to == "host"):
            raise ValueError(f"its `placement` is no {self.goes_to}, and there it goes")
        return self

    @property
    def goes_to(self) -> Fit:
        """Where it shall go: as said, else by whether there is a workload to build."""
        return self.fit or ("cluster" if self.workload else "host")


class Outside(Record):
    """An address that hosts connect to and that does not move with them."""

    address: Words
    reason: Words


class Questionnaire(Record):
    """The department's answers, one an asset."""

    department: Id
    answered_by: Words
    answered_on: date
    answers: tuple[Answer, ...] = ()
    outside: tuple[Outside, ...] = ()

    def answer(self, asset_id: str) -> Answer | None:
        """What is said of an asset."""
        return next((answer for answer in self.answers if answer.asset == asset_id), None)


def read_questionnaire(path: Path, discovery: Discovery, profile: Profile) -> tuple[Document, Questionnaire]:
    """The answers; raises OnshoreError with every fault: assets without answer or unknown, categories likewise."""

    def checks(document: Document, given: Questionnaire) -> Iterator[Fault]:
        yield from _faults(document, given, discovery, profile)

    made_by = "onshore migrate discover HOSTS"
    try:
        return read_form(Questionnaire, path, "questionnaire", checks, made_by=made_by)
    except OnshoreError as error:
        named = " or ".join(f"`{name}`" for name in _categories(profile))
        fix = f"the department says which: {named}"
        left_out = [each.where.endswith(".category") and each.what != _UNKNOWN for each in error.faults]
        faults = [replace(each, fix=fix) if out else each for each, out in zip(error.faults, left_out, strict=True)]
        raise OnshoreError(error.summary, faults) from None


def hints(asset: Asset) -> tuple[str, ...]:
    """What names of columns and paths may stand for: `identity numbers (citizens.cnic)`."""
    found = []
    for kind, pattern in _HINTS:
        seen = [clue for clue in asset.clues if pattern.search(clue.lower())]
        if seen:
            found.append(f"{kind} ({', '.join(seen[:3])}{', …' if len(seen) > 3 else ''})")
    return tuple(found)


def blank_questionnaire(discovery: Discovery, department: str) -> str:
    """A questionnaire to fill in: every asset without its category, hints as remarks. Unfilled it is refused."""
    lines = [
        "# One answer an asset. `category` and `owner` are the department's word: nothing is guessed.",
        f"department: {department}",
        "answered_by:",
        "answered_on:",
        "answers:",
    ]
    for asset in discovery.assets.values():
        lines += [f"  # hint, names only: {hint}".replace("\n", " ") for hint in hints(asset)]
        lines += [f'  - asset: "{_quoted(asset.id)}"', "    category:", "    owner:"]
    return "\n".join(lines) + "\n"


def _categories(profile: Profile) -> list[str]:
    return [name for each in profile.categories for name in (each.id, *each.aliases)]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _faults(document: Document, given: Questionnaire, discovery: Discovery, profile: Profile) -> Iterator[Fault]:
    known = list(discovery.assets)
    places = [(answer, ("answers", at)) for at, answer in enumerate(given.answers)]
    yield from twice(document, ((answer.asset, (*place, "asset")) for answer, place in places), "asset")
    categories = _categories(profile)
    for answer, place in places:
        if answer.asset not in discovery.assets:
            where, what = document.where((*place, "asset")), "no such asset in the discovery record"
            yield Fault(where, what, answer.asset, fix=nearest(answer.asset, known))
        if profile.category(answer.category) is None:
            where, fix = document.where((*place, "category")), nearest(answer.category, categories)
            yield Fault(where, _UNKNOWN, answer.category, fix=fix)
        for number, need in enumerate(answer.needs):
            if need not in discovery.assets or need == answer.asset:
                where = document.where((*place, "needs", number))
                yield Fault(where, "not another asset of the discovery record", need, fix=nearest(need, known))
    answered = {answer.asset for answer in given.answers}
    for asset_id in known:
        if asset_id not in answered:
            what, why = "an asset without an answer", "what has no category has no lawful place"
            yield Fault(document.where(("answers",)), what, asset_id, why, "add it with its `category` and `owner`")
