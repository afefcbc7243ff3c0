"""What a kubeconfig's user shows to the API server: certificates, tokens, and what an exec plugin gives.

Protocol of the plugins: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from urllib3 import HTTPHeaderDict

from engine.provider import ProviderError

if TYPE_CHECKING:
    from engine.providers.kubernetes.kubeconfig import ClusterAccess

_TIMEOUT_S: Final = 60.0
_EARLY_S: Final = 30.0
_UNTIL_REFUSED_S: Final = 24 * 3600.0
_TOKEN_FILE_LIFETIME_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class ExecCredential:
    """What a plugin answered: a token, or a client certificate with its key (PEM), and how long it may be used."""

    token: str = field(default="", repr=False)
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    lifetime_s: float = _UNTIL_REFUSED_S


def exec_credential(plugin: dict[str, Any]) -> ExecCredential:
    """Run the plugin; ProviderError (never with its output, which may hold a secret) when it gives no credential."""
    command = [str(plugin.get("command") or ""), *map(str, plugin.get("args") or [])]
    version = str(plugin.get("apiVersion") or "client.authentication.k8s.io/v1")
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    extra = {str(item["name"]): str(item["value"]) for item in plugin.get("env") or []}
    environment = os.environ | extra | {"KUBERNETES_EXEC_INFO": json.dumps(info)}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=_TIMEOUT_S, check=True)
        status = json.loads(done.stdout)["status"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        hint = f" ({plugin['installHint']})" if plugin.get("installHint") else ""
        raise ProviderError(
            f"the kubeconfig's exec plugin {command[0]!r} gave no credential: {type(error).__name__}{hint}"
        ) from None
    lifetime_s = _UNTIL_REFUSED_S
    if until := status.get("expirationTimestamp"):
        lifetime_s = max(0.0, (datetime.fromisoformat(until) - datetime.now(UTC)).total_seconds() - _EARLY_S)
    return ExecCredential(
        token=status.get("token") or "",
        certificate=(status.get("clientCertificateData") or "").encode(),
        key=(status.get("clientKeyData") or "").encode(),
        lifetime_s=lifetime_s,
    )


class Credentials:
    """The current credentials of one user, renewed when they run out; thread-safe."""

    def __init__(self, access: ClusterAccess) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._token = access.token
        self._until = 0.0 if access.exec_plugin or access.token_file else float("inf")
        self.certificate = (access.certificate, access.key)

    def headers(self) -> HTTPHeaderDict:
        """Headers of a request in this user's name; `certificate` is current afterwards too."""
        headers = HTTPHeaderDict({"Accept": "application/json", "User-Agent": "onshore-engine"})
        for name, value in self._access.impersonate:
            headers.add(name, value)
        if token := self._bearer():
            headers["Authorization"] = f"Bearer {token}"
        elif self._access.username:
            pair = f"{self._access.username}:{self._access.password}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        return headers

    def renew(self) -> bool:
        """Ask the exec plugin again at the next request, the server refused what it gave; False without a plugin."""
        if self._access.exec_plugin:
            self._until = 0.0
        return self._access.exec_plugin is not None

    def _bearer(self) -> str:
        with self._lock:
            if time.monotonic() < self._until:
                return self._token
            if self._access.exec_plugin:
                credential = exec_credential(self._access.exec_plugin)
                self._token, self._until = credential.token, time.monotonic() + credential.lifetime_s
                if credential.certificate:
                    self.certificate = (credential.certificate, credential.key)
            else:
                self._token = _token_from(self._access.token_file)
                self._until = time.monotonic() + _TOKEN_FILE_LIFETIME_S
            return self._token


def tls_context(authority: bytes, certificate: bytes, key: bytes, *, insecure: bool) -> ssl.SSLContext:
    """TLS that trusts the authority (empty: the system's) and shows the certificate, all PEM. Raises ProviderError."""
    try:
        context = ssl.create_default_context(cadata=authority.decode() or None)
        # Go's verifier, for which clusters' certificates are made, does not ask for key identifiers in authorities.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            # The ssl module only reads keys from files: a private one that is gone right after.
            with tempfile.NamedTemporaryFile() as file:
                file.write(certificate + b"\n" + key)
                file.flush()
                context.load_cert_chain(file.name)
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ProviderError(f"kubeconfig: a certificate or key is not valid PEM ({reason})") from None
    return context


def _token_from(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ProviderError(f"kubeconfig: tokenFile {path}: {error.strerror or error}") from None
