"""A PostgreSQL database on a real host: over TLS or not at all, its backups encrypted and restorable."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.services.site import CLIENTS, Certificate, Site, certificate_for, told

if TYPE_CHECKING:
    from pathlib import Path

OWNER, READER = "long enough: {{ 7 }}'\"$x", "another password"
BOX = "host-1.records"


@pytest.fixture
def database(site: Site) -> Certificate:
    certificate = certificate_for(site.hosts["host-1"].address)
    args = {
        "department": "health-example",
        "category": "restricted",
        "host": "host-1",
        "database": "clinic",
        "owner": "clinic_owner",
        "readers": ["report"],
        "clients": [CLIENTS],
        "backup_host": "host-2",
        "backup_recipient": site.recipient(),
    }
    site.services["records"] = ["postgres_database", "PostgresDatabase", args]
    site.secrets["records"] = {
        "passwords": {"clinic_owner": OWNER, "report": READER},
        "tls_certificate": certificate.certificate,
        "tls_private_key": certificate.private_key,
    }
    return certificate


def psql(site: Site, certificate: Certificate, role: str, password: str, sql: str, mode: str = "verify-full") -> str:
    """What psql on this machine is answered, or why not."""
    authority = site.root / "authority.pem"
    authority.write_text(certificate.certificate, encoding="utf-8")
    address = site.hosts["host-1"].address
    login = f"host={address} port=5432 dbname=clinic user={role} sslmode={mode} sslrootcert={authority} connect_timeout=5"
    done = subprocess.run(
        ["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", login, "-c", sql],
        env={"PATH": os.environ["PATH"], "PGPASSWORD": password, "HOME": str(site.root)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else f"refused: {done.stderr.strip()}"


def test_a_database_stands_on_its_host_until_it_is_destroyed(site: Site, database: Certificate) -> None:
    foreseen = site.run("preview")
    assert "host-1: would change: records is set up here" in told(foreseen)
    site.run("up")
    assert psql(site, database, "clinic_owner", OWNER, "create table t (a int); insert into t values (7)") != ""
    assert psql(site, database, "report", READER, "select a from t") == "7"
    assert "permission denied" in psql(site, database, "report", READER, "delete from t")
    assert site.operations(site.run("up")) == {"same"}
