"""Who the client is and whom it trusts, against a real TLS server that asks for client certificates."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.provider import ProviderError
from engine.providers.kubernetes.client import ApiError, Client, UnreachableError
from engine.providers.kubernetes.kubeconfig import ClusterAccess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER_NAME = "kube.example"


class Authority:
    """Issues certificates for names."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.pem = self._sign("authority", self._key, authority=True)

    def issue(self, name: str) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self._sign(name, key, authority=False), private

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> bytes:
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)


class Server:
    """Answers with who asked: the certificate's name and the headers; 401 to whom it is told to refuse."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.refused: set[str] = set()
        self.connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer.connections += 1

            def do_GET(self) -> None:
                subject = dict(pair for (pair,) in (self.connection.getpeercert() or {}).get("subject", ()))
                name = subject.get("commonName", "")
                data = json.dumps({"name": name, "headers": self.headers.items()}).encode()
                self.send_response(401 if name in outer.refused else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = folder / "server.pem"
        pair.write_bytes(b"\n".join(authority.issue(SERVER_NAME)))
        context.load_cert_chain(pair)
        context.load_verify_locations(cadata=authority.pem.decode())
        context.verify_mode = ssl.CERT_OPTIONAL

        class Secured(ThreadingHTTPServer):
            request_queue_size = 64
            daemon_threads = True

            def finish_request(self, request: Any, address: Any) -> None:
                with context.wrap_socket(request, server_side=True) as secured:
                    super().finish_request(secured, address)

            def handle_error(self, *_: object) -> None:
                """A refused handshake is what some tests are after."""

        self._server = Secured(("127.0.0.1", 0), Handler)
        self.address = f"https://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def server(authority: Authority, tmp_path: Path) -> Iterator[Server]:
    running = Server(authority, tmp_path)
    yield running
    running.close()


def ask(access: ClusterAccess) -> Any:
    client = Client(access)
    try:
        return client.request("GET", "/who")
    finally:
        client.close()


def test_the_server_must_prove_the_name_it_is_asked_for(server: Server, authority: Authority) -> None:
    named = ClusterAccess(server.address, authority=authority.pem, tls_server_name=SERVER_NAME)
    assert ask(named)["name"] == ""
    for wrong in (
        ClusterAccess(server.address, authority=authority.pem),
        ClusterAccess(server.address, authority=authority.pem, tls_server_name="other.example"),
        ClusterAccess(server.address, authority=Authority().pem, tls_server_name=SERVER_NAME),
        ClusterAccess(server.address, tls_server_name=SERVER_NAME),
    ):
        client = Client(wrong)
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            client.request("POST", "/who", {})
        assert not caught.value.unknown_outcome
        client.close()


def test_an_unverified_server_is_spoken_to_where_the_kubeconfig_says_so(server: Server) -> None:
    assert ask(ClusterAccess(server.address, insecure=True))["name"] == ""


def test_a_client_certificate_is_shown(server: Server, authority: Authority) -> None:
    certificate, key = authority.issue("admin")
    access = ClusterAccess(server.address, insecure=True, certificate=certificate, key=key)
    assert ask(access)["name"] == "admin"
    with pytest.raises(ProviderError, match="not valid PEM"):
        Client(ClusterAccess(server.address, certificate=b"no certificate", key=key))


def test_a_certificate_that_is_refused_is_renewed_and_no_connection_keeps_the_old_one(
    server: Server, authority: Authority, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        certificate, key = (part.decode() for part in authority.issue(name))
        status = {"clientCertificateData": certificate, "clientKeyData": key}
        (tmp_path / name).write_text(json.dumps({"status": status}))
    code = f"import pathlib; p = pathlib.Path({str(tmp_path)!r}); f = p / 'first'; s = p / 'second'\n"
    code += "print((f if f.exists() else s).read_text()); f.unlink(missing_ok=True)"
    client = Client(
        ClusterAccess(server.address, insecure=True, exec_plugin={"command": sys.executable, "args": ["-c", code]})
    )
    assert [client.request("GET", "/who")["name"] for _ in range(2)] == ["first", "first"]
    server.refused = {"first"}
    assert [client.request("GET", "/who")["name"] for _ in range(2)] == ["second", "second"]
    server.refused = {"second"}
    with pytest.raises(ApiError) as caught:
        client.request("GET", "/who")
    assert caught.value.code == 401
    client.close()


def test_every_group_that_is_impersonated_is_named(server: Server) -> None:
    impersonate = (("Impersonate-User", "u"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b"))
    headers = ask(ClusterAccess(server.address, insecure=True, impersonate=impersonate))["headers"]
    assert [tuple(each) for each in headers if each[0].startswith("Impersonate")] == list(impersonate)


def test_a_token_file_or_a_password_is_shown(server: Server, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t\n")
    by_file = ClusterAccess(server.address, insecure=True, token_file=str(tmp_path / "token"))
    assert ["Authorization", "Bearer t"] in ask(by_file)["headers"]
    by_password = ClusterAccess(server.address, insecure=True, username="u", password="پ")  # noqa: S106 - no real one
    assert ["Authorization", "Basic dTrZvg=="] in ask(by_password)["headers"]
    with pytest.raises(ProviderError, match="tokenFile"):
        ask(ClusterAccess(server.address, insecure=True, token_file=str(tmp_path / "absent")))


def test_many_threads_share_the_connections(server: Server) -> None:
    client = Client(ClusterAccess(server.address, insecure=True))
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: client.request("GET", "/who"), range(320)))
    client.close()
    assert len(answers) == 320
    assert 1 <= server.connections <= 32
