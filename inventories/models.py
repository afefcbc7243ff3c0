"""The facts of the law and of the land: frozen records, and the questions one may ask of each *on a date*.

Dates are inclusive: a record valid until a day is still valid on that day. Ids are lowercase with dashes. Nothing here
reads a file (`inventories.loader` does) and nothing here decides a placement (`components.placement` does).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from inventories import patterns
from inventories.urn_pattern import matches_urn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Id = Annotated[str, StringConstraints(pattern=patterns.ID)]
Country = Annotated[str, StringConstraints(pattern=patterns.COUNTRY)]
Sha256 = Annotated[str, StringConstraints(pattern=patterns.SHA256)]
ImageHost = Annotated[str, StringConstraints(pattern=patterns.IMAGE_HOST)]
HttpsUrl = Annotated[str, StringConstraints(pattern=patterns.HTTPS_URL)]
ImageDigest = Annotated[str, StringConstraints(pattern=patterns.IMAGE_DIGEST)]
CloudName = Annotated[str, StringConstraints(pattern=patterns.CLOUD_NAME)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

AuditKind = Literal["security", "performance", "compliance"]
DeploymentModel = Literal["public", "government", "private", "hybrid"]
ServiceKind = Literal["kubernetes", "vm", "volume", "object-store", "database"]
Exposure = Literal["internal", "public"]
Standing = Literal["registered", "accredited"]
Confidence = Literal["official", "reported", "inferred", "unknown", "fictional"]


class Record(BaseModel):
    """Frozen, and closed: a field it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with changes; what the original has looked up already does not come along."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


class Status(StrEnum):
    """Where a provider stands with the Cloud Office on a day."""

    UNKNOWN = "unknown"
    APPLIED = "applied"
    UNDER_REVIEW = "under-review"
    REGISTERED = "registered"
    ACCREDITED = "accredited"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"


class SecurityLevel(StrEnum):
    """The Cloud Office's four levels, lowest first."""

    BASELINE = "baseline"
    INTERMEDIATE = "intermediate"
    ENHANCED = "enhanced"
    HIGHEST = "highest"

    @property
    def rank(self) -> int:
        return list(SecurityLevel).index(self)


class Source(Record):
    """Where a fact comes from; `confidence` unknown means a setting with the strict default."""

    instrument: str
    clause: str = ""
    url: str = ""
    retrieved: date | None = None
    confidence: Confidence


class StatusChange(Record):
    """From `effective_on` the provider has this status; an accreditation may end by itself on `valid_until`."""

    status: Status
    effective_on: date
    valid_until: date | None = None
    reference: str = ""
    reason: str = ""

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.valid_until and self.valid_until < self.effective_on:
            raise ValueError(f"valid_until {self.valid_until} lies before effective_on {self.effective_on}")
        return self


class Scope(Record):
    """What an accreditation covers."""

    service_kinds: frozenset[ServiceKind]
    deployment_models: frozenset[DeploymentModel]


class Accreditation(Record):
    """A provider's file at the Cloud Office: its reference, history (oldest first) and scope."""

    reference: str
    history: Annotated[tuple[StatusChange, ...], Field(min_length=1)]
    scope: Scope

    @model_validator(mode="after")
    def _history_in_order(self) -> Self:
        days = [change.effective_on for change in self.history]
        if days != sorted(days) or len(set(days)) != len(days):
            raise ValueError("history must be in order of effective_on, one change a day")
        return self

    def status(self, *, on: date) -> Status:
        """The status on a day; `unknown` before the first change, `expired` after the latest one's end."""
        current = [change for change in self.history if change.effective_on <= on]
        if not current:
            return Status.UNKNOWN
        last = current[-1]
        return Status.EXPIRED if last.valid_until and last.valid_until < on else last.status


class Audit(Record):
    """One ICT audit of a provider by a third party."""

    kind: AuditKind
    held_on: date
    valid_until: date
    outcome: Literal["passed", "failed"]
    auditor: str
    reference: str

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.valid_until < self.held_on:
            raise ValueError(f"valid_until {self.valid_until} lies before held_on {self.held_on}")
        return self


class Site(Record):
    """A data centre; `country` decides what lies in the country."""

    id: Id
    name: str
    country: Country
    city: str = ""


class Prices(Record):
    """A price list in Pakistani rupees a month; what it gives no price for is not priced, never free."""

    effective_on: date
    vcpu_month_pkr: Annotated[float, Field(ge=0)]
    memory_gib_month_pkr: Annotated[float, Field(ge=0)]
    storage_gib_month_pkr: Annotated[float, Field(ge=0)]
    object_gib_month_pkr: Annotated[float, Field(ge=0)] | None = None
    public_address_month_pkr: Annotated[float, Field(ge=0)] | None = None


class PulumiRegion(Record):
    """What a region is called in Pulumi programs; `endpoint` (OpenStack's authUrl) where a name is not unique."""

    package: Id
    region: Annotated[str, StringConstraints(min_length=1)]
    endpoint: Annotated[str, StringConstraints(pattern=r"^(https://\S*[^\s/])?$")] = ""


class Zone(Record):
    """An availability zone by its name in the region, and the site it stands at."""

    name: CloudName
    site: Id


class MachineImage(Record):
    """An image that virtual machines may start from, by its name and the digest of its content.

    `digest`: `sha512:…` (or `sha256:…`), as Glance keeps it in `os_hash_algo` and `os_hash_value`.
    """

    name: CloudName
    digest: ImageDigest


class Flavor(Record):
    """A size of virtual machine; `disk_gib` is its own disk, which a machine on a boot volume does not use."""

    name: CloudName
    vcpu: Annotated[int, Field(ge=1)]
    memory_mib: Annotated[int, Field(ge=64)]
    disk_gib: Annotated[int, Field(ge=0)] = 0


class ExternalNetwork(Record):
    """A network that leads out of the region; `public`: it can be reached from the internet."""

    name: CloudName
    public: bool


class ObjectStore(Record):
    """A region's object store, and which wishes it really honours.

    `networks`: the addresses that the endpoint's name stands for, as CIDRs; an endpoint that is an address needs none.
    """

    endpoint: HttpsUrl
    networks: tuple[str, ...] = ()
    honours: frozenset[Literal["versioning", "lifecycle"]] = frozenset()


class OpenStack(Record):
    """What an OpenStack region is known by and offers; its name and auth URL stand in `pulumi`.

    `ca_sha256`: sha256 of the CA certificate its APIs show, in DER, lowercase hex. `project` and `domain`: where a
    department's resources are made; credentials never stand here.
    """

    ca_sha256: Sha256
    project: CloudName
    domain: CloudName = "Default"
    zones: Annotated[tuple[Zone, ...], Field(min_length=1)]
    images: tuple[MachineImage, ...] = ()
    flavors: tuple[Flavor, ...] = ()
    external_networks: tuple[ExternalNetwork, ...] = ()
    object_store: ObjectStore | None = None


class Region(Record):
    """A cloud region: one or more sites under one name.

    `pulumi`: its name in programs. `encrypted_at_rest`: service kinds whose storage is encrypted, whoever asks;
    `encrypted_volume_types`: the volume types that are, `plain_volume_types`: those that are not. `openstack`: what
    components build on.
    """

    id: Id
    sites: Annotated[tuple[Id, ...], Field(min_length=1)]
    service_kinds: frozenset[ServiceKind]
    deployment_model: DeploymentModel
    official_part: DeploymentModel | None = None
    security_level: SecurityLevel
    prices: Prices | None = None
    pulumi: PulumiRegion | None = None
    encrypted_at_rest: frozenset[ServiceKind] = frozenset()
    encrypted_volume_types: frozenset[str] = frozenset()
    plain_volume_types: frozenset[str] = frozenset()
    openstack: OpenStack | None = None
    dedicated_nodes: bool = False
    fictional: bool = False


class IngressClasses(Record):
    """The names a cluster gives its internal and its public ingress class."""

    internal: str
    public: str | None = None


class Cluster(Record):
    """A Kubernetes cluster, known by its API server and the digest of its CA certificate.

    `ca_sha256`: sha256 of the CA certificate in DER, lowercase hex. `official_part`: in a hybrid cloud, the model of
    the part that official workloads run on. `dedicated_nodes`: nodes can be set apart for one department.
    `encrypted_storage_classes`: the StorageClasses whose volumes are encrypted at rest.
    """

    id: Id
    region: Id
    site: Id
    server: HttpsUrl
    ca_sha256: Sha256
    deployment_model: DeploymentModel
    official_part: DeploymentModel | None = None
    security_level: SecurityLevel
    ingress_classes: IngressClasses
    encrypted_storage_classes: frozenset[str] = frozenset()
    dedicated_nodes: bool = False
    prices: Prices
    fictional: bool = False


class _Machine(Record):
    """A machine that is reached by SSH, and known by the key it proves itself with."""

    id: Id
    address: Annotated[str, StringConstraints(pattern=patterns.HOST_ADDRESS)]
    host_key: Annotated[str, StringConstraints(pattern=patterns.HOST_KEY)]
    department: Id
    fictional: bool = False

    @field_validator("host_key")
    @classmethod
    def _key_of_its_kind(cls, key: str) -> str:
        kind, encoded = key.split()
        try:
            blob = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            blob = b""
        if not blob.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
            raise ValueError(f"not a {kind} key: what follows the kind is cut off, or another kind's")
        return key

    @property
    def host_key_sha256(self) -> str:
        """OpenSSH's fingerprint of the key, without `SHA256:`."""
        blob = base64.b64decode(self.host_key.split()[1])
        return base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


class Host(_Machine):
    """A provider's machine under Ansible, set apart for one department and data up to a category."""

    site: Id
    region: Id
    category_ceiling: str


class OnPremisesHost(_Machine):
    """A department's own machine. Nothing is ever placed there; what runs there can be read, to move it away."""


class Provider(Record):
    """A cloud service provider with all it runs."""

    id: Id
    name: str
    fictional: bool = False
    accreditation: Accreditation
    audits: tuple[Audit, ...] = ()
    sites: Annotated[tuple[Site, ...], Field(min_length=1)]
    regions: tuple[Region, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    hosts: tuple[Host, ...] = ()

    def audit(self, kind: AuditKind, *, on: date) -> Audit | None:
        """The latest audit of a kind held by that day, whatever its outcome or age."""
        held = [audit for audit in self.audits if audit.kind == kind and audit.held_on <= on]
        return max(held, key=lambda audit: (audit.held_on, audit.valid_until), default=None)


class Department(Record):
    """A public sector entity; `group` is its RBAC group in clusters."""

    id: Id
    name: str
    group: str
    fictional: bool = False


class Approval(Record):
    """A written approval that a category's rule asks for (secret data in a private cloud)."""

    id: Id
    department: Id
    category: str
    deployment_model: DeploymentModel
    office: str
    reference: str
    issued_on: date
    expires_on: date
    fictional: bool = False

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.expires_on < self.issued_on:
            raise ValueError(f"expires_on {self.expires_on} lies before issued_on {self.issued_on}")
        return self

    def covers(self, department: str, category: str, model: DeploymentModel, *, on: date) -> bool:
        """Whether it allows this department this model for this category on a day."""
        asked = (department, category, model)
        return (
            asked == (self.department, self.category, self.deployment_model) and self.issued_on <= on <= self.expires_on
        )


class ImageRegistry(Record):
    """A registry of container images at a site, kept by a provider or an office; `host` as image names bear it."""

    id: Id
    host: ImageHost
    provider: Id | None = None
    office: Words | None = None
    site: Id
    fictional: bool = False

    @model_validator(mode="after")
    def _one_keeper(self) -> Self:
        if (self.provider is None) == (self.office is None):
            raise ValueError("a registry is kept by a provider or by an office: give one of the two")
        return self


class KeyStore(Record):
    """Where a department keeps encryption keys, at a site; `prefix`: how the names of its keys begin in programs."""

    id: Id
    prefix: Annotated[str, StringConstraints(pattern=patterns.KEY_PREFIX)]
    department: Id
    site: Id
    fictional: bool = False

    def holds(self, key: str) -> bool:
        """Whether a key's name says that it is kept here."""
        return key.startswith(self.prefix) and ".." not in key


DeviationState = Literal["in force", "ended", "not begun"]


class _Deviation(Record):
    """What every written deviation says: who answers for it, why, on whose word, and from when to when.

    Whether its fields agree with each other and with its rule is told by `inventories.deviations`.
    """

    id: Id
    owner: Words
    reason: Words
    reference: Words
    starts_on: date
    ends_on: date

    @property
    def days(self) -> int:
        """How many days it is in force, both ends counted."""
        return (self.ends_on - self.starts_on).days + 1

    def state(self, *, on: date) -> DeviationState:
        """Where it stands on a day."""
        if on < self.starts_on:
            return "not begun"
        return "ended" if self.ends_on < on else "in force"


class Waiver(_Deviation):
    """A time-bound deviation (NOC) from one rule, for named stacks and the resources that a pattern names.

    `stacks`: names in full; `*`, for every stack, where the rule allows it. `urn_pattern`: `inventories.urn_pattern`.
    """

    rule: Words
    stacks: Annotated[tuple[Words, ...], Field(min_length=1)]
    urn_pattern: Words
    approving_office: Words

    def names(self, stack: str) -> bool:
        """Whether a stack is among its stacks."""
        return bool(stack) and (stack in self.stacks or "*" in self.stacks)

    def covers(self, rule: str, stack: str, urn: str) -> bool:
        """Whether what a rule says of a resource of a stack lies in its scope, whatever the day."""
        return self.rule == rule and self.names(stack) and matches_urn(self.urn_pattern, urn)


class Declassification(_Deviation):
    """The decision that named outputs of a more sensitive stack may be read into a less sensitive one.

    Stacks are named in full, `project/stack`; outputs one by one, by their names.
    """

    from_stack: Words
    to_stack: Words
    outputs: Annotated[tuple[Words, ...], Field(min_length=1)]
    approver: Words

    def covers(self, from_stack: str, to_stack: str, outputs: Iterable[str]) -> bool:
        """Whether reading these outputs lies in its scope, whatever the day."""
        wanted = set(outputs)
        return (from_stack, to_stack) == (self.from_stack, self.to_stack) and wanted <= set(self.outputs)


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


class RegisterHead(Record):
    """What a register says of itself, without its records."""

    id: Id
    version: str
    country: Country
    issued_on: date
    expires_on: date
    fictional: bool = False
    source: Source

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.expires_on < self.issued_on:
            raise ValueError(f"expires_on {self.expires_on} lies before issued_on {self.issued_on}")
        return self


class Register(RegisterHead):
    """The Cloud Office's register as of one issue.

    `digest` is the sha256 of all files it was read from, overlays included; `overlays` names those.
    """

    providers: Annotated[tuple[Provider, ...], Field(min_length=1)]
    departments: tuple[Department, ...] = ()
    approvals: tuple[Approval, ...] = ()
    image_registries: tuple[ImageRegistry, ...] = ()
    key_stores: tuple[KeyStore, ...] = ()
    on_premises: tuple[OnPremisesHost, ...] = ()
    digest: str = ""
    overlays: tuple[str, ...] = ()

    @cached_property
    def _clusters(self) -> dict[str, tuple[Provider, Cluster]]:
        return {cluster.id: (provider, cluster) for provider in self.providers for cluster in provider.clusters}

    @cached_property
    def _sites(self) -> dict[str, Site]:
        return {site.id: site for provider in self.providers for site in provider.sites}

    @cached_property
    def _by_address(self) -> dict[tuple[str, str], Cluster]:
        return {(c.server, c.ca_sha256): c for _, c in self._clusters.values()}

    def clusters(self) -> tuple[tuple[Provider, Cluster], ...]:
        """Every cluster with its provider, in order of id."""
        return tuple(self._clusters[key] for key in sorted(self._clusters))

    def cluster(self, cluster_id: str) -> tuple[Provider, Cluster] | None:
        """A cluster with its provider."""
        return self._clusters.get(cluster_id)

    def cluster_at(self, server: str, ca_sha256: str) -> tuple[Provider, Cluster] | None:
        """The cluster that answers at an API server under a CA."""
        found = self._by_address.get((server.rstrip("/"), ca_sha256))
        return self._clusters[found.id] if found else None

    @cached_property
    def _hosts(self) -> dict[str, tuple[Provider, Host]]:
        return {host.id: (provider, host) for provider in self.providers for host in provider.hosts}

    def hosts(self) -> tuple[tuple[Provider, Host], ...]:
        """Every host with its provider, in order of id."""
        return tuple(self._hosts[key] for key in sorted(self._hosts))

    def host(self, host_id: str) -> tuple[Provider, Host] | None:
        """A host with its provider."""
        return self._hosts.get(host_id)

    def on_premises_host(self, host_id: str) -> OnPremisesHost | None:
        """A department's own machine, by id."""
        return next((host for host in self.on_premises if host.id == host_id), None)

    @cached_property
    def _by_pulumi_name(self) -> dict[tuple[str, str, str], tuple[Provider, Region]]:
        return {
            (region.pulumi.package, region.pulumi.region, region.pulumi.endpoint): (provider, region)
            for provider in self.providers
            for region in provider.regions
            if region.pulumi
        }

    def region_at(self, package: str, name: str, endpoint: str = "") -> tuple[Provider, Region] | None:
        """The region that a Pulumi package knows by a name, at an endpoint."""
        return self._by_pulumi_name.get((package, name, endpoint.rstrip("/")))

    @cached_property
    def _regions(self) -> dict[str, tuple[Provider, Region]]:
        return {region.id: (provider, region) for provider in self.providers for region in provider.regions}

    def regions(self) -> tuple[tuple[Provider, Region], ...]:
        """Every region with its provider, in order of id."""
        return tuple(self._regions[key] for key in sorted(self._regions))

    def region(self, region_id: str) -> tuple[Provider, Region] | None:
        """A region with its provider."""
        return self._regions.get(region_id)

    def site(self, site_id: str) -> Site | None:
        """A site of any provider."""
        return self._sites.get(site_id)

    @cached_property
    def _by_image_host(self) -> dict[str, ImageRegistry]:
        return {registry.host: registry for registry in self.image_registries}

    def image_registry(self, host: str) -> ImageRegistry | None:
        """The registry that an image's name speaks of."""
        return self._by_image_host.get(host)

    def department(self, department_id: str) -> Department | None:
        """A department by id."""
        return next((d for d in self.departments if d.id == department_id), None)

    def approved(self, department: str, category: str, model: DeploymentModel, *, on: date) -> bool:
        """Whether a written approval covers this use on a day."""
        return any(approval.covers(department, category, model, on=on) for approval in self.approvals)


class ClusterOverlay(Record):
    """Where a register's cluster really answers, for a try-out on this machine."""

    id: Id
    server: HttpsUrl
    ca_sha256: Sha256


class RegionOverlay(Record):
    """Where a register's OpenStack region really answers, for a try-out on this machine, and which images it has.

    `images` replaces the digests of images that the register names; `object_store` its endpoint.
    """

    id: Id
    auth_url: HttpsUrl
    ca_sha256: Sha256
    object_store: HttpsUrl | None = None
    images: tuple[MachineImage, ...] = ()


class HostOverlay(Host):
    """A host of a try-out on this machine, given to a provider of the register."""

    provider: Id


class RegisterOverlay(Record):
    """Lays addresses of clusters and regions, and hosts, over a register; a production profile refuses it."""

    overlay: Id
    fictional: Literal[True]
    clusters: tuple[ClusterOverlay, ...] = ()
    regions: tuple[RegionOverlay, ...] = ()
    hosts: tuple[HostOverlay, ...] = ()
    on_premises: tuple[OnPremisesHost, ...] = ()

    @model_validator(mode="after")
    def _lays_something(self) -> Self:
        if not (self.clusters or self.regions or self.hosts or self.on_premises):
            raise ValueError("lays nothing over the register: give clusters, regions, hosts or on_premises")
        return self
