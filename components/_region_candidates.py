"""What the law says of the register's OpenStack regions as places for a workload: the same record as for clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from components._decision import WISH, Change, Reason
from components._lawfulness import fictional_reason, model_reason, region_reasons, register_reasons
from inventories.pricing import rates_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from components._decision import Request
    from inventories.models import Category, Profile, Provider, Region, Register, Site
    from inventories.pricing import Rates


class RegionCandidate(NamedTuple):
    """A region before anyone wishes anything; `places` in the order of WISHES, `rates` None without a price list."""

    provider: Provider
    region: Region
    site: Site | None
    places: tuple[str | None, ...]
    rates: Rates | None
    reasons: tuple[Reason, ...]


def region_candidates(
    register: Register, profile: Profile, request: Request, category: Category, on: date
) -> Iterator[RegionCandidate]:
    """Every OpenStack region of the register with every reason of law against it."""
    for provider, region in register.regions():
        if region.openstack is None:
            continue  # nothing of ours can be built there
        sites = [site for site in provider.sites if site.id in region.sites]
        # The site that stands for the region is the one that speaks against it most: one abroad, if there is any.
        site = next((one for one in sites if one.country != profile.country), sites[0] if sites else None)
        country = site.country if site else None
        places = (None, region.id, site.id if site else None, provider.id, country, region.deployment_model, None)
        reasons = tuple(_reasons(register, profile, request, category, provider, region, on))
        rates = rates_for(request.service_kind, region.prices) if region.prices else None
        yield RegionCandidate(provider, region, site, places, rates, reasons)


def _reasons(
    register: Register,
    profile: Profile,
    request: Request,
    category: Category,
    provider: Provider,
    region: Region,
    on: date,
) -> Iterator[Reason]:
    kind = request.service_kind
    yield from register_reasons(register, on)
    if profile.production:
        marked = (("register", register), (f"provider {provider.id}", provider), (region.id, region))
        if fictional := [name for name, record in marked if record.fictional]:
            yield fictional_reason(fictional)
    yield from region_reasons(provider, region, kind, category, profile, on=on)
    approved = register.approved(request.department, category.id, region.deployment_model, on=on)
    if reason := model_reason(region, category, request.department, approved=approved):
        yield reason
    if kind not in region.service_kinds:
        offered, step = ", ".join(sorted(region.service_kinds)) or "none", f"{region.id} offers {kind}"
        fix = "the register says what the region offers"
        yield Reason(WISH, f"region {region.id} offers no {kind}", offered, kind, fix, Change("provider", step))
