"""A cloud over HTTP that fails on demand, and stacks whose provider is the engine's own OpenStack provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.provider import CallOptions, ResourceId
from engine.providers.openstack import OpenStackProvider
from engine.testing import Stack
from tests.engine.openstack.fake_cloud import FakeCloud
from tests.region import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox import RegionInfo

REAL = CallOptions()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    """A cloud of its own; waits between tries are short."""
    monkeypatch.setattr("engine.providers.openstack.cloud._FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("engine.providers.openstack.collection._PAUSE_S", 0.01)
    made = FakeCloud()
    yield made
    made.close()


def settings_of(region: RegionInfo, cloud: str = "") -> dict[str, Any]:
    """A provider's configuration for a cloud of the region's clouds.yaml; the authority as text."""
    found = yaml.safe_load(region.clouds.read_text(encoding="utf-8"))["clouds"][cloud or region.name]
    auth = found["auth"]
    return {
        "authUrl": auth["auth_url"],
        "region": found["region_name"],
        "userName": auth["username"],
        "password": auth["password"],
        "tenantName": auth["project_name"],
        "userDomainName": auth.get("user_domain_name", "Default"),
        "projectDomainName": auth.get("project_domain_name", "Default"),
        "cacertFile": region.ca_certificate.read_text(encoding="utf-8"),
    }


@pytest.fixture
def theirs(region: RegionInfo) -> Iterator[Any]:
    """The region as openstacksdk shows it."""
    made = connect(region)
    yield made
    made.close()


@pytest.fixture
def here(region: RegionInfo, tmp_path: Path) -> Iterator[Stack]:
    config = {f"openstack:{key}": value for key, value in settings_of(region).items()}
    made = Stack(tmp_path, providers={"openstack": OpenStackProvider}, config=config)
    yield made
    gone = made.destroy()
    assert gone.ok, gone.errors


class Asked:
    """A provider with the calls the engine would make."""

    def __init__(self, settings: dict[str, Any], owner: str = "one-stack") -> None:
        self.said: list[tuple[str, str]] = []
        self.provider = OpenStackProvider(self.log)
        self.provider.configure(ResourceId("urn:provider", "region", "pulumi:providers:openstack", owner), settings)

    def log(self, severity: str, message: str, *, urn: str = "", ephemeral: bool = False) -> None:
        assert urn or ephemeral
        self.said.append((severity, message))

    def checked(self, token: str, name: str, **inputs: Any) -> Any:
        return self.provider.check(ResourceId(f"urn:{name}", name, f"openstack:{token}"), None, inputs, b"seed")

    def up(
        self, token: str, name: str, options: CallOptions = REAL, recorded: tuple[str, ...] = (), **inputs: Any
    ) -> Any:
        """Check and create: (resource, inputs, outputs)."""
        resource = ResourceId(f"urn:{name}", name, f"openstack:{token}", recorded=recorded)
        checked = self.checked(token, name, **inputs)
        assert not checked.failures
        made = self.provider.create(resource, checked.inputs, options)
        return ResourceId(resource.urn, name, resource.type, made.id), checked.inputs, made.outputs


@pytest.fixture
def asked(fake: FakeCloud) -> Iterator[Asked]:
    made = Asked(fake.settings)
    yield made
    made.provider.close()


@pytest.fixture
def stack(fake: FakeCloud, tmp_path: Path) -> Stack:
    """A stack on the fake cloud; its settings are its configuration's."""
    config = {f"openstack:{key}": value for key, value in fake.settings.items()}
    return Stack(tmp_path, providers={"openstack": OpenStackProvider}, config=config)
