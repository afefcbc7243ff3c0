"""Sites, and the OpenStack regions that stand at them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from inventories.models.base import (
    CloudName,
    Country,
    DeploymentModel,
    HttpsUrl,
    Id,
    ImageDigest,
    Record,
    SecurityLevel,
    ServiceKind,
    Sha256,
)


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
