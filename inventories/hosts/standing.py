"""Why a host may not hold a department's data of a category on a day: every reason, not only the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventories.hosts.machines import home_of
from inventories.models import Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from inventories.hosts.machines import Machine
    from inventories.models import Category, Host, Profile, Provider, Region, Register


@dataclass(frozen=True, slots=True)
class Use:
    """What hosts are asked for: a department's data of a category, on a day."""

    department: str
    category: Category
    on: date


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason, by the rule it follows from."""

    rule: str
    what: str
    got: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.rule} {self.what}: got {self.got}, allowed {self.allowed}"


def refusals(register: Register, profile: Profile, host_id: str, use: Use) -> tuple[Refusal, ...]:
    """Every reason against a host; a host that the register does not know has one."""
    found = register.host(host_id)
    if found is None:
        own = register.on_premises_host(host_id)
        got = f"{host_id}, a department's own machine" if own else host_id
        return (Refusal("HST-001", "not a host of the register", got, "a host of an accredited provider"),)
    provider, host = found
    region = next((region for region in provider.regions if region.id == host.region), None)
    return (
        *_of_the_register(register, use.on),
        *_fictional(register, provider, host, profile, use.department),
        *_of_the_host(host, profile, use),
        *_of_the_provider(provider, profile, use),
        *_of_the_place(provider, region, profile, (host.region, host.site), use.category),
        *(_of_the_region(register, provider, region, use) if region else ()),
    )


def machine_refusals(register: Register, profile: Profile, machine: Machine, use: Use) -> tuple[Refusal, ...]:
    """Every reason against a machine that a program makes in a region."""
    home = home_of(machine, register)
    if home is None:
        got = f"{machine.id} in {machine.region}, zone {machine.zone}"
        return (Refusal("HST-001", "not in a zone of a region of the register", got, "a machine of such a region"),)
    provider, region, site = home
    return (
        *_of_the_register(register, use.on),
        *_fictional(register, provider, region, profile, use.department),
        *_of_the_provider(provider, profile, use),
        *_of_the_place(provider, region, profile, (region.id, site), use.category),
        *_of_the_region(register, provider, region, use),
    )


def _of_the_register(register: Register, on: date) -> Iterator[Refusal]:
    if not register.issued_on <= on <= register.expires_on:
        got = f"{register.version}, valid {register.issued_on} to {register.expires_on}"
        yield Refusal("ACC-004", "the register is not in force", got, f"a register in force on {on}")


def _fictional(
    register: Register, provider: Provider, place: Host | Region, profile: Profile, department: str
) -> Iterator[Refusal]:
    records = (register, provider, place, register.department(department))
    names = [record.id for record in records if record is not None and record.fictional]
    if profile.production and names:
        yield Refusal("ACC-004", "fictional data in production", " and ".join(names), "real records")


def _of_the_host(host: Host, profile: Profile, use: Use) -> Iterator[Refusal]:
    if host.department != use.department:
        yield Refusal("HST-001", "another department's host", host.department, use.department)
    ceiling = profile.category(host.category_ceiling)
    if ceiling is None or ceiling.rank < use.category.rank:
        got = f"{host.category_ceiling} data at most"
        yield Refusal("HST-001", "the data is above the host's ceiling", got, f"a host for {use.category.id} data")


def _of_the_provider(provider: Provider, profile: Profile, use: Use) -> Iterator[Refusal]:
    status = provider.accreditation.status(on=use.on)
    enough = {Status.ACCREDITED} | ({Status.REGISTERED} if use.category.rule.standing == "registered" else set())
    if status not in enough:
        allowed = " or ".join(sorted(enough))
        yield Refusal("ACC-001", f"provider not {allowed} on {use.on}", f"{provider.id} {status}", allowed)
    if "vm" not in provider.accreditation.scope.service_kinds:
        got = ", ".join(sorted(provider.accreditation.scope.service_kinds)) or "none"
        yield Refusal("ACC-002", "service kind outside the accreditation's scope", got, "vm")
    for kind in sorted(profile.required_audits):
        audit = provider.audit(kind, on=use.on)
        if audit is None or audit.outcome != "passed" or audit.valid_until < use.on:
            got = f"{audit.outcome}, valid until {audit.valid_until}" if audit else "none"
            yield Refusal("ACC-003", f"{kind} audit", got, f"passed and in date on {use.on}")


def _of_the_place(
    provider: Provider, region: Region | None, profile: Profile, said: tuple[str, str], category: Category
) -> Iterator[Refusal]:
    site = next((site for site in provider.sites if site.id == said[1]), None)
    if site is None or region is None or site.id not in region.sites:
        got = f"site {said[1]}, region {said[0]}"
        yield Refusal("RES-004", "location cannot be resolved", got, "a site and region of the provider")
    if site is not None and category.rule.in_country and site.country != profile.country:
        what = f"{category.id} data must stay in the country"
        yield Refusal("RES-001", what, f"{site.country} ({site.id})", profile.country)


def _of_the_region(register: Register, provider: Provider, region: Region, use: Use) -> Iterator[Refusal]:
    category, rule, model = use.category, use.category.rule, region.deployment_model
    if model not in provider.accreditation.scope.deployment_models:
        allowed = ", ".join(sorted(provider.accreditation.scope.deployment_models)) or "none"
        yield Refusal("ACC-002", "deployment model outside the accreditation's scope", model, allowed)
    official = rule.hybrid_official_part
    unfit = model == "hybrid" and official is not None and region.official_part != official
    approved = model in rule.models_by_approval and register.approved(use.department, category.id, model, on=use.on)
    if (model not in rule.deployment_models or unfit) and not approved:
        got = f"hybrid, its official part {region.official_part or 'not stated'}" if unfit else model
        allowed = ", ".join(sorted(rule.deployment_models)) or "none"
        yield Refusal("CAT-002", f"deployment model not allowed for {category.id} data", got, allowed)
    if region.security_level.rank < rule.security_level.rank:
        top = rule.security_level == "highest"
        allowed = rule.security_level if top else f"{rule.security_level} or higher"
        yield Refusal("CAT-003", f"security level below that of {category.id} data", region.security_level, allowed)
