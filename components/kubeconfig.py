"""Whether the content of a kubeconfig leads to one cluster of the register, by a secure way and by itself.

It must hold one context, one cluster and one user, each by content and not by path; the server and the certificate
authority must be the register's; nothing in it may weaken TLS, lead through a proxy or run a program.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from inventories.faults import Fault, OnshoreError
from inventories.yaml_source import nearest, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventories.models import Cluster

_NAME: Final = "kubeconfig"
_FIELDS: Final = {
    "context": ("cluster", "user", "namespace", "extensions"),
    "cluster": ("server", "certificate-authority-data", "disable-compression", "extensions"),
    "user": ("token", "client-certificate-data", "client-key-data", "extensions"),
}
_WHY: Final = {
    "insecure-skip-tls-verify": "whoever answers would be believed to be the cluster",
    "tls-server-name": "the certificate would be checked for another name than the server's",
    "proxy-url": "traffic would pass a place that the register does not know",
    "exec": "a program on this machine would decide who is asked",
    "auth-provider": "a program on this machine would decide who is asked",
    "certificate-authority": "a path says nothing about the content",
    "client-certificate": "a path says nothing about the content",
    "client-key": "a path says nothing about the content",
    "tokenFile": "a path says nothing about the content",
    "as": "the deployment would act in another's name",
    "as-groups": "the deployment would act in another's name",
}
_INSTEAD: Final = {
    "certificate-authority": "put the content into `certificate-authority-data` (kubectl config view --flatten --raw)",
    "client-certificate": "put the content into `client-certificate-data` (kubectl config view --flatten --raw)",
    "client-key": "put the content into `client-key-data` (kubectl config view --flatten --raw)",
    "exec": "use a service account's token or a client certificate",
    "auth-provider": "use a service account's token or a client certificate",
    "tokenFile": "put the content into `token`",
}


def check_kubeconfig(content: str, cluster: Cluster) -> None:
    """Raise OnshoreError (`refused`) with every reason why this content may not lead to that cluster."""
    faults = kubeconfig_faults(content, cluster)
    if faults:
        raise OnshoreError(f"the kubeconfig does not lead to {cluster.id} of the register", faults, refused=True)


def kubeconfig_faults(content: str, cluster: Cluster) -> list[Fault]:
    """Every reason why this content may not lead to that cluster; never shows a value that could be secret."""
    try:
        data = parse_yaml(content.encode(), _NAME).data
    except OnshoreError as error:
        return [replace(fault, got="") for fault in error.faults]
    if not isinstance(data, dict):
        return [Fault(_NAME, "not the content of a kubeconfig", fix="give the content itself, not the path of a file")]
    faults: list[Fault] = []
    found: dict[str, Mapping[str, Any]] = {}
    for kind, known in _FIELDS.items():
        entries = _entries(data, kind)
        for index, entry in enumerate(entries):
            faults += _unknown_fields(f"{kind}s[{index}].{kind}", _content(entry, kind), known)
        if len(entries) == 1 and _content(entries[0], kind):
            found[kind] = entries[0]
        else:
            faults.append(_not_one(kind, len(entries)))
    if "cluster" in found:
        faults += _address_faults(found["cluster"]["cluster"], cluster)
    return faults if len(found) < len(_FIELDS) else _name_faults(data, found) + faults


def _entries(data: Mapping[str, Any], kind: str) -> list[Any]:
    listed = data.get(f"{kind}s")
    return listed if isinstance(listed, list) else []


def _content(entry: Any, kind: str) -> Mapping[str, Any]:
    """What an entry holds beside its name; nothing where it has not the form of one."""
    value = entry.get(kind) if isinstance(entry, dict) else None
    return value if isinstance(value, dict) else {}


def _not_one(kind: str, count: int) -> Fault:
    what = f"{count} of them, not one" if count != 1 else f"not a {kind}"
    fix = "keep one context: kubectl config view --minify --flatten --raw" if count > 1 else f"add the {kind}"
    return Fault(f"{_NAME}:{kind}s", what, fix=fix)


def _name_faults(data: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]]) -> list[Fault]:
    """The current context must be the one there is, and that must name the one cluster and the one user."""
    context = found["context"]["context"]
    told = (
        ("current-context", data.get("current-context"), "context"),
        ("contexts[0].context.cluster", context.get("cluster"), "cluster"),
        ("contexts[0].context.user", context.get("user"), "user"),
    )
    return [
        Fault(f"{_NAME}:{where}", f"not the name of its {kind}", str(got), fix=f"write {found[kind].get('name')}")
        for where, got, kind in told
        if got != found[kind].get("name")
    ]


def _unknown_fields(where: str, entry: Mapping[str, Any], known: tuple[str, ...]) -> list[Fault]:
    return [
        Fault(
            f"{_NAME}:{where}.{name}",
            "not allowed here",
            why=_WHY.get(name, ""),
            fix=_INSTEAD.get(name, "remove it" if name in _WHY else f"remove it, or: {nearest(str(name), known)}"),
        )
        for name, value in entry.items()
        if name not in known and value is not False
    ]


def _address_faults(reached: Mapping[str, Any], cluster: Cluster) -> list[Fault]:
    faults = []
    where = f"{_NAME}:clusters[0].cluster"
    server = str(reached.get("server", "")).rstrip("/")
    if server != cluster.server.rstrip("/"):
        why = f"the register says that {cluster.id} answers at {cluster.server}"
        faults.append(
            Fault(f"{where}.server", "another server", server or "none", why, "take the kubeconfig of this cluster")
        )
    digest = ca_digest(str(reached.get("certificate-authority-data", "")))
    if digest != cluster.ca_sha256:
        got = f"sha256 {digest[:16]}…" if digest else "none, or not one certificate"
        why = f"the register says that {cluster.id} has the authority sha256 {cluster.ca_sha256[:16]}…"
        fix = "take the kubeconfig of this cluster; if its authority was renewed, the register must say so first"
        faults.append(Fault(f"{where}.certificate-authority-data", "another certificate authority", got, why, fix))
    return faults


def ca_digest(data: str) -> str:
    """The sha256 of the DER of the one certificate in `certificate-authority-data`; "" when there is not just one."""
    from cryptography import x509  # noqa: PLC0415 - heavy, and only a real kubeconfig needs it
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - as above

    try:
        certificates = x509.load_pem_x509_certificates(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return ""
    if len(certificates) != 1:
        return ""
    return hashlib.sha256(certificates[0].public_bytes(Encoding.DER)).hexdigest()
