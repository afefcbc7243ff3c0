"""Clusters that are only claimed: what is refused before a cluster is asked needs none."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.project import CLUSTER_ID

if TYPE_CHECKING:
    from pathlib import Path

    from tests.project import Onshore

SERVER = "https://127.0.0.1:1"  # nobody listens there
STACK = "health-vaccination-api"
KEY = "keys/gate.pem"
UP = ("up", STACK, "--yes", "--receipt", "receipt.json")
TOKEN = "token-nobody-may-see"  # noqa: S105 - looked for in what is printed


def authority() -> bytes:
    """The certificate of a new authority, as DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def pem_data(der: bytes) -> str:
    """A certificate as kubeconfigs hold it."""
    pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    return base64.b64encode(pem).decode()


@dataclass
class Claimed:
    """A project whose register lists a cluster that does not exist, with a lawful kubeconfig for it."""

    onshore: Onshore
    kubeconfig: dict[str, Any]

    def save(self) -> None:
        """Write the kubeconfig to where it is looked for."""
        self.onshore.write(f".onshore/kubeconfigs/{CLUSTER_ID}.yaml", yaml.safe_dump(self.kubeconfig))


@pytest.fixture
def claimed(offline: Onshore) -> Claimed:
    """See `Claimed`; the kubeconfig is saved as it is."""
    der = authority()
    overlay = {"id": CLUSTER_ID, "server": SERVER, "ca_sha256": hashlib.sha256(der).hexdigest()}
    offline.write("overlay.yaml", yaml.safe_dump({"overlay": "claimed", "fictional": True, "clusters": [overlay]}))
    offline.environment["ONSHORE_OVERLAYS"] = str(offline.root / "overlay.yaml")
    reached = {"server": SERVER, "certificate-authority-data": pem_data(der)}
    project = Claimed(
        offline,
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "example",
            "contexts": [{"name": "example", "context": {"cluster": "example", "user": "example"}}],
            "clusters": [{"name": "example", "cluster": reached}],
            "users": [{"name": "example", "user": {"token": TOKEN}}],
        },
    )
    project.save()
    return project


@pytest.fixture
def gated(claimed: Claimed) -> Onshore:
    """A project with a trusted key, and a receipt for its stack."""
    onshore = claimed.onshore
    trust_a_key(onshore)
    done = onshore("gate", STACK, "--key", KEY, "--receipt", "receipt.json", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["registered"] == 18
    assert TOKEN not in (onshore.root / "receipt.json").read_text("utf-8")
    return onshore


def trust_a_key(onshore: Onshore) -> None:
    """Make the project's gate key."""
    made = onshore("gate", "keygen", KEY)
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE((onshore.root / KEY).stat().st_mode) == 0o600
    edit_text(onshore.root / "onshore.yaml", "profile:", f"trusted_keys: [{KEY}.pub]\nprofile:")


def edit_text(path: Path, old: str, new: str) -> None:
    """Change the first place in a file that says `old`."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
