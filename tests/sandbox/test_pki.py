"""The certificates of a cluster."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sandbox._pki import CLIENTS, ca_sha256, ensure_pki

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    ensure_pki(tmp_path / "pki", "try")
    return tmp_path / "pki"


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.mark.parametrize("name", ["server", *CLIENTS])
def test_every_certificate_of_the_cluster_is_issued_by_its_authority(pki: Path, name: str) -> None:
    _certificate(pki / f"{name}.crt").verify_directly_issued_by(_certificate(pki / "ca.crt"))


def test_etcd_trusts_another_authority_than_the_cluster(pki: Path) -> None:
    _certificate(pki / "etcd.crt").verify_directly_issued_by(_certificate(pki / "etcd-ca.crt"))
    with pytest.raises(ValueError, match=r"[Ii]ssuer"):
        _certificate(pki / "etcd.crt").verify_directly_issued_by(_certificate(pki / "ca.crt"))


def test_only_the_administrator_is_a_master(pki: Path) -> None:
    groups = {
        client: [
            each.value
            for each in _certificate(pki / f"{client}.crt").subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        ]
        for client in CLIENTS
    }
    assert {client for client, names in groups.items() if "system:masters" in names} == {"admin"}


def test_no_authoritys_key_is_kept_and_no_key_is_for_others_to_read(pki: Path) -> None:
    keys = {path.stem: stat.S_IMODE(path.stat().st_mode) for path in pki.glob("*.key")}
    assert set(keys) == {"server", "etcd", "service-accounts", *CLIENTS}
    assert set(keys.values()) == {0o600}
    assert stat.S_IMODE(pki.stat().st_mode) == 0o700


def test_the_digest_is_that_of_the_authority_in_der_form(pki: Path) -> None:
    assert ca_sha256(pki) == hashlib.sha256(_certificate(pki / "ca.crt").public_bytes(Encoding.DER)).hexdigest()


def test_certificates_once_made_stay_and_a_half_made_folder_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / ".pki.part"
    half.mkdir()
    (half / "ca.crt").write_text("-----BEGIN")
    ensure_pki(tmp_path / "pki", "try")
    first = ca_sha256(tmp_path / "pki")
    ensure_pki(tmp_path / "pki", "try")
    assert ca_sha256(tmp_path / "pki") == first
    assert not half.exists()
