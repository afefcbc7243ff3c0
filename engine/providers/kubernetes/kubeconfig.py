"""A kubeconfig, given as text, path or map, and the one cluster its selected context leads to.

Form: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. What is not supported is refused by name.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.provider import ProviderError

Document = dict[str, Any]

_CLUSTER_FIELDS: Final = {
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "certificate-authority",
    "certificate-authority-data",
    "disable-compression",
    "extensions",
}
_USER_FIELDS: Final = {
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "token",
    "tokenFile",
    "as",
    "as-uid",
    "as-groups",
    "as-user-extra",
    "username",
    "password",
    "exec",
    "extensions",
}


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """Where the API server is and how to speak to it; certificates are PEM bytes, `exec_plugin` the user's exec map."""

    server: str
    namespace: str = "default"
    authority: bytes = b""
    tls_server_name: str = ""
    insecure: bool = False
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    impersonate: tuple[tuple[str, str], ...] = ()
    exec_plugin: Document | None = None


def read_kubeconfig(value: Any) -> tuple[Document, Path]:
    """The document, and the folder its relative paths start from.

    `value`: the content, the path of a file (`~` is expanded), or a map. Raises ProviderError when it is unreadable.
    """
    if isinstance(value, dict):
        return value, Path.cwd()
    text, folder = str(value or ""), Path.cwd()
    if not text.strip():
        return {}, folder
    if "\n" not in text and not text.lstrip().startswith("{"):
        path = Path(text).expanduser()
        try:
            text, folder = path.read_text(), path.absolute().parent
        except OSError as error:
            raise ProviderError(f"failed to read kubeconfig {path}: {error.strerror or error}") from None
    document = _parse(text)
    if not isinstance(document, dict):
        raise ProviderError("failed to parse kubeconfig: it is not a map")
    return document, folder


def _parse(text: str) -> Any:
    import yaml  # noqa: PLC0415 - only needed once a cluster is

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ProviderError(f"failed to parse kubeconfig: no YAML{where}") from None  # the text may hold credentials


def _named(document: Document, section: str, name: str, inner: str) -> Document | None:
    for item in document.get(section) or []:
        if isinstance(item, dict) and item.get("name") == name:
            value = item.get(inner)
            return value if isinstance(value, dict) else {}
    return None


def active_cluster(document: Document, *, context: str = "", cluster: str = "") -> Document | None:
    """The cluster the selected context leads to; None when the kubeconfig does not say."""
    selected = _named(document, "contexts", context or str(document.get("current-context") or ""), "context")
    if selected is None:
        return None
    return _named(document, "clusters", cluster or str(selected.get("cluster") or ""), "cluster")


def cluster_access(document: Document, folder: Path, *, context: str = "", cluster: str = "") -> ClusterAccess:
    """How to reach the selected cluster. Raises ProviderError that names every fault of the kubeconfig at once."""
    if not document:
        raise ProviderError("no kubeconfig: set the provider's `kubeconfig` (content or path), or KUBECONFIG")
    name = context or str(document.get("current-context") or "")
    selected = _named(document, "contexts", name, "context")
    if selected is None:
        raise ProviderError(f"kubeconfig has no context {name!r}" if name else "kubeconfig has no current-context")
    cluster_name = cluster or str(selected.get("cluster") or "")
    found = _named(document, "clusters", cluster_name, "cluster")
    if found is None:
        raise ProviderError(f"kubeconfig has no cluster {cluster_name!r}")
    user_name = str(selected.get("user") or "")
    user = _named(document, "users", user_name, "user") if user_name else {}
    if user is None:
        raise ProviderError(f"kubeconfig has no user {user_name!r}")
    faults = [f"cluster {cluster_name!r}: {key} is not supported" for key in sorted(found.keys() - _CLUSTER_FIELDS)]
    faults += [f"user {user_name!r}: {key} is not supported" for key in sorted(user.keys() - _USER_FIELDS)]
    if not str(found.get("server") or "").startswith(("https://", "http://")):
        faults.append(f"cluster {cluster_name!r}: server must be an http(s) URL")
    if faults:
        raise ProviderError("kubeconfig: " + "; ".join(faults))
    return ClusterAccess(
        server=str(found["server"]).rstrip("/"),
        namespace=str(selected.get("namespace") or "default"),
        authority=_content(found, "certificate-authority", folder),
        tls_server_name=str(found.get("tls-server-name") or ""),
        insecure=found.get("insecure-skip-tls-verify") is True,
        certificate=_content(user, "client-certificate", folder),
        key=_content(user, "client-key", folder),
        token=str(user.get("token") or ""),
        token_file=str(folder / user["tokenFile"]) if user.get("tokenFile") else "",
        username=str(user.get("username") or ""),
        password=str(user.get("password") or ""),
        impersonate=_impersonation(user),
        exec_plugin=user.get("exec"),
    )


def _content(section: Document, key: str, folder: Path) -> bytes:
    """PEM bytes from `<key>-data` (base64) or from the file that `<key>` names."""
    if data := section.get(f"{key}-data"):
        try:
            return base64.b64decode(data, validate=False)
        except (binascii.Error, TypeError, ValueError):
            raise ProviderError(f"kubeconfig: {key}-data is not base64") from None
    if path := section.get(key):
        try:
            return (folder / Path(str(path)).expanduser()).read_bytes()
        except OSError as error:
            raise ProviderError(f"kubeconfig: {key} {path}: {error.strerror or error}") from None
    return b""


def _impersonation(user: Document) -> tuple[tuple[str, str], ...]:
    headers = [("Impersonate-User", user["as"])] if user.get("as") else []
    if user.get("as-uid"):
        headers.append(("Impersonate-Uid", user["as-uid"]))
    headers += [("Impersonate-Group", group) for group in user.get("as-groups") or []]
    for key, values in (user.get("as-user-extra") or {}).items():
        headers += [(f"Impersonate-Extra-{key}", value) for value in values]
    return tuple((str(name), str(value)) for name, value in headers)


def same_cluster(old: Document | None, new: Document | None) -> bool:
    """Whether two active clusters are one, as far as can be told; an unknown side is no difference."""
    if old is None or new is None:
        return True
    return json.dumps(old, sort_keys=True, default=str) == json.dumps(new, sort_keys=True, default=str)
