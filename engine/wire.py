"""Property maps to and from the protobuf Structs every Pulumi protocol carries.

Signatures and sentinels: `sdk/go/common/resource/properties.go`, `pkg/resource/plugin/rpc.go`. All numbers travel as
doubles; an integral one comes back as int, so that a state file prints `1` and not `1.0`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from google.protobuf import struct_pb2

from engine.errors import EngineError
from engine.values import (
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    UNKNOWN,
    UNKNOWN_SENTINEL,
    Archive,
    Asset,
    ResourceReference,
    Secret,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.values import PropertyMap, Value

ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

UNKNOWN_SENTINELS: Final = frozenset(
    {
        UNKNOWN_SENTINEL,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_SENTINEL_LENGTH: Final = len(UNKNOWN_SENTINEL)
# Go prints a double below this without an exponent (encoding/json), so only those become int.
_INTEGER_LIMIT: Final = 1e21


class _Mode(NamedTuple):
    secrets: bool
    unknowns: bool
    resources: bool


def to_struct(
    props: PropertyMap, *, keep_secrets: bool = True, keep_unknowns: bool = True, keep_resources: bool = True
) -> struct_pb2.Struct:
    """Encode a property map.

    `keep_secrets` False sends the bare values, `keep_resources` False a resource's id (a component's URN) in place of
    the reference. Raises EngineError for a value that has no wire form, and for an unknown when `keep_unknowns` is
    False: nothing unknown may reach a provider outside a preview.
    """
    struct = struct_pb2.Struct()
    _fill(struct.fields, props, _Mode(keep_secrets, keep_unknowns, keep_resources))
    return struct


def from_struct(struct: struct_pb2.Struct) -> PropertyMap:
    """Decode a property map; output values become their value, a Secret or UNKNOWN. Raises EngineError."""
    # A property map is never itself a signed object: one at the top level would be somebody's plain data.
    return {key: _read(value) for key, value in struct.fields.items()}


def signed_object(value: Asset | Archive | ResourceReference) -> dict[str, Value]:
    """The object with a signature that stands for a value JSON cannot say, as on the wire and in state files."""
    fields: dict[str, Value]
    match value:
        case Asset():
            fields = {"hash": value.hash or None, "text": value.text, "path": value.path, "uri": value.uri}
            signature = ASSET_SIGNATURE
        case Archive():
            fields = {"hash": value.hash or None, "assets": value.assets, "path": value.path, "uri": value.uri}
            signature = ARCHIVE_SIGNATURE
        case ResourceReference():
            fields = {"urn": value.urn, "id": value.id, "packageVersion": value.package_version or None}
            signature = RESOURCE_SIGNATURE
    return {SIGNATURE_KEY: signature, **{key: field for key, field in fields.items() if field is not None}}


def read_signed_object(fields: Mapping[str, Value]) -> Value:
    """The value a decoded object with a signature stands for. Raises EngineError when it is malformed."""
    signature = fields[SIGNATURE_KEY]
    if signature == SECRET_SIGNATURE:
        return Secret(_field(fields, "value", "secret"))
    if signature == ASSET_SIGNATURE:
        return Asset(fields.get("hash") or "", fields.get("text"), fields.get("path"), fields.get("uri"))
    if signature == ARCHIVE_SIGNATURE:
        return Archive(fields.get("hash") or "", fields.get("assets"), fields.get("path"), fields.get("uri"))
    if signature == RESOURCE_SIGNATURE:
        # An absent id says "component"; an empty one says "not known yet".
        identity = (fields["id"] or UNKNOWN) if "id" in fields else None
        return ResourceReference(
            _field(fields, "urn", "resource reference"), identity, fields.get("packageVersion", "")
        )
    if signature == OUTPUT_SIGNATURE:
        value = fields.get("value", UNKNOWN)
        return Secret(value) if fields.get("secret") and not isinstance(value, Secret) else value
    raise EngineError(
        f"a property carries the signature {signature!r}, which this engine does not know",
        fix="Use the Pulumi CLI on the same state, or a provider and SDK of a supported version.",
    )


def _field(fields: Mapping[str, Value], name: str, what: str) -> Any:
    if name not in fields:
        raise EngineError(f"malformed {what}: it has no {name!r}")
    return fields[name]


def _fill(fields: Any, props: PropertyMap, mode: _Mode) -> None:
    for key, value in props.items():
        _put(fields[key], value, mode)


def _put(target: Any, value: Value, mode: _Mode) -> None:
    # Exact classes first: this runs for every leaf of every resource.
    kind = value.__class__
    if kind is str:
        target.string_value = value
    elif kind is dict:
        if value:
            _fill(target.struct_value.fields, value, mode)
        else:
            target.struct_value.SetInParent()
    elif kind is bool:
        target.bool_value = value
    elif kind is int or kind is float:
        target.number_value = value
    elif value is None:
        target.null_value = 0
    elif kind is list or kind is tuple:
        if value:
            values = target.list_value.values
            for item in value:
                _put(values.add(), item, mode)
        else:
            target.list_value.SetInParent()
    else:
        _put_special(target, value, mode)


def _put_special(target: Any, value: Value, mode: _Mode) -> None:
    if isinstance(value, Secret):
        if mode.secrets:
            _fill(target.struct_value.fields, {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value.value}, mode)
        else:
            _put(target, value.value, mode)
    elif isinstance(value, Unknown):
        if not mode.unknowns:
            raise EngineError("a value that is still unknown was about to reach a provider outside a preview")
        target.string_value = UNKNOWN_SENTINEL
    elif isinstance(value, ResourceReference) and not mode.resources:
        _put(target, value.urn if value.id is None else value.id, mode)
    elif isinstance(value, Asset | Archive | ResourceReference):
        _fill(target.struct_value.fields, signed_object(value), mode)
    elif isinstance(value, str):
        target.string_value = str.__str__(value)  # an enumeration's member: its value, not its name
    else:
        raise EngineError(f"a property holds a {type(value).__name__}, which has no wire form")


def _read(value: Any) -> Value:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if len(text) == _SENTINEL_LENGTH and text in UNKNOWN_SENTINELS else text
    if kind == "struct_value":
        fields = {key: _read(field) for key, field in value.struct_value.fields.items()}
        return read_signed_object(fields) if SIGNATURE_KEY in fields else fields
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) < _INTEGER_LIMIT else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_read(item) for item in value.list_value.values]
    return None
