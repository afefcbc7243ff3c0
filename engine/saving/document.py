"""A stack's resources as deployment documents (`sdk/go/common/apitype/core.go`, version 3).

Field order, omissions and the secret form are those of the Pulumi CLI, so that either engine continues from the other.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from engine.errors import EngineError
from engine.saving.json_values import decode_value, encode_value
from engine.state import Deployment, PendingOperation, ResourceState
from engine.values import UNKNOWN_SENTINEL, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENGINE_VERSION: Final = "onshore-0.1.0"
_NEWEST_VERSION: Final = 4


def encode_resource(state: ResourceState, seal: Callable[[str], str]) -> dict[str, Any]:
    """One resource as the document has it, fields in canonical order, empty ones left out."""
    optional: dict[str, Any] = {
        "inputs": encode_value(state.inputs, seal),
        "outputs": encode_value(state.outputs, seal),
        "parent": state.parent,
        "protect": state.protect,
        "external": state.external,
        "dependencies": list(state.dependencies),
        "initErrors": list(state.init_errors),
        "provider": state.provider,
        "propertyDependencies": {key: list(urns) for key, urns in sorted(state.property_dependencies.items())},
        "pendingReplacement": state.pending_replacement,
        "additionalSecretOutputs": list(state.additional_secret_outputs),
        "aliases": list(state.aliases),
        "customTimeouts": {key: seconds for key, seconds in state.custom_timeouts.items() if seconds},
        "importID": state.import_id,
        "retainOnDelete": state.retain_on_delete,
        "deletedWith": state.deleted_with,
        "created": state.created,
        "modified": state.modified,
        "sourcePosition": state.source_position,
        "stackTrace": [{"sourcePosition": position} if position else {} for position in state.stack_trace],
        "ignoreChanges": list(state.ignore_changes),
        "hideDiff": list(state.hide_diff),
        "replaceOnChanges": list(state.replace_on_changes),
    }
    head: dict[str, Any] = {"urn": state.urn, "custom": state.custom}
    if state.delete:
        head["delete"] = True
    if state.id:
        head["id"] = UNKNOWN_SENTINEL if isinstance(state.id, Unknown) else state.id
    return {**head, "type": state.type, **{key: value for key, value in optional.items() if value}}


_KNOWN_FIELDS: Final = frozenset(
    [
        "urn",
        "custom",
        "delete",
        "id",
        "type",
        "inputs",
        "outputs",
        "parent",
        "protect",
        "external",
        "dependencies",
        "initErrors",
        "provider",
        "propertyDependencies",
        "pendingReplacement",
        "additionalSecretOutputs",
        "aliases",
        "customTimeouts",
        "importID",
        "retainOnDelete",
        "deletedWith",
        "created",
        "modified",
        "sourcePosition",
        "stackTrace",
        "ignoreChanges",
        "hideDiff",
        "replaceOnChanges",
    ]
)


def decode_resource(data: Mapping[str, Any], unseal: Callable[[str], str]) -> ResourceState:
    """One resource of a document; raises EngineError for a field this engine would lose."""
    if unknown := sorted(key for key, value in data.items() if key not in _KNOWN_FIELDS and value):
        raise EngineError(
            f"the state of {data.get('urn', 'a resource')} uses {', '.join(unknown)}, unsupported by this engine",
            fix="Work on this stack with the Pulumi CLI.",
        )
    return ResourceState(
        urn=data.get("urn", ""),
        type=data.get("type", ""),
        custom=data.get("custom", False),
        delete=data.get("delete", False),
        id=data.get("id", ""),
        inputs=decode_value(data.get("inputs") or {}, unseal),
        outputs=decode_value(data.get("outputs") or {}, unseal),
        parent=data.get("parent", ""),
        protect=data.get("protect", False),
        external=data.get("external", False),
        dependencies=tuple(data.get("dependencies") or ()),
        init_errors=tuple(data.get("initErrors") or ()),
        provider=data.get("provider", ""),
        property_dependencies={
            key: tuple(urns or ()) for key, urns in (data.get("propertyDependencies") or {}).items()
        },
        pending_replacement=data.get("pendingReplacement", False),
        additional_secret_outputs=tuple(data.get("additionalSecretOutputs") or ()),
        aliases=tuple(data.get("aliases") or ()),
        custom_timeouts=dict(data.get("customTimeouts") or {}),
        import_id=data.get("importID", ""),
        retain_on_delete=data.get("retainOnDelete", False),
        deleted_with=data.get("deletedWith", ""),
        created=data.get("created", ""),
        modified=data.get("modified", ""),
        source_position=data.get("sourcePosition", ""),
        stack_trace=tuple(frame.get("sourcePosition", "") for frame in data.get("stackTrace") or ()),
        ignore_changes=tuple(data.get("ignoreChanges") or ()),
        hide_diff=tuple(data.get("hideDiff") or ()),
        replace_on_changes=tuple(data.get("replaceOnChanges") or ()),
    )


def manifest(now: str) -> dict[str, str]:
    """The document's manifest; `magic` proves that the version text was not edited."""
    return {"time": now, "magic": _magic(ENGINE_VERSION), "version": ENGINE_VERSION}


def _magic(version: str) -> str:
    return hashlib.sha256(version.encode()).hexdigest() if version else ""


def secrets_provider(salt: str) -> dict[str, Any]:
    """The document's description of the passphrase manager."""
    return {"type": "passphrase", "state": {"salt": salt}}


def encode_deployment(deployment: Deployment, seal: Callable[[str], str], now: str) -> dict[str, Any]:
    """The `latest` or `deployment` object of a document."""
    document: dict[str, Any] = {"manifest": manifest(now)}
    if deployment.salt:
        document["secrets_providers"] = secrets_provider(deployment.salt)
    if deployment.resources:
        document["resources"] = [encode_resource(state, seal) for state in deployment.resources]
    if deployment.pending:
        document["pending_operations"] = [
            {"resource": encode_resource(operation.resource, seal), "type": operation.type}
            for operation in deployment.pending
        ]
    document["metadata"] = dict(deployment.metadata)
    return document


def salt_of(document: Mapping[str, Any]) -> str:
    """The salt a `latest` object names; raises EngineError for another kind of secrets provider."""
    provider = document.get("secrets_providers") or {}
    if provider.get("type", "passphrase") not in ("passphrase", ""):
        raise EngineError(
            f"the state is encrypted by {provider['type']!r}; this engine knows passphrases only",
            fix="Use the Pulumi CLI, or change it with `pulumi stack change-secrets-provider passphrase`.",
        )
    return str((provider.get("state") or {}).get("salt", ""))


def decode_deployment(document: Mapping[str, Any], unseal: Callable[[str], str]) -> Deployment:
    """A `latest` or `deployment` object; raises EngineError when its magic is wrong or something would be lost."""
    stamp = document.get("manifest") or {}
    if stamp.get("magic", "") != _magic(stamp.get("version", "")):
        raise EngineError(
            "the state's manifest does not match its checksum: it was edited or damaged; refusing to use it",
            fix="Restore it from the .bak file beside it or from the backups folder; then refresh.",
        )
    if lost := [key for key in ("snippets", "extensions") if document.get(key)]:
        raise EngineError(
            f"the state uses {', '.join(lost)}, which this engine does not support", fix="Use the Pulumi CLI."
        )
    return Deployment(
        resources=tuple(decode_resource(data, unseal) for data in document.get("resources") or ()),
        pending=tuple(
            PendingOperation(decode_resource(entry["resource"], unseal), entry["type"])
            for entry in document.get("pending_operations") or ()
        ),
        salt=salt_of(document),
        metadata=document.get("metadata") or {},
    )


def latest_of(text: str, source: str) -> Mapping[str, Any]:
    """The `latest` object of a checkpoint file, {} for a stack never deployed; raises EngineError."""
    return _body(text, source, outer="checkpoint", inner="latest")


def exported_deployment(text: str, source: str) -> Mapping[str, Any]:
    """The deployment object of an export document; raises EngineError when it is not usable."""
    return _body(text, source, outer="deployment", inner="")


def _body(text: str, source: str, *, outer: str, inner: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise EngineError(
            f"{source} is not complete JSON ({error}): it is truncated or damaged; refusing to use it",
            fix="Restore it from the .bak file beside it or from the backups folder.",
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get(outer), dict):
        raise EngineError(
            f"{source} is not a Pulumi state document: it has no {outer!r}",
            fix="Take a file of `pulumi stack export`, or of the backend's stacks folder.",
        )
    version = document.get("version", 0)
    features = sorted(document.get("features") or ())
    if not isinstance(version, int) or version > _NEWEST_VERSION or features:
        reason = f"features {', '.join(features)}" if features else f"version {version}"
        raise EngineError(
            f"{source} was written by a newer engine ({reason}; this one reads up to version {_NEWEST_VERSION})",
            fix="Work on this stack with the Pulumi CLI that wrote it.",
        )
    body: dict[str, Any] | None = document[outer].get(inner) if inner else document[outer]
    if body is None:  # never deployed
        return {}
    if wrong := _wrong_form(body):
        raise EngineError(
            f"{source} is damaged: {wrong}; refusing to use it",
            fix="Restore it from the .bak file beside it or from the backups folder.",
        )
    return body


def _wrong_form(body: object) -> str:
    """What of a deployment is not of its form, so that what stands there would be lost or not understood; or empty."""
    if not isinstance(body, dict):
        return "its deployment is no object"
    for key in ("resources", "pending_operations"):
        found = body.get(key) or []
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            return f"its {key} are no list of objects"
    return ""
