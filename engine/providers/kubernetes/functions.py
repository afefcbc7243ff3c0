"""Functions of the package, and the tokens this provider refuses because only the Pulumi CLI's provider has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.provider import InvokeResult, ProviderError
from engine.providers.kubernetes.discovery import api_version_and_kind, is_namespaced
from engine.providers.kubernetes.normalise import known_types
from engine.providers.kubernetes.objects import pluck

if TYPE_CHECKING:
    from engine.providers.kubernetes.objects import Object

_CLI: Final = "is not supported by this engine; the Pulumi CLI does it, on the same state"
_GENERATORS: Final = ("kubernetes:helm.sh/", "kubernetes:kustomize/", "kubernetes:yaml/", "kubernetes:yaml:")
_DECODE: Final = "kubernetes:yaml:decode"
_FUNCTIONS: Final = ("kubernetes:helm:template", "kubernetes:kustomize:directory")


def refuse_unsupported(token: str) -> None:
    """Raise ProviderError for tokens that are no object of the API server: charts, generators and lists."""
    if token.startswith(_GENERATORS):
        raise ProviderError(f"{token} {_CLI}")
    version, kind = api_version_and_kind(token)
    if kind.endswith("List") and f"{version}/{kind.removesuffix('List')}" in known_types()["kinds"]:
        raise ProviderError(f"{token} is a list, which cannot be created: use the resources it would hold")


def call_function(token: str, args: dict[str, Any]) -> InvokeResult:
    """The result of a function. Raises ProviderError for those that are not there, by name."""
    if token == _DECODE:
        return InvokeResult({"result": _decode(str(args.get("text") or ""), str(args.get("defaultNamespace") or ""))})
    if token in _FUNCTIONS:
        raise ProviderError(f"{token} {_CLI}")
    raise ProviderError(f'unknown Invoke type "{token}"')


def _decode(text: str, default_namespace: str) -> list[Object]:
    import yaml  # noqa: PLC0415 - only for this function

    try:
        objects = [document for document in yaml.safe_load_all(text) if document]
    except yaml.YAMLError as error:
        raise ProviderError(f"kubernetes:yaml:decode: {error}") from None
    if not all(isinstance(obj, dict) for obj in objects):
        raise ProviderError("kubernetes:yaml:decode: each document must be a mapping")
    for obj in objects:
        if default_namespace and not pluck(obj, "metadata", "namespace") and is_namespaced(obj, None):
            obj["metadata"] = {**(obj.get("metadata") or {}), "namespace": default_namespace}
    return objects
