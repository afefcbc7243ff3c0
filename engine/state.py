"""A stack's recorded resources, as values and as deployment documents (`sdk/go/common/apitype/core.go`, version 3).

Field order, omissions and the secret form are those of the Pulumi CLI, so that either engine continues from the other.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from engine import wire
from engine.errors import EngineError
from engine.values import SECRET_SIGNATURE, SIGNATURE_KEY, UNKNOWN, UNKNOWN_SENTINEL, PropertyMap, Secret, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENGINE_VERSION: Final = "onshore-0.1.0"
_FLOAT_SIGNATURE: Final = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"
_NEWEST_VERSION: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class ResourceState:
    """One resource as it was last known. Times are RFC 3339 in UTC; timeouts are seconds by operation."""

    urn: str
    type: str
    custom: bool = True
    delete: bool = False
    id: str | Unknown = ""
    inputs: PropertyMap = field(default_factory=dict)
    outputs: PropertyMap = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    external: bool = False
    dependencies: tuple[str, ...] = ()
    init_errors: tuple[str, ...] = ()
    provider: str = ""
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pending_replacement: bool = False
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    hide_diff: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()

    def but(self, **changes: Any) -> ResourceState:
        """The same resource with some fields changed."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """A provider call that had begun when the state was written."""

    resource: ResourceState
    type: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack's latest state. `salt` is the passphrase manager's, "" when there is none."""

    resources: tuple[ResourceState, ...] = ()
    pending: tuple[PendingOperation, ...] = ()
    salt: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


# ---------------------------------------------------------------- values


def encode_value(value: Any, seal: Callable[[str], str]) -> Any:  # noqa: PLR0911 - one form of value each
    """A property value as JSON data, object keys sorted; `seal` encrypts a secret's JSON text."""
    if isinstance(value, dict):
        return {key: encode_value(value[key], seal) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [encode_value(item, seal) for item in value]
    if isinstance(value, Secret):
        text = json.dumps(encode_value(value.value, seal), separators=(",", ":"), ensure_ascii=False)
        return {SIGNATURE_KEY: SECRET_SIGNATURE, "ciphertext": seal(text)}
    if isinstance(value, Unknown):
        return UNKNOWN_SENTINEL
    if isinstance(value, float) and not math.isfinite(value):
        return {SIGNATURE_KEY: _FLOAT_SIGNATURE, "value": struct.pack(">d", value).hex()}
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return encode_value(wire.signed(value), seal)


def decode_value(data: Any, unseal: Callable[[str], str]) -> Any:  # noqa: PLR0911 - one form of value each
    """The property value that JSON data stands for; `unseal` decrypts to a secret's JSON text."""
    if isinstance(data, dict):
        signature = data.get(SIGNATURE_KEY)
        if signature == SECRET_SIGNATURE:
            text = data["plaintext"] if "plaintext" in data else unseal(data["ciphertext"])
            return Secret(decode_value(json.loads(text), unseal))
        if signature == _FLOAT_SIGNATURE:
            return struct.unpack(">d", bytes.fromhex(data["value"]))[0]
        plain = {key: decode_value(item, unseal) for key, item in data.items()}
        return wire.from_signature(plain) if signature is not None else plain
    if isinstance(data, list):
        return [decode_value(item, unseal) for item in data]
    if isinstance(data, float):
        return wire.whole(data)
    if isinstance(data, str) and data in wire.UNKNOWN_SENTINELS:
        return UNKNOWN
    return data


# ---------------------------------------------------------------- documents


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
    body = document[outer].get(inner) if inner else document[outer]
    return body if isinstance(body, dict) else {}


# ---------------------------------------------------------------- integrity


def integrity_faults(resources: tuple[ResourceState, ...]) -> list[str]:
    """What is wrong with a list of resources (`pkg/resource/deploy/snapshot.go`, VerifyIntegrity); empty when sound."""
    faults: list[str] = []
    seen: dict[str, ResourceState] = {}
    references: set[str] = set()
    for state in resources:
        if not state.urn or not state.type:
            faults.append(f"a resource has no URN or no type (URN {state.urn!r})")
        if not state.custom and state.id:
            faults.append(f"{state.urn} is a component and has the id {state.id!r}")
        if state.provider and not state.pending_replacement and state.provider not in references:
            faults.append(f"{state.urn} refers to the provider {state.provider}, which does not stand before it")
        faults.extend(
            f"{state.urn} refers to {urn}, which does not stand before it" for urn in _references(state) - seen.keys()
        )
        if state.urn in seen and not state.delete and not seen[state.urn].delete:
            faults.append(f"{state.urn} is recorded twice")
        if state.urn not in seen or not state.delete:
            seen[state.urn] = state
        references.add(f"{state.urn}::{state.id}")
    return faults


def _references(state: ResourceState) -> set[str]:
    urns = {state.parent, state.deleted_with, *state.dependencies}
    urns.update(urn for dependencies in state.property_dependencies.values() for urn in dependencies)
    return urns - {"", state.urn}


def verify(resources: tuple[ResourceState, ...], source: str) -> None:
    """Raises EngineError when the recorded resources contradict each other."""
    if faults := integrity_faults(resources):
        raise EngineError(
            f"snapshot integrity failure in {source}; refusing to use it: " + "; ".join(faults),
            fix="Restore an earlier file from the backups folder, or repair it with `pulumi state repair`.",
        )
