"""Where a sandbox region keeps its files, and which ports it listens on (pure: no I/O here)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

DATABASE: Final = "postgresql"
IDENTITY: Final = "keystone"
OBJECTS: Final = "swift"
SERVICES: Final = (IDENTITY, "glance", "placement", "nova", "neutron", "cinder", OBJECTS)
"""What runs as one process each; the database is one more."""

SERVICE_CODE: Final = Path(__file__).with_name("services")
"""What runs in the services' own environment, never in ours."""

PORTS: Final = (DATABASE, *SERVICES, "swift-account", "swift-container", "swift-object")
DATABASES: Final = ("keystone", "glance", "placement", "nova_api", "nova_cell0", "nova_cell1", "neutron", "cinder")

_VERSIONED: Final = {IDENTITY: "/v3", "nova": "/v2.1", "cinder": "/v3", OBJECTS: "/v1/AUTH_%(tenant_id)s"}
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class RegionLayout:
    """The files of one region, all below its directory."""

    directory: Path

    @property
    def pki(self) -> Path:
        return self.directory / "pki"

    @property
    def authority(self) -> Path:
        return self.pki / "ca.crt"

    @property
    def state(self) -> Path:
        return self.directory / "region.json"

    @property
    def store(self) -> Path:
        """What a snapshot holds: the database, keystone's keys and the services' secrets."""
        return self.directory / "store"

    @property
    def database(self) -> Path:
        return self.store / "database"

    @property
    def keys(self) -> Path:
        return self.store / "keys"

    @property
    def secrets(self) -> Path:
        return self.store / "secrets.json"

    @property
    def settings(self) -> Path:
        return self.directory / "settings"

    @property
    def work(self) -> Path:
        """Where services keep what is not in the database: images, objects, locks."""
        return self.directory / "work"

    @property
    def guests(self) -> Path:
        """Where the guests of machines live that somebody can log in to."""
        return self.directory / "guests"

    @property
    def seeded(self) -> Path:
        """What the region was filled with, once it is."""
        return self.directory / "seeded.json"

    @property
    def clouds(self) -> Path:
        return self.directory / "clouds.yaml"

    @property
    def overlay(self) -> Path:
        return self.directory / "overlay.yaml"

    def log(self, component: str) -> Path:
        return self.directory / "logs" / f"{component}.log"


def is_name(name: str) -> bool:
    """Whether a region may be called so."""
    return _NAME.fullmatch(name) is not None


def base_url(service: str, ports: Mapping[str, int]) -> str:
    """Where a service answers, without a version."""
    return f"https://127.0.0.1:{ports[service]}"


def endpoint(service: str, ports: Mapping[str, int]) -> str:
    """Where a service answers, as keystone's catalogue names it."""
    return base_url(service, ports) + _VERSIONED.get(service, "")


def auth_url(ports: Mapping[str, int]) -> str:
    """Where keystone answers, as clouds.yaml and the register name it."""
    return endpoint(IDENTITY, ports)
