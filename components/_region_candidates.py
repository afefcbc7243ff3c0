"""What the law says of the register's OpenStack regions as places for a workload: the same record as for clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from components._decision import WISH, Change, Reason
from components._lawfulness import fictional_reason, model_reason, region_reasons, register_reasons

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from components._decision import Request
    from inventories.models import Category, Prices, Profile, Provider, Region, Register, Site


class RegionCandidate(NamedTuple):
    """A region before anyone wishes anything; `places` in the order of WISHES, `rates` None without a price list."""

    provider: Provider
    region: Region
    site: Site | None
    places: tuple[str | None, ...]
    rates: tuple[float, float, float] | None
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
        yield RegionCandidate(provider, region, site, places, _rates(region.prices, request), reasons)


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


def _rates(prices: Prices | None, request: Request) -> tuple[float, float, float] | None:
    """Per core, GiB of memory and GiB of storage; None where what is asked for has no price."""
    if prices is None:
        return None
    if request.service_kind == "object-store":
        rate = prices.object_gib_month_pkr
        return None if rate is None else (0.0, 0.0, rate)
    return prices.vcpu_month_pkr, prices.memory_gib_month_pkr, prices.storage_gib_month_pkr
