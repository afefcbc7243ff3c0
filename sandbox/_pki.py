"""The certificates of one sandbox cluster: made once, all together, so that the authorities' keys need not be kept."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import os
import shutil
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIFETIME: Final = dt.timedelta(days=3650)
"""A sandbox is thrown away long before; there is no renewal."""

SERVICE_ADDRESS: Final = "10.96.0.1"
"""First address of the service range: what pods would call the API server."""

CLIENTS: Final = {
    "admin": ("onshore-admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", None),
    "kube-scheduler": ("system:kube-scheduler", None),
    "kwok": ("onshore:kwok", None),
}
"""Client certificate -> (user, group) as Kubernetes reads them from the subject."""

_SERVER_NAMES: Final = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


class _Authority:
    """A certificate authority that lives in memory only."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (
            _builder(subject, subject, self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def issue(
        self,
        user: str,
        group: str | None,
        usages: list[x509.ObjectIdentifier],
        *,
        names: tuple[str, ...] = (),
        addresses: tuple[str, ...] = (),
    ) -> tuple[str, str]:
        """Issue one certificate, good for these names and addresses; returns (certificate PEM, key PEM)."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
        if group is not None:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        builder = (
            _builder(x509.Name(attributes), self.certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if names or addresses:
            parsed = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
            alternatives = [*(x509.DNSName(name) for name in names), *parsed]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return _pem(builder.sign(self.key, hashes.SHA256())), _key_pem(key)


def ensure_pki(directory: Path, cluster: str) -> None:
    """Create every certificate and key of a cluster in `directory` (mode 0700), unless they are there already."""
    _ensure(directory, lambda: _contents(cluster))


def ensure_server_pki(directory: Path, name: str) -> None:
    """Create an authority (`ca.crt`) and the certificate of a loopback server, unless they are there already."""

    def contents() -> dict[str, str]:
        authority = _Authority(f"onshore sandbox {name}")
        usages = [ExtendedKeyUsageOID.SERVER_AUTH]
        server, key = authority.issue(name, None, usages, names=("localhost",), addresses=("127.0.0.1",))
        authority_pem = _pem(authority.certificate)
        # as for clusters: anyone can compare the authority's digest with the register's
        return {"ca.crt": authority_pem, "server.crt": server + authority_pem, "server.key": key}

    _ensure(directory, contents)


def _ensure(directory: Path, contents: Callable[[], dict[str, str]]) -> None:
    if directory.exists():
        return
    part = directory.with_name(f".{directory.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    for name, content in contents().items():
        descriptor = os.open(part / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(content)
    part.rename(directory)


def ca_sha256(directory: Path) -> str:
    """SHA-256 of the cluster authority's certificate in DER form, lowercase hexadecimal."""
    certificate = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def _contents(cluster: str) -> dict[str, str]:
    authority, etcd_authority = _Authority(f"onshore sandbox {cluster}"), _Authority(f"onshore sandbox {cluster} etcd")
    authority_pem = _pem(authority.certificate)
    files = {"ca.crt": authority_pem, "etcd-ca.crt": _pem(etcd_authority.certificate)}
    local = {"names": _SERVER_NAMES, "addresses": ("127.0.0.1", SERVICE_ADDRESS)}
    server, server_key = authority.issue("kube-apiserver", None, [ExtendedKeyUsageOID.SERVER_AUTH], **local)
    # The authority travels in the handshake, so that anyone can compare its digest with the register's.
    files |= {"server.crt": server + authority_pem, "server.key": server_key}
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    files["etcd.crt"], files["etcd.key"] = etcd_authority.issue("etcd", None, both, **local)
    for client, (user, group) in CLIENTS.items():
        certificate, key = authority.issue(user, group, [ExtendedKeyUsageOID.CLIENT_AUTH])
        files |= {f"{client}.crt": certificate, f"{client}.key": key}
    accounts = ec.generate_private_key(ec.SECP256R1())
    public = accounts.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return files | {"service-accounts.key": _key_pem(accounts), "service-accounts.pub": public.decode("ascii")}


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    # SEC1 ("EC PRIVATE KEY"): the one form that every component reads, the service account signer included.
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode("ascii")
