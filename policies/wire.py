"""From the engine's property structs to plain values, noting where secrets stood.

Signatures and sentinels are Pulumi's wire format (`sdk/go/common/resource/properties.go`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.values import MALFORMED, UNKNOWN, join

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct, Value

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a wire constant
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWNS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


def plain(struct: Struct) -> tuple[dict[str, Any], frozenset[str]]:
    """The properties as plain values, and the paths at which secrets stood.

    Secrets are unwrapped (the law sees through them), unknown values become `UNKNOWN`, whole numbers ints; assets,
    archives and signatures nobody knows become `MALFORMED`, which no check takes for lawful.
    """
    secrets: set[str] = set()
    fields = struct.fields
    return {key: _value(fields[key], "", key, secrets) for key in fields}, frozenset(secrets)


def _value(value: Value, parent: str, key: str, secrets: set[str]) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in UNKNOWNS else text
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "list_value":
        path = join(parent, key)
        return [_value(item, f"{path}[{i}]", "", secrets) for i, item in enumerate(value.list_value.values)]
    if kind != "struct_value":
        return value.bool_value if kind == "bool_value" else None
    path, fields = join(parent, key), value.struct_value.fields
    if SIGNATURE in fields:
        return _signed(fields, parent, key, secrets)
    return {name: _value(fields[name], path, name, secrets) for name in fields}


def _signed(fields: Any, parent: str, key: str, secrets: set[str]) -> Any:
    signature = fields[SIGNATURE].string_value
    if signature == SECRET:
        secrets.add(join(parent, key))
        return _value(fields["value"], parent, key, secrets) if "value" in fields else UNKNOWN
    if signature == _OUTPUT:
        if "secret" in fields and fields["secret"].bool_value:
            secrets.add(join(parent, key))
        return _value(fields["value"], parent, key, secrets) if "value" in fields else UNKNOWN
    if signature == REFERENCE:
        return fields["urn"].string_value
    return MALFORMED
