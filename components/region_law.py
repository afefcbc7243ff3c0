"""The facts of law that components in a region carry, and the refusal of one that the law does not allow there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.governance import Law, known_exposure, region_placement
from inventories.faults import Fault, OnshoreError
from inventories.labels import CATEGORY_TAG, DEPARTMENT_TAG

if TYPE_CHECKING:
    import pulumi

    from components.placement import Placement
    from inventories.models import Category, Department, Exposure, OpenStack, Provider, Region, ServiceKind
    from inventories.questions import Questions


@dataclass(frozen=True, slots=True)
class Located:
    """Who puts data of which category into which region, and by which issue of the register that is lawful."""

    department: Department
    category: Category
    provider: Provider
    region: Region
    offered: OpenStack
    country: str
    exposure: Exposure
    register: str

    @property
    def metadata(self) -> dict[str, str]:
        """For what carries metadata: machines, volumes, containers."""
        return {CATEGORY_TAG: self.category.id, DEPARTMENT_TAG: self.department.id}

    @property
    def tags(self) -> list[str]:
        """For what carries tags: networks, ports, security groups."""
        return [f"{key}={value}" for key, value in sorted(self.metadata.items())]

    @property
    def volume_type(self) -> str:
        """An encrypted type of volume where the region has one; where the category asks for that, it has."""
        return min(self.region.encrypted_volume_types or self.region.plain_volume_types)

    @property
    def inputs(self) -> dict[str, str]:
        """For components: plain values, known in every preview."""
        return {
            "category": self.category.id,
            "department": self.department.id,
            "region": self.region.id,
            "providerId": self.provider.id,
            "country": self.country,
            "register": self.register,
            "exposure": self.exposure,
        }


def located(
    questions: Questions,
    name: str,
    facts: tuple[str, str, str, str],
    kind: ServiceKind,
    opts: pulumi.ResourceOptions | None,
    law: Law | None,
) -> Located | None:
    """Where a component goes, asked together with its access; `facts`: department, category, region, exposure."""
    law = law or questions.ask(Law.load)
    if law is None:
        return None
    from components.region_access import require_region_access  # noqa: PLC0415 - imports Pulumi

    found = law.register.region(facts[2])
    if found is not None:
        questions.ask(lambda: require_region_access(name, found[1], opts))
    return questions.ask(lambda: _lawful(*facts, kind, law))


def _lawful(department: str, category: str, region: str, exposure: str, kind: ServiceKind, law: Law) -> Located:
    asked = known_exposure(exposure)
    decision = region_placement(department, category, region, kind, law)
    if asked == "public" and decision.category.rule.exposure != "public":
        what = f"{decision.category.id} data may not be open to the public (EXP-001)"
        fault = Fault("exposure", what, exposure, fix="leave `exposure` out: what is inside is reached from inside")
        raise OnshoreError("the component cannot be built", [fault], refused=True)
    return locate(decision, law, asked)


def locate(placement: Placement, law: Law, exposure: Exposure = "internal") -> Located:
    """The facts of a placement in a region."""
    owner = law.register.department(placement.request.department)
    offered = placement.region.openstack
    if owner is None or offered is None:  # a placement of an unknown department is a refusal, and regions are OpenStack
        raise AssertionError(placement.request.department)
    return Located(
        department=owner,
        category=placement.category,
        provider=placement.provider,
        region=placement.region,
        offered=offered,
        country=placement.site.country,
        exposure=exposure,
        register=placement.register,
    )
