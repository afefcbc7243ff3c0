"""A project whose program sets services up on the sandbox hosts, and what its tests ask of them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.embedded import Embedded

if TYPE_CHECKING:
    from pathlib import Path

    from engine.testing import Ran
    from tests.hosts import Hosts

PROGRAM = """
import importlib
import json
from pathlib import Path

import pulumi

from components.ansible_run import AnsibleAccess
from components.governance import Law
from inventories import Settings

law = Law.load(Settings.load(Path(__file__).parent))
config = pulumi.Config()
opts = pulumi.ResourceOptions(providers=[AnsibleAccess("hosts")])
for name, (module, component, args) in json.loads(config.require("services")).items():
    made = getattr(importlib.import_module(f"components.{module}"), component)
    args |= json.loads(config.require("secrets")).get(name, {})
    made(name, args, opts, law=law)
"""
CLIENTS = "198.18.0.0/15"


@dataclass(frozen=True)
class Certificate:
    """A certificate of its own authority, for an address; PEM."""

    certificate: str
    private_key: str


def certificate_for(address: str, *, days: int = 30) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sandbox service")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=60))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(made.public_bytes(pem).decode(), private.decode())


@dataclass
class Site(Embedded):
    """The project, its engine, and the department's own key for backups."""

    hosts: Hosts
    services: dict[str, list[Any]] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)

    @property
    def age_key(self) -> Path:
        return self.root / "department.agekey"

    def recipient(self) -> str:
        if not self.age_key.exists():
            subprocess.run(["age-keygen", "-o", self.age_key], check=True, capture_output=True, timeout=20)
        told = subprocess.run(
            ["age-keygen", "-y", self.age_key], check=True, capture_output=True, text=True, timeout=20
        )
        return told.stdout.strip()

    def attempt(self, operation: str) -> Ran:
        """An operation; it may fail."""
        configuration = {"site:services": json.dumps(self.services), "site:secrets": json.dumps(self.secrets)}
        text = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in configuration.items())
        (self.root / "Pulumi.test.yaml").write_text(f"config:\n{text}", encoding="utf-8")
        return super().attempt(operation)

    def operations(self, ran: Ran) -> set[str]:
        """What was done to the runs that set services up."""
        return {operation for operation, name in ran.steps if name.endswith("-set-up")}

    def backups(self, host: str, box: str) -> list[str]:
        """The backups that a host keeps of a service."""
        return self.hosts.ssh(host, f"ls /var/lib/onshore-backups/{box}").stdout.decode().split()

    def decrypted(self, host: str, box: str, backup: str) -> bytes:
        """A backup as the department reads it, with the key that no host has."""
        kept = self.hosts.ssh(host, f"cat /var/lib/onshore-backups/{box}/{backup}").stdout
        assert kept.startswith(b"age-encryption.org/v1")
        opened = subprocess.run(
            ["age", "--decrypt", "-i", self.age_key], input=kept, check=True, capture_output=True, timeout=60
        )
        return opened.stdout
