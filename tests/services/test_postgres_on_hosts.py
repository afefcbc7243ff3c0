"""A PostgreSQL database on a real host: over TLS or not at all, its backups encrypted and restorable."""

from __future__ import annotations

import json
import os
import socket
import subprocess

import pytest

from tests.embedded import told
from tests.services.site import CLIENTS, Certificate, Site, certificate_for

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
    login = (
        f"host={address} port=5432 dbname=clinic user={role} sslmode={mode} sslrootcert={authority} connect_timeout=5"
    )
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
    created = site.run("up")
    assert site.operations(created) == {"create"}
    state = json.dumps(site.engine().export_state("test")) + told(created)
    for secret in (json.dumps(OWNER)[1:-1], READER, "BEGIN PRIVATE KEY"):
        assert secret not in state

    assert "refused" not in psql(
        site, database, "clinic_owner", OWNER, "create table t (a int); insert into t values (7)"
    )
    assert psql(site, database, "report", READER, "select a from t") == "7"
    for refused in (
        psql(site, database, "report", READER, "delete from t"),
        psql(site, database, "report", "a wrong password", "select 1"),
        psql(site, database, "clinic_owner", OWNER, "select 1", mode="disable"),
        psql(site, database, "postgres", OWNER, "select 1"),
        psql(site, certificate_for(site.hosts["host-1"].address), "clinic_owner", OWNER, "select 1"),
    ):
        assert refused.startswith("refused: "), refused
    site.hosts.ssh("host-1", "cd /tmp; setsid python3 -m http.server 9999 </dev/null >/dev/null 2>&1 &")
    site.hosts.ssh(
        "host-1", "until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 9999))'; do :; done"
    )
    assert reach(site, "host-1", 5432)
    assert not reach(site, "host-1", 9999), "only declared ports are open"

    assert site.operations(site.run("up")) == {"same"}

    # everything that somebody does to it by hand is seen, and mended
    as_postgres = "runuser -u postgres -- psql -X -q -c"
    site.hosts.ssh("host-1", f"{as_postgres} 'alter role report superuser'; nft flush ruleset")
    site.hosts.ssh("host-1", "echo host all all 0.0.0.0/0 trust >>/etc/postgresql/*/records/pg_hba.conf")
    site.hosts.ssh("host-1", "touch -d 2020-01-01 /etc/onshore/services/records/backed-up")
    assert len(site.backups("host-2", BOX)) == 1
    seen = told(site.run("refresh"))
    for task in ("who may connect", "roles, grants and the database", "the firewall is as", "a backup is there"):
        assert f"drift: host-1: {task}" in seen
    assert site.operations(site.run("up")) == {"update"}
    assert "permission denied" in psql(site, database, "report", READER, "delete from t")
    assert not reach(site, "host-1", 9999)
    assert b"trust" not in site.hosts.ssh("host-1", "cat /etc/postgresql/*/records/pg_hba.conf").stdout

    backups = site.backups("host-2", BOX)
    assert len(backups) == 2
    plain = site.decrypted("host-2", BOX, backups[-1])
    assert plain.startswith(b"PGDMP")
    listed = subprocess.run(["pg_restore", "--file=-"], input=plain, capture_output=True, check=True, timeout=60)
    assert b"COPY public.t (a) FROM stdin;\n7\n" in listed.stdout
    for key in ("AGE-SECRET-KEY", READER):
        found = site.hosts.ssh("host-1", f"grep -rl -e '{key}' /etc /var/lib/postgresql /var/log 2>/dev/null || true")
        assert found.stdout == b""

    keys = "cat /var/lib/onshore-backups/.ssh/authorized_keys"
    assert b"host-1.records" in site.hosts.ssh("host-2", keys).stdout
    site.services["records"][2]["backup_host"] = "host-3"
    site.run("up")
    assert len(site.backups("host-3", BOX)) == 1, "the first backup at the new place is part of the move"
    assert b"host-1.records" not in site.hosts.ssh("host-2", keys).stdout

    destroyed = site.run("destroy")
    assert site.operations(destroyed) == {"delete"}
    assert len(site.backups("host-3", BOX)) == 2, "a last backup is made"
    assert len(site.backups("host-2", BOX)) == 2, "and all are kept"
    left = site.hosts.ssh(
        "host-1", "pgrep -x postgres; ls /etc/onshore/services /etc/onshore/sv; ls -d /etc/postgresql/*/*; true"
    )
    assert left.stdout.decode().split() == ["/etc/onshore/services:", "/etc/onshore/sv:"]
    assert site.hosts.ssh("host-3", keys).stdout == b""
    site.hosts.ssh("host-1", "pkill -f 'http.server 9999'")


def reach(site: Site, host: str, port: int) -> bool:
    """Whether anything answers on a port of a host, from this machine."""
    try:
        socket.create_connection((site.hosts[host].address, port), timeout=2).close()
    except OSError:
        return False
    return True
