"""The facts of law that every component carries, and the refusal of a component that the law does not allow.

A component names its department, data category and cluster; before anything is registered `govern` asks
`components.placement` whether that is lawful today. So a program that builds components by hand meets the same law as a
stack that is only data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast, get_args

from components.explain import as_error
from components.placement import Refusal, Request, place
from inventories.clock import today
from inventories.faults import Fault, OnshoreError
from inventories.labels import CATEGORY_LABEL, CLUSTER_LABEL, DEPARTMENT_LABEL, REGISTER_ANNOTATION
from inventories.loader import load_rules
from inventories.models import Exposure
from inventories.questions import Questions
from inventories.settings import Settings
from inventories.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from components.placement import Placement
    from inventories.models import Category, Cluster, Department, Profile, Provider, Register, RuleMeta, ServiceKind

_EXPOSURES: Final = get_args(Exposure)


@dataclass(frozen=True)
class Law:
    """What decides: the register, the category profile, the day that is asked about, and from when rules bind.

    A rule that is not among `rules` binds on any day.
    """

    register: Register
    profile: Profile
    on: date
    rules: Mapping[str, RuleMeta] = field(default_factory=dict)

    @classmethod
    def load(cls, settings: Settings | None = None) -> Law:
        """The law of a project (default: the one around the current folder) today.

        Raises OnshoreError with the faults of register, profile and rules.
        """
        settings = settings or Settings.load(Path.cwd())
        questions = Questions("the law")
        register, profile = questions.ask(settings.load_register), questions.ask(settings.load_profile)
        rules = questions.ask(load_rules)
        questions.settle()
        if register is None or profile is None or rules is None:
            raise AssertionError  # settle has raised
        return cls(register, profile, today(profile), rules)


@dataclass(frozen=True)
class Governance:
    """Who puts data of which category where, and by which issue of the register that is lawful."""

    department: Department
    category: Category
    provider: Provider
    cluster: Cluster
    country: str
    exposure: Exposure
    register: str

    @property
    def labels(self) -> dict[str, str]:
        """For every object."""
        return {CATEGORY_LABEL: self.category.id, DEPARTMENT_LABEL: self.department.id}

    @property
    def namespace_labels(self) -> dict[str, str]:
        """For namespaces."""
        return {**self.labels, CLUSTER_LABEL: self.cluster.id}

    @property
    def annotations(self) -> dict[str, str]:
        """For namespaces: by which issue of the register they are lawful."""
        return {REGISTER_ANNOTATION: self.register}

    @property
    def inputs(self) -> dict[str, str]:
        """For components: plain values, known in every preview."""
        return {
            "category": self.category.id,
            "department": self.department.id,
            "cluster": self.cluster.id,
            "providerId": self.provider.id,
            "country": self.country,
            "register": self.register,
            "exposure": self.exposure,
        }


def govern(department: str, category: str, cluster: str, exposure: str, law: Law) -> Governance:
    """The facts of a component on a named cluster; raises OnshoreError, `refused` when the law forbids it."""
    asked = known_exposure(exposure)
    decision = _placement(Request(department=department, category=category, exposure=asked, cluster=cluster), law)
    found = law.register.department(department)
    if found is None:  # a placement of an unknown department is a refusal
        raise AssertionError(department)
    return Governance(
        department=found,
        category=decision.category,
        provider=decision.provider,
        cluster=decision.cluster,
        country=decision.site.country,
        exposure=asked,
        register=decision.register,
    )


def region_placement(department: str, category: str, region: str, kind: ServiceKind, law: Law) -> Placement:
    """Where a component in a named region goes; raises OnshoreError, `refused` when the law forbids it."""
    request = Request(department=department, category=category, service_kind=kind, target="region", region=region)
    return _placement(request, law)


def known_exposure(text: str) -> Exposure:
    """A text as an exposure; raises OnshoreError when it is none."""
    if text not in _EXPOSURES:
        fault = Fault("exposure", "not a known exposure", text, fix=nearest(text, _EXPOSURES))
        raise OnshoreError("the component cannot be built", [fault])
    return cast("Exposure", text)


def _placement(request: Request, law: Law) -> Placement:
    decision = place(request, law.register, law.profile, on=law.on, rules=law.rules)
    if isinstance(decision, Refusal):
        raise as_error(decision)
    return decision
