"""Clusters, hosts, and the provider whose they are."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints, field_validator

from inventories import patterns
from inventories.models.accreditation import Accreditation, Audit, AuditKind
from inventories.models.base import DeploymentModel, HttpsUrl, Id, Record, SecurityLevel, Sha256
from inventories.models.regions import Prices, Region, Site

if TYPE_CHECKING:
    from datetime import date


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
