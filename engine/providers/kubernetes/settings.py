"""The provider's configuration: what its inputs mean, which are refused, and when another configuration replaces it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine.provider import CheckFailure, DiffResult, ProviderError
from engine.providers.kubernetes.kubeconfig import active_cluster, read_kubeconfig, same_cluster
from engine.providers.kubernetes.objects import plain
from engine.values import UNKNOWN

if TYPE_CHECKING:
    from engine.values import PropertyMap

_ACCESS_KEYS: Final = ("kubeconfig", "context", "cluster")
_RENDER: Final = "renders manifests to files, which only the Pulumi CLI's Kubernetes provider does"
_FLAGS: Final = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration as given; `kubeconfig` UNKNOWN only in a preview."""

    kubeconfig: Any = None
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    timeout_s: float | None = None
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    patch_force: bool = False
    upsert: bool = False
    config_map_mutable: bool = False
    secret_mutable: bool = False


def settings_of(inputs: PropertyMap) -> Settings:
    """The settings; flags may be booleans or text, and fall back to the variables the real provider reads."""
    given = plain(inputs)
    flags = {key: _flag(given, key, variable) for key, variable in _FLAGS.items()}
    client = _json_map(given.get("kubeClientSettings"))
    timeout = client.get("timeout") or os.environ.get("PULUMI_K8S_CLIENT_TIMEOUT")
    return Settings(
        kubeconfig=given.get("kubeconfig"),
        context=_text(given, "context"),
        cluster=_text(given, "cluster"),
        namespace=_text(given, "namespace"),
        timeout_s=float(timeout) if timeout else None,
        delete_unreachable=flags["deleteUnreachable"],
        skip_update_unreachable=flags["skipUpdateUnreachable"],
        patch_force=flags["enablePatchForce"],
        upsert=flags["upsertExistingObjects"],
        config_map_mutable=flags["enableConfigMapMutable"],
        secret_mutable=flags["enableSecretMutable"],
    )


def _text(given: PropertyMap, key: str) -> str:
    value = given.get(key)
    return value if isinstance(value, str) else ""


def _flag(given: PropertyMap, key: str, variable: str = "") -> bool:
    value = given.get(key)
    if value in (None, ""):
        value = os.environ.get(variable, "")
    return value is True or value == "true"


def _json_map(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError:
            raise ProviderError("kubeClientSettings is not a JSON map") from None
    return value if isinstance(value, dict) else {}


def config_failures(news: PropertyMap, *, default_provider: bool) -> tuple[CheckFailure, ...]:
    """What is wrong with a configuration, or not supported here."""
    given = plain(news)
    failures = []
    if _flag(given, "strictMode"):
        if default_provider:
            failures.append(CheckFailure("", "strict mode prohibits default provider"))
        failures += [
            CheckFailure(key, f'strict mode requires Provider "{key}" argument')
            for key in ("kubeconfig", "context")
            if not given.get(key)
        ]
    if given.get("renderYamlToDirectory"):
        failures.append(CheckFailure("renderYamlToDirectory", f"this option {_RENDER}"))
    if given.get("enableServerSideApply") in (False, "false"):
        reason = "client-side apply is not supported by this engine; use the Pulumi CLI, or leave the option out"
        failures.append(CheckFailure("enableServerSideApply", reason))
    return tuple(failures)


def diff_config(olds: PropertyMap, news: PropertyMap) -> DiffResult:
    """Whether another configuration is another cluster: then everything on it is replaced, else it is an update.

    `clusterIdentifier` decides alone where it is set on both sides; else the active cluster of the kubeconfig does.
    """
    old, new = plain(olds), plain(news)
    changed = tuple(sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)))
    if not changed:
        return DiffResult(changes=False)
    identifiers = old.get("clusterIdentifier"), new.get("clusterIdentifier")
    if all(identifiers) and identifiers[0] == identifiers[1]:
        return DiffResult(changes=True, diffs=changed)
    replaces = ["clusterIdentifier"] if all(identifiers) else []
    for key in _ACCESS_KEYS:
        if new.get(key) is UNKNOWN:
            return DiffResult(changes=True, diffs=(key,), replaces=(*replaces, key))
    replaces += [key for key in ("renderYamlToDirectory",) if key in changed]
    if not same_cluster(_active(old), _active(new)):
        replaces += [key for key in _ACCESS_KEYS if key in changed]
    return DiffResult(changes=True, diffs=changed, replaces=tuple(replaces))


def _active(config: PropertyMap) -> dict[str, Any] | None:
    document, _ = read_kubeconfig(config.get("kubeconfig"))
    return active_cluster(document, context=_text(config, "context"), cluster=_text(config, "cluster"))
