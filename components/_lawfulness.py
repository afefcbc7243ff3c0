"""What the law says of one cluster for one category on a day, whoever asks: every reason, not only the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components._decision import Change, Reason
from inventories.models import Region, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from inventories.models import Category, Cluster, DeploymentModel, Profile, Provider, Register, ServiceKind, Site

_STANDING_FIX: Final = {
    Status.UNKNOWN: "the provider applies for accreditation",
    Status.APPLIED: "wait for the Cloud Office's decision",
    Status.UNDER_REVIEW: "wait for the Cloud Office's decision",
    Status.REGISTERED: "the provider applies for accreditation",
    Status.ACCREDITED: "ask the Cloud Office",
    Status.SUSPENDED: "the provider has its suspension lifted by the Cloud Office",
    Status.REVOKED: "the provider is accredited anew by the Cloud Office",
    Status.EXPIRED: "the provider renews its accreditation with the Cloud Office",
}


def register_reasons(register: Register, on: date) -> tuple[Reason, ...]:
    """What the register's own dates say; the same for every cluster."""
    if register.issued_on <= on <= register.expires_on:
        return ()
    late = on > register.expires_on
    step = "the register's current issue is fetched from the Cloud Office"
    fix = step if late else f"wait until {register.issued_on}, or use the issue that was in force on {on}"
    return (
        Reason(
            "ACC-004",
            "the register has expired" if late else "the register is not in force yet",
            f"{register.version}, valid {register.issued_on} to {register.expires_on}",
            f"a register in force on {on}",
            fix,
            Change("cloud office", step),
        ),
    )


def cluster_reasons(
    provider: Provider, cluster: Cluster, site: Site | None, category: Category, profile: Profile, *, on: date
) -> Iterator[Reason]:
    """Every reason but those that hang on the request: accreditation, scope, audits, place, level, nodes."""
    yield from _standing(provider, category, on)
    yield from _scope(provider, "kubernetes", cluster.deployment_model)
    yield from _audits(provider, profile, on)
    yield from _location(provider, cluster, site, category, profile)
    yield from _level(cluster, category)


def region_reasons(
    provider: Provider, region: Region, kind: ServiceKind, category: Category, profile: Profile, *, on: date
) -> Iterator[Reason]:
    """The same of a region for one kind of service; its data may lie at any of its sites."""
    yield from _standing(provider, category, on)
    yield from _scope(provider, kind, region.deployment_model)
    yield from _audits(provider, profile, on)
    sites = {site.id: site for site in provider.sites}
    if unknown := [site for site in region.sites if site not in sites]:
        fix = "the register lists the region's sites"
        change = Change("cloud office", f"{fix} ({region.id})")
        got, allowed = f"site {', '.join(unknown)}", "sites of the provider"
        yield Reason("RES-004", "location cannot be resolved", got, allowed, fix, change)
    for site in (sites[name] for name in region.sites if name in sites):
        if category.rule.in_country and site.country != profile.country:
            what, got = f"{category.id} data must stay in the country", f"{site.country} ({site.id})"
            yield Reason("RES-001", what, got, profile.country, f"choose a region in {profile.country}")
    yield from _level(region, category)
    if category.rule.encryption_at_rest:
        yield from _unencrypted(region, kind, category)


def _unencrypted(region: Region, kind: ServiceKind, category: Category) -> Iterator[Reason]:
    encrypted = region.encrypted_volume_types if kind in ("vm", "volume") else kind in region.encrypted_at_rest
    if not encrypted:
        what = f"no storage for {category.id} data that is encrypted at rest"
        allowed = (
            "a volume type that the register lists as encrypted"
            if kind in ("vm", "volume")
            else f"{kind} among what the register says the region encrypts"
        )
        yield Reason("CRY-001", what, "none", allowed, "choose a region with encrypted storage")


def fictional_reason(what: list[str]) -> Reason:
    """Fictional records, refused by a production profile."""
    fix = "use real records of the Cloud Office; for a try-out, a profile with `production: false`"
    return Reason("ACC-004", "fictional data in production", " and ".join(what), "real records", fix)


def model_reason(cluster: Cluster | Region, category: Category, department: str, *, approved: bool) -> Reason | None:
    """Whether the deployment model is allowed for the category, by rule or by a written approval."""
    rule, model = category.rule, cluster.deployment_model
    by_approval = model in rule.models_by_approval
    if model in rule.deployment_models:
        hybrid_fails = (
            model == "hybrid"
            and rule.hybrid_official_part is not None
            and cluster.official_part != rule.hybrid_official_part
        )
        if not hybrid_fails:
            return None
    if by_approval and approved:
        return None
    got = f"hybrid, its official part {cluster.official_part or 'not stated'}" if model == "hybrid" else model
    allowed = [
        f"hybrid with a {rule.hybrid_official_part} official part" if m == "hybrid" and rule.hybrid_official_part else m
        for m in sorted(rule.deployment_models)
    ]
    allowed += [f"{m} by written approval" for m in sorted(rule.models_by_approval)]
    change = None
    fix = f"choose a {_noun(cluster)} with an allowed deployment model"
    if by_approval:
        fix = f"an approval of {model} cloud for {category.id} data of {department} is entered in the register"
        change = Change("cloud office", fix)
    what = f"deployment model not allowed for {category.id} data"
    return Reason("CAT-002", what, got, ", ".join(allowed), fix, change)


def storage_reason(cluster: Cluster, category: Category) -> Reason | None:
    """Whether a cluster can keep volumes of the category's data: encrypted at rest, where it asks for that."""
    if not category.rule.encryption_at_rest or cluster.encrypted_storage_classes:
        return None
    what = f"no storage for {category.id} data that is encrypted at rest"
    allowed = "a StorageClass that the register lists as encrypted"
    return Reason("CRY-001", what, "none", allowed, "choose a cluster with encrypted storage, or claim no volume")


def _standing(provider: Provider, category: Category, on: date) -> Iterator[Reason]:
    status = provider.accreditation.status(on=on)
    enough = {Status.ACCREDITED}
    if category.rule.standing == "registered":
        enough.add(Status.REGISTERED)
    if status in enough:
        return
    past = [change for change in provider.accreditation.history if change.effective_on <= on]
    ahead = [change for change in provider.accreditation.history if change.effective_on > on]
    got = f"{status} (nothing recorded by {on})"
    if past:
        last = past[-1]
        since = f"since {last.effective_on}" if status != Status.EXPIRED else f"on {last.valid_until}"
        got = f"{status} {since}{f' ({last.reason})' if last.reason else ''}"
    fix = _STANDING_FIX[status]
    coming = next((change for change in ahead if change.status in enough), None)
    if coming:
        fix = f"wait until {coming.effective_on}, when the register has it {coming.status}"
    allowed = " or ".join(sorted(enough))
    change = Change("provider", f"{provider.id} is {allowed}: {fix}")
    yield Reason("ACC-001", f"provider not {allowed} on {on}", got, allowed, fix, change)


def _scope(provider: Provider, service: ServiceKind, model: DeploymentModel) -> Iterator[Reason]:
    scope = provider.accreditation.scope
    for kind, value, covered in (
        ("service kind", service, scope.service_kinds),
        ("deployment model", model, scope.deployment_models),
    ):
        if value not in covered:
            fix = f"the provider has the scope of its accreditation widened to {value}"
            yield Reason(
                "ACC-002",
                f"{kind} outside the accreditation's scope",
                value,
                ", ".join(sorted(covered)) or "none",
                fix,
                Change("provider", f"{provider.id} has its accreditation's scope widened to {value}"),
            )


def _audits(provider: Provider, profile: Profile, on: date) -> Iterator[Reason]:
    for kind in sorted(profile.required_audits):
        audit = provider.audit(kind, on=on)
        if audit is None:
            what, got = f"no {kind} audit", f"none held by {on}"
        elif audit.outcome != "passed":
            what, got = f"{kind} audit failed", f"{audit.outcome} on {audit.held_on} ({audit.reference})"
        elif audit.valid_until < on:
            what, got = f"{kind} audit ran out", f"valid until {audit.valid_until} ({audit.reference})"
        else:
            continue
        fix = f"the provider passes a {kind} audit and the register records it"
        coming = [a.held_on for a in provider.audits if a.kind == kind and a.outcome == "passed" and a.held_on > on]
        if coming:
            fix = f"wait until {min(coming)}, when the register has it passed"
        change = Change("provider", f"{provider.id} passes a {kind} audit and the register records it")
        yield Reason("ACC-003", what, got, f"passed and in date on {on}", fix, change)


def _location(
    provider: Provider, cluster: Cluster, site: Site | None, category: Category, profile: Profile
) -> Iterator[Reason]:
    region = next((region for region in provider.regions if region.id == cluster.region), None)
    if site is None or region is None or site.id not in region.sites:
        got = f"site {cluster.site}, region {cluster.region}"
        fix = "the register lists the cluster's site and region"
        what = "location cannot be resolved"
        allowed = "a site and region of the provider"
        yield Reason("RES-004", what, got, allowed, fix, Change("cloud office", f"{fix} ({cluster.id})"))
    if site is not None and category.rule.in_country and site.country != profile.country:
        what = f"{category.id} data must stay in the country"
        fix = f"choose a cluster in {profile.country}"
        yield Reason("RES-001", what, f"{site.country} ({site.id})", profile.country, fix)


def _level(cluster: Cluster | Region, category: Category) -> Iterator[Reason]:
    rule, noun = category.rule, _noun(cluster)
    if cluster.security_level.rank < rule.security_level.rank:
        what = f"security level below that of {category.id} data"
        allowed = rule.security_level if rule.security_level == "highest" else f"{rule.security_level} or higher"
        yield Reason("CAT-003", what, cluster.security_level, allowed, f"choose a {noun} of level {allowed}")
    if rule.dedicated_nodes and not cluster.dedicated_nodes:
        what = f"{category.id} data needs nodes of its own"
        fix = f"choose a {noun} with dedicated nodes"
        yield Reason("CAT-003", what, "shared nodes", "dedicated nodes", fix)


def _noun(place: Cluster | Region) -> str:
    return "region" if isinstance(place, Region) else "cluster"
