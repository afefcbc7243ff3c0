"""The Cloud Office's register, what lies over it, and the questions one asks of it."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from inventories import patterns
from inventories.models.base import Country, DeploymentModel, HttpsUrl, Id, ImageHost, Record, Sha256, Source, Words
from inventories.models.places import Cluster, Host, OnPremisesHost, Provider
from inventories.models.regions import MachineImage, Region, Site


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
