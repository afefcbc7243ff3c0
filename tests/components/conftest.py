"""A project with its own law for component tests, and what a program registers under it."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from engine.testing import Cloud, Kind, Stack
from inventories import Settings
from tests.project import linked_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from inventories.models import Region

ROOT = Path(__file__).parents[2]
KHI = "example-csp-alpha-khi-1"


def certificate(name: str) -> x509.Certificate:
    """A certificate authority's certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + dt.timedelta(days=9999))
    return builder.sign(key, hashes.SHA256())


@dataclass(frozen=True)
class Reached:
    """A cluster as its kubeconfig tells it."""

    cluster: str
    server: str
    authority: x509.Certificate

    @property
    def ca_sha256(self) -> str:
        return hashlib.sha256(self.authority.public_bytes(Encoding.DER)).hexdigest()

    def kubeconfig(self) -> dict[str, Any]:
        authority = base64.b64encode(self.authority.public_bytes(Encoding.PEM)).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": self.server, "certificate-authority-data": authority}}],
            "users": [{"name": "u", "user": {"token": "a-secret-token"}}],
        }


IMAGE = "sha512:" + "5" * 128


def region_laid(region: Region, authority: x509.Certificate, folder: Path) -> dict[str, Any]:
    """The overlay of a region that answers under an authority; its clouds.yaml goes into the folder."""
    assert region.pulumi
    assert region.openstack
    folder.mkdir(exist_ok=True)
    auth = {"auth_url": region.pulumi.endpoint, "username": "clinic", "password": "a-secret-password"}
    pem = authority.public_bytes(Encoding.PEM).decode()
    cloud = {"auth": auth, "region_name": region.pulumi.region, "cacert": pem}
    (folder / f"{region.id}.yaml").write_text(yaml.safe_dump({"clouds": {region.id: cloud}}))
    return {
        "id": region.id,
        "auth_url": region.pulumi.endpoint,
        "ca_sha256": hashlib.sha256(authority.public_bytes(Encoding.DER)).hexdigest(),
        "images": [{"name": image.name, "digest": IMAGE} for image in region.openstack.images],
    }


@pytest.fixture(scope="session")
def authority() -> x509.Certificate:
    return certificate("test")


@pytest.fixture
def settings(tmp_path: Path, authority: x509.Certificate, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The project's own settings, with every cluster of the register answering under a test authority."""
    monkeypatch.setenv("ONSHORE_ON", "2026-06-01")
    monkeypatch.setenv("ONSHORE_OVERLAYS", "")
    register = Settings.load(ROOT).load_register()
    folder = tmp_path / "kubeconfigs"
    folder.mkdir()
    clusters = []
    for _, cluster in register.clusters():
        reached = Reached(cluster.id, cluster.server, authority)
        clusters.append({"id": cluster.id, "server": cluster.server, "ca_sha256": reached.ca_sha256})
        (folder / f"{cluster.id}.yaml").write_text(yaml.safe_dump(reached.kubeconfig()))
    regions = [region for _, region in register.regions() if region.openstack]
    laid = [region_laid(region, authority, tmp_path / "clouds") for region in regions]
    monkeypatch.setenv("ONSHORE_CLOUDS", str(tmp_path / "clouds"))
    overlay = tmp_path / "overlay.yaml"
    everything = {"overlay": "test", "fictional": True, "clusters": clusters, "regions": laid}
    overlay.write_text(yaml.safe_dump(everything))
    monkeypatch.setenv("ONSHORE_OVERLAYS", str(overlay))
    monkeypatch.setenv("ONSHORE_KUBECONFIGS", str(folder))
    monkeypatch.chdir(ROOT)
    return Settings.load(ROOT)


@pytest.fixture
def reached(settings: Settings, authority: x509.Certificate) -> Reached:
    found = settings.load_register().cluster(KHI)
    assert found is not None
    return Reached(KHI, found[1].server, authority)


@dataclass(frozen=True)
class Registered:
    """One resource that a program registered."""

    type: str
    name: str
    inputs: dict[str, Any]
    provider: str


def _image(inputs: dict[str, Any]) -> dict[str, Any]:
    algorithm, _, value = IMAGE.partition(":")
    return {"id": f"{inputs['name']}-id", "properties": {"os_hash_algo": algorithm, "os_hash_value": value}}


_HELD = Kind(fixed=("data",), named="metadata.name")
_KINDS = {"kubernetes:core/v1:ConfigMap": _HELD, "kubernetes:core/v1:Secret": _HELD}
_FUNCTIONS = {
    "openstack:networking/getNetwork:getNetwork": lambda inputs: {"id": f"{inputs['name']}-id"},
    "openstack:images/getImage:getImage": _image,
}


@pytest.fixture
def stacks(tmp_path: Path) -> Callable[[str], Stack]:
    """Makes a stack of the project, each in a folder of its own and with a cloud in memory."""
    numbers = itertools.count()

    def make(name: str) -> Stack:
        folder = linked_project(tmp_path / f"stack-{next(numbers)}")
        return Stack(folder, Cloud(kinds=_KINDS, functions=_FUNCTIONS), name=name, project="onshore")

    return make


@pytest.fixture
def record(stacks: Callable[[str], Stack]) -> Callable[[Callable[[], object]], list[Registered]]:
    """Previews a program; returns what it registered, sorted by type and name. Raises its error."""

    def run(program: Callable[[], object], stack: str = "test") -> list[Registered]:
        ran = stacks(stack).preview(program)
        if ran.result.error is not None:
            raise ran.result.error
        assert ran.ok, ran.errors
        made = [one for one in ran.planned if one.type != "pulumi:pulumi:Stack"]
        seen = [Registered(one.type, one.name, dict(one.inputs), one.provider) for one in made]
        return sorted(seen, key=lambda one: (one.type, one.name))

    return run
