"""The facts of law that components in a region carry, and the refusal of one that the law does not allow there."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Final, cast, get_args

from components.governance import Law, region_placement
from components.region_access import require_region_access
from inventories.faults import Fault, OnshoreError
from inventories.labels import CATEGORY_TAG, DEPARTMENT_TAG
from inventories.models import Exposure
from inventories.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pulumi

    from inventories.models import Category, Department, OpenStack, Provider, Region, ServiceKind
    from inventories.questions import Questions

PRIVATE: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_EXPOSURES: Final = get_args(Exposure)


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
    found = law.register.region(facts[2])
    if found is not None:
        questions.ask(lambda: require_region_access(name, found[1], opts))
    return questions.ask(lambda: _locate(*facts, kind, law))


def _locate(department: str, category: str, region: str, exposure: str, kind: ServiceKind, law: Law) -> Located:
    if exposure not in _EXPOSURES:
        fault = Fault("exposure", "not a known exposure", exposure, fix=nearest(exposure, _EXPOSURES))
        raise OnshoreError("the component cannot be built", [fault])
    asked = cast("Exposure", exposure)
    decision = region_placement(department, category, region, kind, law)
    if asked == "public" and decision.category.rule.exposure != "public":
        what = f"{decision.category.id} data may not be open to the public (EXP-001)"
        fault = Fault("exposure", what, exposure, fix="leave `exposure` out: what is inside is reached from inside")
        raise OnshoreError("the component cannot be built", [fault], refused=True)
    owner, offered = law.register.department(department), decision.region.openstack
    if owner is None or offered is None:  # a placement of an unknown department is a refusal, and regions are OpenStack
        raise AssertionError(department)
    return Located(
        department=owner,
        category=decision.category,
        provider=decision.provider,
        region=decision.region,
        offered=offered,
        country=decision.site.country,
        exposure=asked,
        register=decision.register,
    )


def network_faults(where: str, written: Sequence[str]) -> Iterator[Fault]:
    """What keeps texts from being private networks of somebody's own; half the world is the world too."""
    for index, text in enumerate(written):
        network = as_network(text)
        if network is None:
            fix = "write it like 10.20.0.0/16, without bits beyond the mask"
            yield Fault(f"{where}[{index}]", "not a network", text, fix=fix)
        elif not is_private(network):
            why = "what is inside a region is reached from private networks alone"
            fix = "name a private network, or put a web service in a cluster in front"
            yield Fault(f"{where}[{index}]", "open to the public (EXP-001)", text, why, fix)


def is_private(network: IPv4Network | IPv6Network) -> bool:
    """Whether a network lies within those that are nobody's on the internet."""
    return any(own.version == network.version and network.subnet_of(own) for own in PRIVATE)  # type: ignore[arg-type]


def as_network(text: str) -> IPv4Network | IPv6Network | None:
    """The network that a text says, None where it says none."""
    try:
        return ip_network(text)
    except ValueError:
        return None
