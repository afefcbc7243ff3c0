"""What a kubeconfig reaches, and by which means: an own, closed reading of the format.

Only fields known to be harmless are let through; the format is that of client-go (`clientcmd/api/v1`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import ssl
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import yaml

from policies.values import UNKNOWN

State = Literal["content", "absent", "path", "unknown", "sealed"]
_TOP: Final = frozenset({"apiVersion", "kind", "preferences", "clusters", "users", "contexts", "current-context"})
_CLUSTER: Final = frozenset({"server", "certificate-authority-data", "insecure-skip-tls-verify"})
_USER: Final = frozenset({"token", "client-certificate-data", "client-key-data"})
_CONTEXT: Final = frozenset({"cluster", "user", "namespace"})
_ONE_CERTIFICATE: Final = re.compile(
    rb"\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----)\s*\Z"
)


@dataclass(frozen=True, slots=True)
class Weakness:
    """A field of a kubeconfig that may not stand as it does; `got` is never a credential."""

    path: str
    got: str
    allowed: str


@dataclass(frozen=True, slots=True)
class Access:
    """Where a kubeconfig leads: `server` as written, `ca_sha256` of the CA certificate in DER, lowercase hex."""

    state: State
    server: str = ""
    ca_sha256: str = ""
    weaknesses: tuple[Weakness, ...] = ()


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key may stand once: two readers must not see two different servers."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        made = super().construct_mapping(node, deep=deep)
        if len(made) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return made


def read(kubeconfig: Any) -> Access:
    """The access that a provider's `kubeconfig` input gives; content only, a path is not followed."""
    if kubeconfig is UNKNOWN:
        return Access("unknown")
    if kubeconfig is None or kubeconfig == "":
        return Access("absent")
    return _read(kubeconfig) if isinstance(kubeconfig, str) else Access("path")


@lru_cache(maxsize=64)
def _read(text: str) -> Access:
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from the safe loader
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        # A colon too many in a path is no content either; the text itself is never shown.
        looks_like_content = "\n" in text.strip() or text.lstrip().startswith("{")
        fault = Weakness("kubeconfig", "text that is not YAML with each key once", "a readable kubeconfig")
        return Access("content", weaknesses=(fault,)) if looks_like_content else Access("path")
    if not isinstance(document, dict):
        return Access("path")
    return _selected(document)


def _selected(document: dict[str, Any]) -> Access:
    faults: list[Weakness] = _closed(document, _TOP, "kubeconfig")
    context, name = _only(document, "contexts", "context", faults)
    current = document.get("current-context")
    if not isinstance(current, str) or current != name:
        faults.append(Weakness("kubeconfig.current-context", "no context of this file", "the name of its one context"))
    cluster, cluster_name = _only(document, "clusters", "cluster", faults)
    user, user_name = _only(document, "users", "user", faults)
    for key, known in (("cluster", cluster_name), ("user", user_name)):
        if context.get(key) != known:
            faults.append(Weakness(f"kubeconfig.contexts[0].context.{key}", f"another {key}", f"this file's {key}"))
    faults += _closed(context, _CONTEXT, "kubeconfig.contexts[0].context")
    faults += _closed(cluster, _CLUSTER, "kubeconfig.clusters[0].cluster")
    faults += _closed(user, _USER, "kubeconfig.users[0].user")
    if cluster.get("insecure-skip-tls-verify") not in (None, False):
        faults.append(_weak_tls())
    server = cluster.get("server")
    digest = _ca_digest(cluster.get("certificate-authority-data"), faults)
    if not isinstance(server, str) or not server.startswith("https://") or _has_more_than_address(server):
        faults.append(Weakness("kubeconfig.clusters[0].cluster.server", "no plain https address", "https://host:port"))
        server = ""
    return Access("content", server, digest, tuple(faults))


def _has_more_than_address(server: str) -> bool:
    """Whether a URL carries a login, a query or a fragment: nothing of these belongs there, a login is a secret."""
    try:
        parts = urlsplit(server)
    except ValueError:
        return True
    return bool("@" in parts.netloc or parts.query or parts.fragment)


def _weak_tls() -> Weakness:
    return Weakness("kubeconfig.clusters[0].cluster.insecure-skip-tls-verify", "set", "absent: TLS is verified")


def _closed(fields: dict[str, Any], known: frozenset[str], path: str) -> list[Weakness]:
    """A weakness for each field outside the known ones (exec, auth-provider, proxy-url, files, impersonation …)."""
    strange = sorted(str(key)[:60] for key in fields if key not in known)
    return [
        Weakness(f"{path}.{key}", "a field that may not be set", f"only {', '.join(sorted(known))}") for key in strange
    ]


def _only(document: dict[str, Any], plural: str, singular: str, faults: list[Weakness]) -> tuple[dict[str, Any], Any]:
    """The one entry of a list of named entries, with its name."""
    entries = document.get(plural)
    if not isinstance(entries, list) or len(entries) != 1:
        got = f"{len(entries)} {plural}" if isinstance(entries, list) else f"no {plural}"
        faults.append(Weakness(f"kubeconfig.{plural}", got, f"exactly one {singular}"))
        return {}, None
    entry = entries[0]
    inner = entry.get(singular) if isinstance(entry, dict) else None
    if not isinstance(inner, dict) or set(entry) - {"name", singular}:
        faults.append(Weakness(f"kubeconfig.{plural}[0]", "an entry of the wrong form", f"name and {singular}"))
        return {}, None
    return inner, entry.get("name")


def _ca_digest(data: Any, faults: list[Weakness]) -> str:
    try:
        pem = base64.b64decode(data, validate=True) if isinstance(data, str) else b""
    except (binascii.Error, ValueError):
        pem = b""
    if not (digest := _digest(pem)):
        path = "kubeconfig.clusters[0].cluster.certificate-authority-data"
        faults.append(Weakness(path, "no single certificate", "one CA certificate, PEM in base64"))
    return digest


def authority_sha256(pem: Any) -> str:
    """The digest of the one CA certificate (in DER) that a text holds; empty where it holds none, or more."""
    return _digest(pem.encode("utf-8", "replace")) if isinstance(pem, str) else ""


def _digest(pem: bytes) -> str:
    found = _ONE_CERTIFICATE.match(pem)
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[1].decode("ascii"))).hexdigest() if found else ""
    except (binascii.Error, ValueError):
        return ""
