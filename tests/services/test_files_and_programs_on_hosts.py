"""A file store and a program on real hosts: reached the one declared way, and no other."""

from __future__ import annotations

import json
import ssl
import subprocess
import tarfile
import urllib.request
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from inventories.hosts import ssh_arguments
from tests.embedded import told
from tests.services.site import CLIENTS, Site, certificate_for

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = '''#!/usr/bin/python3
"""Counts in its data how often it was asked."""
import http.server, os, pathlib, ssl

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        counted = pathlib.Path("count")
        count = int(counted.read_text()) + 1 if counted.exists() else 1
        counted.write_text(str(count))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{os.environ['GREETING']} {count} {os.getuid() == 0}".encode())
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Answer)
if TLS:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["TLS_CERTIFICATE_FILE"], os.environ["TLS_PRIVATE_KEY_FILE"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
'''
ODD_NAME = "odd \udcff name\n"  # as Python writes a name that is not UTF-8
GREETING = "salaam {{ 7 }} $(id) \\'quoted\\'"


def backed_up(site: Site) -> dict[str, object]:
    return {
        "department": "health-example",
        "category": "restricted",
        "clients": [CLIENTS],
        "backup_host": "host-3",
        "backup_recipient": site.recipient(),
    }


def key(folder: Path, name: str) -> str:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name]
    subprocess.run(command, check=True, timeout=20)
    return (folder / f"{name}.pub").read_text(encoding="utf-8")


def rsync(site: Site, identity: str, *paths: str | Path) -> subprocess.CompletedProcess[str]:
    login = " ".join(["ssh", *ssh_arguments(str(site.hosts.known_hosts)), "-i", str(site.root / identity)])
    return subprocess.run(
        ["rsync", "-rt", "-e", login, *paths], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_file_store_is_reached_by_rsync_alone_and_comes_back_from_its_backup(site: Site) -> None:
    writer, reader = key(site.root, "writer"), key(site.root, "reader")
    stored = {"host": "host-2", "quota_mib": 1, "writers": [writer], "readers": [reader]}
    site.services["scans"] = ["file_store", "FileStore", backed_up(site) | stored]
    site.run("up")
    there = f"store-scans@{site.hosts['host-2'].address}"
    (site.root / ODD_NAME).write_text("seven", encoding="utf-8")
    assert rsync(site, "writer", site.root / ODD_NAME, f"{there}:").returncode == 0
    (site.root / "back").mkdir()
    assert rsync(site, "reader", f"{there}:/", site.root / "back/").returncode == 0
    assert (site.root / "back" / ODD_NAME).read_text(encoding="utf-8") == "seven"
    assert rsync(site, "reader", site.root / "onshore.yaml", f"{there}:").returncode != 0, "readers do not write"
    assert rsync(site, "writer", f"{there}:../../../../etc/hostname", site.root / "back/").returncode != 0
    shell = ["ssh", *ssh_arguments(str(site.hosts.known_hosts)), "-i", site.root / "writer", there]
    for asked in (["id"], []):
        assert (
            b"uid="
            not in subprocess.run([*shell, *asked], input=b"id\n", capture_output=True, timeout=30, check=False).stdout
        )
    (site.root / "large").write_bytes(bytes(2 * 2**20))
    assert rsync(site, "writer", site.root / "large", f"{there}:").returncode != 0, "larger than what is left"
    assert site.operations(site.run("up")) == {"same"}

    site.hosts.ssh("host-2", "chmod 777 /srv/onshore/scans/tree; rm /etc/onshore/service/scans-backup")
    seen = told(site.run("refresh"))
    assert "drift: host-2: the tree" in seen
    assert "drift: host-2: scans-backup: it is to run" in seen
    assert site.operations(site.run("up")) == {"update"}
    assert site.hosts.ssh("host-2", "stat -c %a /srv/onshore/scans/tree").stdout == b"750\n"

    assert "odd" not in told(site.run("destroy")), "names of data are nobody's to read"
    backups = site.backups("host-3", "host-2.scans")
    with tarfile.open(fileobj=BytesIO(site.decrypted("host-3", "host-2.scans", backups[-1]))) as archive:
        assert archive.extractfile(f"./{ODD_NAME}").read() == b"seven"
    assert site.hosts.ssh("host-2", "ls -d /srv/onshore/scans; id store-scans", check=False).stdout == b""


def test_a_disk_that_nobody_knows_to_be_encrypted_is_refused(site: Site) -> None:
    source = "{instrument: made up for tests, confidence: fictional}"
    setting = f"{{id: unencrypted-host-disks, value: false, note: as in production, source: {source}}}"
    text = f"extends: pakistan-cloud-first-trial\nid: strict\nsettings: [{setting}]\n"
    (site.root / "strict.yaml").write_text(text, encoding="utf-8")
    (site.root / "onshore.yaml").write_text("register: register\nprofile: strict.yaml\n", encoding="utf-8")
    stored = {"host": "host-2", "quota_mib": 1, "writers": [key(site.root, "writer")]}
    site.services["scans"] = ["file_store", "FileStore", backed_up(site) | stored]
    failed = site.attempt("up")
    assert not failed.result.ok
    assert "CRY-001 /var/lib or /srv does not lie on a disk that dm-crypt encrypts" in told(failed)
    assert site.hosts.ssh("host-2", "ls -d /srv/onshore/scans /etc/onshore/services/scans", check=False).stdout == b""


def test_a_program_answers_over_tls_as_nobody_in_particular(site: Site) -> None:
    address = site.hosts["host-1"].address
    certificate = certificate_for(address)
    served = {"host": "host-1", "port": 8443, "command": ["greet.py"]}
    site.services["greeter"] = ["host_service", "HostService", backed_up(site) | served]
    site.services["greeter"][2]["files"] = {"greet.py": PROGRAM.replace("TLS:", "False:")}
    site.secrets["greeter"] = {
        "environment": {"GREETING": GREETING},
        "tls_certificate": certificate.certificate,
        "tls_private_key": certificate.private_key,
    }
    failed = site.attempt("up")
    assert not failed.result.ok
    assert "greeter: it is started, and of use" in told(failed), "a program in plain text is never of use"

    site.services["greeter"][2]["files"] = {"greet.py": PROGRAM.replace("TLS:", "True:")}
    made = site.run("up")
    assert json.dumps(GREETING)[1:-1] not in told(made) + json.dumps(site.engine().export_state("test"))
    context = ssl.create_default_context(cadata=certificate.certificate)
    answers = [
        urllib.request.urlopen(f"https://{address}:8443", context=context, timeout=10).read().decode() for _ in range(2)
    ]
    assert answers == [f"{GREETING} {count} False" for count in (1, 2)]
    assert site.operations(site.run("up")) == {"same"}

    site.hosts.ssh("host-1", "sv down /etc/onshore/service/greeter")
    assert "drift: host-1: greeter: it runs" in told(site.run("refresh"))
    assert site.operations(site.run("up")) == {"update"}
    assert (
        urllib.request.urlopen(f"https://{address}:8443", context=context, timeout=10).read().decode().endswith("False")
    )

    site.hosts.ssh("host-1", f"touch '/srv/onshore/greeter/data/{ODD_NAME}'")
    assert "odd" not in told(site.run("destroy")), "names of data are nobody's to read"
    with pytest.raises(OSError, match=r"refused|timed out"):
        urllib.request.urlopen(f"https://{address}:8443", context=context, timeout=5)
    backups = site.backups("host-3", "host-1.greeter")
    with tarfile.open(fileobj=BytesIO(site.decrypted("host-3", "host-1.greeter", backups[-1]))) as archive:
        assert archive.extractfile("./count").read() == b"3"
    assert (
        site.hosts.ssh("host-1", "ls -d /srv/onshore/greeter /etc/onshore/sv/*; id svc-greeter", check=False).stdout
        == b""
    )
