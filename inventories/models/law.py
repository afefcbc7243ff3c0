"""Data categories, and the rules: what they ask, and from when."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from inventories import patterns
from inventories.models.accreditation import AuditKind, Standing
from inventories.models.base import Country, DeploymentModel, Exposure, Id, Record, SecurityLevel, Source, Words


class WaiverLimits(Record):
    """How far a waiver of a rule may go: `longest_days` both ends counted, `every_stack`: whether `*` may stand."""

    longest_days: Annotated[int, Field(ge=1)] = 90
    every_stack: bool = False


class CategoryRule(Record):
    """What one data category asks of the place it lives in.

    `hybrid_official_part`: in a hybrid cloud, the model that the official part must have (None: any).
    `models_by_approval`: models allowed only with an `Approval`. `image_digest`: images must be pinned by digest.
    `image_registry_in_country`: images come from a registry of the register that is in the country.
    """

    standing: Standing
    in_country: bool
    deployment_models: frozenset[DeploymentModel]
    models_by_approval: frozenset[DeploymentModel] = frozenset()
    hybrid_official_part: DeploymentModel | None = None
    security_level: SecurityLevel
    exposure: Exposure
    dedicated_nodes: bool = False
    image_digest: bool = False
    image_registry_in_country: bool = False
    encryption_at_rest: bool = False
    pod_security: Literal["baseline", "restricted"] = "restricted"


class Category(Record):
    """One data category; a higher `rank` is stricter. `aliases` are other names in use."""

    id: Id
    rank: int
    title: str
    definition: str
    aliases: tuple[Id, ...] = ()
    source: Source
    rule: CategoryRule


class Setting(Record):
    """A legal parameter that no source fixes, with the value chosen here."""

    id: Id
    value: str | int | bool | tuple[str, ...]
    note: str = ""
    source: Source


class Profile(Record):
    """A taxonomy with its rules: which categories there are and what each asks.

    A `production` profile refuses fictional data. `required_audits`: kinds that must be passed and in date.
    `require_receipt`: nothing goes up without the receipt of a gate.
    """

    id: Id
    version: str
    country: Country
    production: bool = True
    require_receipt: bool = True
    required_audits: frozenset[AuditKind]
    settings: tuple[Setting, ...] = ()
    categories: Annotated[tuple[Category, ...], Field(min_length=1)]

    @cached_property
    def _by_name(self) -> dict[str, Category]:
        return {name: category for category in self.categories for name in (category.id, *category.aliases)}

    def category(self, name: str) -> Category | None:
        """The category of an id or alias."""
        return self._by_name.get(name)


class RuleMeta(Record):
    """What is written about one rule of the catalogue; its check is `policies/checks/<slug>.py`."""

    id: Annotated[str, StringConstraints(pattern=patterns.RULE)]
    slug: Annotated[str, StringConstraints(pattern=patterns.SLUG)]
    title: str
    severity: Literal["critical", "high", "medium"]
    categories: tuple[str, ...] = ()
    source: Source
    effective_on: date
    params: dict[str, str | int | bool | tuple[str, ...]] = Field(default_factory=dict)
    remediation: str
    waivable: bool = False
    waiver: WaiverLimits = WaiverLimits()

    @model_validator(mode="after")
    def _limits_of_a_waivable_rule(self) -> Self:
        if "waiver" in self.model_fields_set and not self.waivable:
            raise ValueError("waiver sets limits, but waivable is not true")
        return self


class RetiredRule(Record):
    """A rule that is no more; its id never comes back with another meaning."""

    id: Annotated[str, StringConstraints(pattern=patterns.RULE)]
    title: Words
    retired_on: date
    reason: Words
