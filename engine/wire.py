"""Property values on the wire: protobuf Struct <-> `engine.values` (`pkg/resource/plugin/rpc.go`).

Numbers are doubles on the wire; whole ones come back as int. Unknown values have seven typed sentinels, all of which
are `UNKNOWN` here; it is always sent as the string sentinel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from google.protobuf import struct_pb2

from engine.values import (
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    UNKNOWN,
    UNKNOWN_SENTINEL,
    Archive,
    Asset,
    PropertyMap,
    ResourceReference,
    Secret,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
REFERENCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_SENTINELS: Final = frozenset(
    {
        UNKNOWN_SENTINEL,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_SENTINEL_LENGTH: Final = 36
# encoding/json of Go prints a double below this without an exponent; so only those become int.
_INTEGER_LIMIT: Final = 1e21


def from_struct(struct: struct_pb2.Struct) -> PropertyMap:
    """The properties in a Struct; raises ValueError for a signature we do not know and a malformed special value."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if len(text) == _SENTINEL_LENGTH and text in UNKNOWN_SENTINELS else text
    if kind == "struct_value":
        fields = value.struct_value.fields
        plain = {key: _from_value(item) for key, item in fields.items()}
        return from_signature(plain) if SIGNATURE_KEY in plain else plain
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    if kind == "number_value":
        return whole(value.number_value)
    if kind == "bool_value":
        return value.bool_value
    return None


def whole(number: float) -> float | int:
    """A number as JSON would print it: an int when it has no fraction."""
    return int(number) if number.is_integer() and abs(number) < _INTEGER_LIMIT else number


def from_signature(plain: Mapping[str, Any]) -> Any:
    """The special value that an object with a signature key stands for; its members are decoded already."""
    signature = plain[SIGNATURE_KEY]
    if signature == SECRET_SIGNATURE:
        return Secret(_member(plain, "value", "secret"))
    if signature == ASSET_SIGNATURE:
        return Asset(plain.get("hash", ""), plain.get("text"), plain.get("path"), plain.get("uri"))
    if signature == ARCHIVE_SIGNATURE:
        return Archive(plain.get("hash", ""), plain.get("assets"), plain.get("path"), plain.get("uri"))
    if signature == REFERENCE_SIGNATURE:
        # Without an id it is a component; an empty one is not known yet.
        identity = (plain["id"] or UNKNOWN) if "id" in plain else None
        return ResourceReference(_member(plain, "urn", "resource reference"), identity, plain.get("packageVersion", ""))
    if signature == OUTPUT_SIGNATURE:
        inner = plain.get("value", UNKNOWN)
        return Secret(inner) if plain.get("secret") and not isinstance(inner, Secret) else inner
    raise ValueError(f"a value has the signature {signature!r}, which this engine does not know")


def _member(plain: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in plain:
        raise ValueError(f"malformed {what}: it has no {name!r}")
    return plain[name]


class _Mode(NamedTuple):
    secrets: bool
    references: bool
    unknowns: bool


def to_struct(
    properties: Mapping[str, Any], *, secrets: bool = True, references: bool = True, unknowns: bool = True
) -> struct_pb2.Struct:
    """Properties as a Struct; without `secrets` they are sent bare, without `references` as id or URN.

    Raises ValueError for an unknown when there may be no `unknowns` (none may reach a provider outside a preview), and
    TypeError for what is no property value.
    """
    struct = struct_pb2.Struct()
    _fill(struct.fields, properties, _Mode(secrets, references, unknowns))
    return struct


def _fill(fields: Any, properties: Mapping[str, Any], mode: _Mode) -> None:
    for key, value in properties.items():
        _set(fields[key], value, mode)


def _set(target: Any, value: Any, mode: _Mode) -> None:
    # Exact classes, the frequent ones first: this runs for every leaf of every resource.
    kind = value.__class__
    if kind is str:
        target.string_value = value
    elif kind is dict:
        target.struct_value.SetInParent()
        _fill(target.struct_value.fields, value, mode)
    elif kind is bool:
        target.bool_value = value
    elif kind is int or kind is float:
        target.number_value = value
    elif value is None:
        target.null_value = 0
    elif kind is list or kind is tuple:
        target.list_value.SetInParent()
        values = target.list_value.values
        for item in value:
            _set(values.add(), item, mode)
    else:
        _set_special(target, value, mode)


def _set_special(target: Any, value: Any, mode: _Mode) -> None:
    if isinstance(value, str):
        target.string_value = str.__str__(value)  # an enumeration's member: its value, not its name
    elif isinstance(value, Unknown) and not mode.unknowns:
        raise ValueError("a value that is still unknown was about to reach a provider outside a preview")
    elif isinstance(value, Secret) and not mode.secrets:
        _set(target, value.value, mode)
    elif isinstance(value, ResourceReference) and not mode.references:
        _set(target, value.urn if value.id is None else value.id, mode)
    else:
        _set(target, signed(value), mode)


def signed(value: Any) -> Any:
    """A special value as the plain object (or sentinel) that stands for it; members stay as they are."""
    if isinstance(value, Unknown):
        return UNKNOWN_SENTINEL
    if isinstance(value, Secret):
        return {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value.value}
    if isinstance(value, Asset):
        return _without_none(ASSET_SIGNATURE, hash=value.hash, text=value.text, path=value.path, uri=value.uri)
    if isinstance(value, Archive):
        return _without_none(ARCHIVE_SIGNATURE, hash=value.hash, assets=value.assets, path=value.path, uri=value.uri)
    if isinstance(value, ResourceReference):
        plain = {SIGNATURE_KEY: REFERENCE_SIGNATURE, "urn": value.urn}
        if value.id is not None:
            plain["id"] = UNKNOWN_SENTINEL if isinstance(value.id, Unknown) else value.id
        return {**plain, "packageVersion": value.package_version}
    raise TypeError(f"{type(value).__name__} is not a property value")


def _without_none(signature: str, **members: Any) -> dict[str, Any]:
    return {SIGNATURE_KEY: signature, **{key: member for key, member in members.items() if member is not None}}


def contains_unknown(value: Any) -> bool:
    """Whether an unknown stands anywhere inside."""
    if isinstance(value, dict):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(contains_unknown(item) for item in value)
    if isinstance(value, Secret):
        return contains_unknown(value.value)
    if isinstance(value, ResourceReference):
        return isinstance(value.id, Unknown)
    return isinstance(value, Unknown)


def contains_secret(value: Any) -> bool:
    """Whether a secret stands anywhere inside."""
    if isinstance(value, dict):
        return any(contains_secret(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(contains_secret(item) for item in value)
    return isinstance(value, Secret)


def without_secrets(value: Any) -> Any:
    """The same value with every secret replaced by what it holds."""
    if isinstance(value, Secret):
        return without_secrets(value.value)
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value
