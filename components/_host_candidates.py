"""What the law says of the register's hosts as places for a workload: the same record as for clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from components._decision import Change, Reason
from components.host_law import OTHER_HOST
from inventories.hosts import Use, refusals
from inventories.pricing import rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inventories.hosts import Refusal
    from inventories.models import Host, Profile, Provider, Register, Site
    from inventories.pricing import Rates

_FIXES: Final = {
    "ACC-001": "the provider has its accreditation put in order with the Cloud Office",
    "ACC-002": "the provider has the scope of its accreditation widened",
    "ACC-003": "the provider passes the audit and the register records it",
}


class HostCandidate(NamedTuple):
    """A host before anyone wishes anything; `places` in the order of WISHES, `rates` None without a price list."""

    provider: Provider
    host: Host
    site: Site | None
    places: tuple[str | None, ...]
    rates: Rates | None
    reasons: tuple[Reason, ...]


def host_candidates(register: Register, profile: Profile, use: Use) -> Iterator[HostCandidate]:
    """Every host of the register with every reason of law against it."""
    for provider, host in register.hosts():
        site = next((one for one in provider.sites if one.id == host.site), None)
        region = next((one for one in provider.regions if one.id == host.region), None)
        model, prices = (region.deployment_model, region.prices) if region else (None, None)
        country = site.country if site else None
        places = (None, host.region, host.site, provider.id, country, model, host.id)
        found = [_reason(one, provider) for one in refusals(register, profile, host.id, use)]
        if region is not None and "vm" not in region.service_kinds:
            kinds = ", ".join(sorted(region.service_kinds)) or "none"
            what = f"region {region.id} offers no machines"
            found.append(Reason("RES-004", what, kinds, "vm", "the register says what the region offers"))
        yield HostCandidate(provider, host, site, places, rates(prices) if prices else None, tuple(found))


def _reason(refusal: Refusal, provider: Provider) -> Reason:
    """With the step that undoes it, where there is one: a host does not move, and its owner stays."""
    fix = _FIXES.get(refusal.rule)
    change = Change("provider", f"{provider.id}: {fix}") if fix else None
    return Reason(refusal.rule, refusal.what, refusal.got, refusal.allowed, fix or OTHER_HOST, change)
