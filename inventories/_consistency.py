"""What no single record can say of itself: ids used twice, names that point nowhere, records that disagree."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from inventories.faults import Fault
from inventories.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inventories.models import (
        Approval,
        Category,
        CategoryRule,
        Cluster,
        ClusterOverlay,
        Department,
        Host,
        ImageRegistry,
        KeyStore,
        ObjectStore,
        OnPremisesHost,
        Provider,
        Region,
        RegionOverlay,
        RegisterOverlay,
    )
    from inventories.yaml_source import Document, KeyPath

    ProviderFile: TypeAlias = tuple[Document, Provider]
    PlacedHost: TypeAlias = tuple[Document, KeyPath, Provider, Host]


def provider_faults(document: Document, provider: Provider) -> Iterator[Fault]:
    """Regions and clusters must name sites and regions of their own provider."""
    expected = document.name.rsplit("/", 1)[-1].removesuffix(".yaml")
    if provider.id != expected:
        yield Fault(document.where(("id",)), "a provider's file bears its id", provider.id, fix=f"use `{expected}`")
    sites = [site.id for site in provider.sites]
    regions = {region.id: region for region in provider.regions}
    for index, region in enumerate(provider.regions):
        for number, site in enumerate(region.sites):
            if site not in sites:
                place: KeyPath = ("regions", index, "sites", number)
                yield Fault(document.where(place), "no such site of this provider", site, fix=nearest(site, sites))
        yield from _openstack_faults(document, ("regions", index), region)
    for index, cluster in enumerate(provider.clusters):
        place = ("clusters", index)
        if cluster.site not in sites:
            fix = nearest(cluster.site, sites)
            yield Fault(document.where((*place, "site")), "no such site of this provider", cluster.site, fix=fix)
        yield from _home_faults(document, place, regions, cluster, "kubernetes")


def _home_faults(
    document: Document, place: KeyPath, regions: Mapping[str, Region], record: Cluster | Host, kind: str
) -> Iterator[Fault]:
    """A cluster or host stands in a region of its provider, at one of its sites, and the region offers its kind."""
    home = regions.get(record.region)
    if home is None:
        fix = nearest(record.region, list(regions))
        yield Fault(document.where((*place, "region")), "no such region of this provider", record.region, fix=fix)
    elif record.site not in home.sites:
        what = f"the site does not belong to region {home.id}"
        yield Fault(document.where((*place, "site")), what, record.site, fix=nearest(record.site, home.sites))
    elif kind not in home.service_kinds:
        what, fix = f"region {home.id} does not offer {kind}", "add it to the region's service_kinds"
        yield Fault(document.where((*place, "region")), what, record.id, fix=fix)


def _openstack_faults(document: Document, place: KeyPath, region: Region) -> Iterator[Fault]:
    """What an OpenStack region offers is named once, its zones stand at its sites, and it says where it answers."""
    for name in sorted(region.encrypted_volume_types & region.plain_volume_types):
        where, fix = document.where((*place, "plain_volume_types")), "say once whether it is encrypted"
        yield Fault(where, "this volume type is said to be encrypted as well", name, fix=fix)
    offered = region.openstack
    if offered is None:
        return
    inside: KeyPath = (*place, "openstack")
    if region.pulumi is None or region.pulumi.package != "openstack" or not region.pulumi.endpoint:
        got = region.pulumi.package if region.pulumi else "no `pulumi`"
        fix = "give `pulumi` with package: openstack, region and endpoint (its auth URL)"
        yield Fault(document.where(inside), "an OpenStack region without its auth URL", got, fix=fix)
    for index, zone in enumerate(offered.zones):
        if zone.site not in region.sites:
            where, what = document.where((*inside, "zones", index, "site")), "the site does not belong to this region"
            yield Fault(where, what, zone.site, fix=nearest(zone.site, region.sites))
    listed: dict[str, tuple[str, Sequence[Any]]] = {
        "zones": ("availability zone", offered.zones),
        "images": ("image", offered.images),
        "flavors": ("flavor", offered.flavors),
        "external_networks": ("external network", offered.external_networks),
    }
    for field, (called, records) in listed.items():
        named = ((record.name, document.where((*inside, field, index, "name"))) for index, record in enumerate(records))
        yield from _twice(called, named)
    yield from _store_faults(document, (*inside, "object_store"), offered.object_store)
    needed: dict[str, dict[str, Any]] = {
        "vm": {"images": offered.images, "flavors": offered.flavors},
        "volume": {"encrypted_volume_types": region.encrypted_volume_types | region.plain_volume_types},
        "object-store": {"object_store": offered.object_store},
    }
    for kind in sorted(region.service_kinds & needed.keys()):
        for field, value in needed[kind].items():
            if not value:
                fix = f"list its {field}, or take {kind} out of service_kinds"
                yield Fault(document.where((*place, "service_kinds")), f"{kind} without {field}", kind, fix=fix)


def _store_faults(document: Document, place: KeyPath, store: ObjectStore | None) -> Iterator[Fault]:
    """The addresses of an object store are networks, and not half of the world."""
    for index, text in enumerate(store.networks if store else ()):
        where = document.where((*place, "networks", index))
        try:
            network = ip_network(text)
        except ValueError:
            yield Fault(where, "not a network", text, fix="write it like 192.0.2.0/24, without bits beyond the mask")
        else:
            if network.num_addresses > 1 << (network.max_prefixlen // 2):
                fix = "name its own: pods that use it may reach all of them"
                yield Fault(where, "more addresses than a store has", text, fix=fix)


def host_faults(
    hosts: Sequence[PlacedHost],
    on_premises: Sequence[tuple[Document, KeyPath, OnPremisesHost]],
    departments: Sequence[Department],
    *,
    fictional: bool,
) -> Iterator[Fault]:
    """Hosts stand at sites of regions of their provider; each is named once, has an address and a department."""
    for document, place, provider, host in hosts:
        regions = {region.id: region for region in provider.regions}
        yield from _home_faults(document, place, regions, host, "vm")
    machines = [*((document, place, host) for document, place, _, host in hosts), *on_premises]
    owners = [department.id for department in departments]
    for document, place, machine in machines:
        if machine.department not in owners:
            fix = nearest(machine.department, owners)
            yield Fault(document.where((*place, "department")), "no such department", machine.department, fix=fix)
        if machine.fictional and not fictional:
            where = document.where((*place, "fictional"))
            yield Fault(where, "a fictional host in a register that is not fictional", machine.id, fix="remove it")
    for field, called in (("id", "host"), ("address", "address of a host"), ("host_key", "key of a host")):
        named = ((getattr(machine, field), document.where((*place, field))) for document, place, machine in machines)
        yield from _twice(called, named)


def register_faults(
    providers: Sequence[ProviderFile],
    departments: tuple[Document, Sequence[Department]] | None,
    approvals: tuple[Document, Sequence[Approval]] | None,
    *,
    fictional: bool,
) -> Iterator[Fault]:
    """Ids are used once in the whole register, and approvals name its departments."""
    for kind in ("sites", "regions", "clusters"):
        yield from _twice(
            kind.removesuffix("s"),
            (
                (record.id, document.where((kind, index, "id")))
                for document, provider in providers
                for index, record in enumerate(getattr(provider, kind))
            ),
        )
    names = (
        (f"{region.pulumi.package} region {region.pulumi.region} {region.pulumi.endpoint}".strip(), place)
        for document, provider in providers
        for index, region in enumerate(provider.regions)
        if region.pulumi
        for place in [document.where(("regions", index, "pulumi"))]
    )
    yield from _twice("Pulumi name of a region", names)
    addresses = (
        (f"{cluster.server} {cluster.ca_sha256[:12]}", document.where(("clusters", index, "server")))
        for document, provider in providers
        for index, cluster in enumerate(provider.clusters)
    )
    yield from _twice("cluster address", addresses)
    if departments:
        document, records = departments
        places = ((record.id, document.where(("departments", i, "id"))) for i, record in enumerate(records))
        yield from _twice("department", places)
    if approvals:
        document, given = approvals
        yield from _twice("approval", ((a.id, document.where(("approvals", i, "id"))) for i, a in enumerate(given)))
        known = [record.id for record in departments[1]] if departments else None
        for index, approval in enumerate(given):
            if known is not None and approval.department not in known:
                where, fix = document.where(("approvals", index, "department")), nearest(approval.department, known)
                yield Fault(where, "no such department", approval.department, fix=fix)
            if approval.fictional and not fictional:
                # Nothing would mark what it allows as fictional, so a production profile could not refuse it.
                where = document.where(("approvals", index, "fictional"))
                yield Fault(where, "a fictional approval in a register that is not fictional", fix="remove it")


def image_registry_faults(
    document: Document, registries: Sequence[ImageRegistry], providers: Sequence[Provider], *, fictional: bool
) -> Iterator[Fault]:
    """Registries of images are named once, stand at sites of the register, and a provider's at its own."""
    for field in ("id", "host"):
        named = (
            (getattr(record, field), document.where(("image_registries", index, field)))
            for index, record in enumerate(registries)
        )
        yield from _twice(f"{field} of an image registry", named)
    known = [provider.id for provider in providers]
    for index, record in enumerate(registries):
        place: KeyPath = ("image_registries", index)
        keepers = [provider for provider in providers if record.provider in (None, provider.id)]
        if not keepers:
            fix = nearest(record.provider or "", known)
            yield Fault(document.where((*place, "provider")), "no such provider", record.provider or "", fix=fix)
            continue
        sites = [site.id for provider in keepers for site in provider.sites]
        if record.site not in sites:
            what = "no such site of this provider" if record.provider else "no such site of any provider"
            yield Fault(document.where((*place, "site")), what, record.site, fix=nearest(record.site, sites))
        if record.fictional and not fictional:
            where = document.where((*place, "fictional"))
            yield Fault(where, "a fictional registry in a register that is not fictional", record.id, fix="remove it")


def key_store_faults(
    document: Document,
    stores: Sequence[KeyStore],
    providers: Sequence[Provider],
    departments: Sequence[Department],
    *,
    fictional: bool,
) -> Iterator[Fault]:
    """Key stores are named once, and their departments and sites are the register's."""
    for field in ("id", "prefix"):
        named = ((getattr(s, field), document.where(("key_stores", i, field))) for i, s in enumerate(stores))
        yield from _twice(f"{field} of a key store", named)
    known = {
        "department": [department.id for department in departments],
        "site": [site.id for provider in providers for site in provider.sites],
    }
    for index, store in enumerate(stores):
        for field, names in known.items():
            if (name := getattr(store, field)) not in names:
                where = document.where(("key_stores", index, field))
                yield Fault(where, f"no such {field}", name, fix=nearest(name, names))
        if store.fictional and not fictional:
            where = document.where(("key_stores", index, "fictional"))
            yield Fault(where, "a fictional key store in a register that is not fictional", store.id, fix="remove it")


def overlay_faults(
    overlays: Sequence[tuple[Document, RegisterOverlay]], providers: Sequence[Provider]
) -> Iterator[Fault]:
    """Overlays name clusters and regions of the register and agree on each, and give hosts to its providers."""
    keepers = sorted(provider.id for provider in providers)
    for document, overlay in overlays:
        for index, host in enumerate(overlay.hosts):
            if host.provider not in keepers:
                where, fix = document.where(("hosts", index, "provider")), nearest(host.provider, keepers)
                yield Fault(where, "the register has no such provider", host.provider, fix=fix)

    yield from _laid_over(overlays, "cluster", [cluster.id for provider in providers for cluster in provider.clusters])
    regions = {region.id: region for provider in providers for region in provider.regions}
    yield from _laid_over(overlays, "region", [key for key, region in regions.items() if region.openstack])
    for document, overlay in overlays:
        for index, laid in enumerate(overlay.regions):
            offered = regions[laid.id].openstack if laid.id in regions else None
            images = [image.name for image in offered.images] if offered else []
            for number, image in enumerate(laid.images):
                if offered and image.name not in images:
                    where = document.where(("regions", index, "images", number, "name"))
                    yield Fault(where, "the region has no such image", image.name, fix=nearest(image.name, images))


def _laid_over(
    overlays: Sequence[tuple[Document, RegisterOverlay]], kind: Literal["cluster", "region"], known: Sequence[str]
) -> Iterator[Fault]:
    said: dict[str, tuple[object, str]] = {}
    for document, overlay in overlays:
        folder = "/".join(document.name.split("/")[:-1]).rpartition("/")[2] or "NAME"
        cure = f"if a try-out {kind} wrote it: onshore {kind} rm --name {folder}"
        records: Sequence[ClusterOverlay | RegionOverlay] = overlay.clusters if kind == "cluster" else overlay.regions
        for index, record in enumerate(records):
            where = document.where((f"{kind}s", index, "id"))
            if record.id not in known:
                called = kind if kind == "cluster" else "OpenStack region"
                fix = f"{nearest(record.id, sorted(known))}; {cure}"
                yield Fault(where, f"the register has no such {called}", record.id, fix=fix)
            before = said.setdefault(record.id, (record, where))
            if before[0] != record:
                yield Fault(where, f"disagrees with {before[1]}", record.id, fix=f"keep one overlay for it; {cure}")


def category_faults(places: Sequence[tuple[Category, str]]) -> Iterator[Fault]:
    """Names and ranks of categories are used once, and a higher rank asks for no less."""
    names = ((name, where) for category, where in places for name in (category.id, *category.aliases))
    yield from _twice("category name", names)
    yield from _twice("category rank", ((str(category.rank), where) for category, where in places))
    in_order = sorted(places, key=lambda place: place[0].rank)
    for (lower, _), (higher, where) in pairwise(in_order):
        weaker = _weaker(lower.rule, higher.rule)
        if weaker:
            what = f"ranks above {lower.id} but asks for less"
            fix = f"make it at least as strict as {lower.id}, or lower its rank"
            yield Fault(where, what, f"{higher.id}: {', '.join(weaker)}", "a stricter category never widens", fix)


def _weaker(lower: CategoryRule, higher: CategoryRule) -> list[str]:
    """The fields in which a rule is weaker than the one below it; use by approval is apart from this order."""
    hybrid = "hybrid" in higher.deployment_models and lower.hybrid_official_part is not None
    checks = {
        "standing": lower.standing == "accredited" and higher.standing == "registered",
        "in_country": lower.in_country and not higher.in_country,
        "deployment_models": not higher.deployment_models <= lower.deployment_models,
        "hybrid_official_part": hybrid and higher.hybrid_official_part != lower.hybrid_official_part,
        "security_level": higher.security_level.rank < lower.security_level.rank,
        "exposure": lower.exposure == "internal" and higher.exposure == "public",
        "dedicated_nodes": lower.dedicated_nodes and not higher.dedicated_nodes,
        "image_digest": lower.image_digest and not higher.image_digest,
        "image_registry_in_country": lower.image_registry_in_country and not higher.image_registry_in_country,
        "encryption_at_rest": lower.encryption_at_rest and not higher.encryption_at_rest,
        "pod_security": lower.pod_security == "restricted" and higher.pod_security == "baseline",
    }
    return [name for name, weaker in checks.items() if weaker]


def _twice(kind: str, named: Iterable[tuple[str, str]]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name, where in named:
        if name in first:
            yield Fault(where, f"this {kind} exists already", name, fix=f"the first one stands at {first[name]}")
        first.setdefault(name, where)
