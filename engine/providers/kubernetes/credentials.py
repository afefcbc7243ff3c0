"""Credentials from an exec plugin, as the kubeconfig asks for.

Protocol: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from engine.provider import ProviderError

_TIMEOUT_S: Final = 60.0
_EARLY_S: Final = 30.0
_UNTIL_REFUSED_S: Final = 24 * 3600.0


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
