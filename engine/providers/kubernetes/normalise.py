"""Inputs in the form the API server stores them, so that the next diff compares like with like.

Built-in kinds are taken through their Go types (`types.json`, see `generate_types.py`): empty optional fields vanish,
quantities and byte strings become canonical, fields the type does not know are dropped. Custom resources stay as
they are. Nothing is touched where a value is still unknown.
"""

from __future__ import annotations

import base64
import binascii
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.providers.kubernetes.objects import Object, has_unknown, pluck
from engine.providers.kubernetes.quantity import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERVER_OWNED: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
_IMPORT_DROPS: Final = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
# What controllers and kubectl wrote and nobody would write as an input.
_FOREIGN_ANNOTATIONS: Final = (
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
)
_SCALARS: Final = {"s": str, "n": int, "b": bool}


class _MismatchError(Exception):
    """The value does not fit its type: the server will say so better than we could."""


@cache
def known_types() -> Any:
    """The generated document: `kinds`, `types`, `cluster_scoped`."""
    return json.loads(Path(__file__).with_name("types.json").read_bytes())


def normalise(obj: Object) -> Object:
    """A copy of the object without server-owned metadata, in the API server's form."""
    if not has_unknown(obj):
        api_version, kind = obj.get("apiVersion"), obj.get("kind")
        if api_version == "v1" and kind == "Secret":
            obj = _secret(obj)
        elif kind == "CustomResourceDefinition" and str(api_version).startswith("apiextensions.k8s.io/"):
            obj = _custom_resource_definition(obj)
        elif (type_name := known_types()["kinds"].get(f"{api_version}/{kind}")) is not None:
            try:
                obj = _struct(obj, type_name)
            except _MismatchError:
                obj = dict(obj)
    if isinstance(obj.get("metadata"), dict):
        metadata = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_OWNED}
        obj = {**obj, "metadata": metadata}
    return obj


def prune(source: Any, shape: Any) -> Any:
    """What of `source` lies inside the shape: maps by key, lists by position; other types as they are in `source`."""
    if isinstance(source, dict) and isinstance(shape, dict):
        return {key: prune(value, shape[key]) for key, value in source.items() if key in shape}
    if isinstance(source, list) and isinstance(shape, list):
        if not source or not shape:
            return []
        if type(source[0]) is not type(shape[0]):
            return source
        return [prune(value, like) for value, like in zip(source, shape, strict=False)]
    return source


def imported_inputs(live: Object, shape: Object) -> Object:
    """The inputs of an object nobody described yet: what its kind takes as input, without what the server wrote."""
    types = known_types()
    fields = types["types"].get(types["kinds"].get(f"{live.get('apiVersion')}/{live.get('kind')}"), {})
    inputs: Object = prune(live, shape) | {key: live[key] for key in fields if key in live and key != "status"}
    metadata = {key: value for key, value in inputs["metadata"].items() if key not in _IMPORT_DROPS}
    if "annotations" in metadata:
        annotations = metadata["annotations"].items()
        metadata["annotations"] = {key: value for key, value in annotations if key not in _FOREIGN_ANNOTATIONS}
    return {**inputs, "metadata": metadata}


def unknown_fields(obj: Object) -> tuple[str, ...]:
    """Paths of a built-in kind's inputs that its type does not have: misspelt, or newer than the types known here."""
    name = known_types()["kinds"].get(f"{obj.get('apiVersion')}/{obj.get('kind')}")
    return tuple(_unknown(obj, name, "")) if name and not has_unknown(obj) else ()


def _unknown(value: Any, code: str, path: str) -> Iterator[str]:
    if code.startswith("[]") and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, code[2:], f"{path}[{index}]")
    elif code.startswith("{}") and isinstance(value, dict):
        for key, item in value.items():
            yield from _unknown(item, code[2:], f"{path}.{key}")
    elif isinstance(value, dict) and (fields := known_types()["types"].get(code)) is not None:
        for key, item in value.items():
            inner = f"{path}.{key}".lstrip(".")
            if key in fields:
                yield from _unknown(item, fields[key].rstrip("?"), inner)
            else:
                yield inner


def _struct(value: Any, type_name: str) -> Object:
    if not isinstance(value, dict):
        raise _MismatchError
    fields = known_types()["types"][type_name]
    found: Object = {}
    for key, item in value.items():
        code = fields.get(key)
        if code is None or item is None:
            continue
        converted = _field(item, code.rstrip("?"))
        if code.endswith("?") and not converted:
            continue
        found[key] = converted
    return found


def _field(value: Any, code: str) -> Any:  # noqa: C901, PLR0911 - one line per code
    if code.startswith("[]"):
        if not isinstance(value, list):
            raise _MismatchError
        return [_field(item, code[2:]) for item in value]
    if code.startswith("{}"):
        if not isinstance(value, dict):
            raise _MismatchError
        return {key: _field(item, code[2:]) for key, item in value.items()}
    if code == "a":
        return value
    if code == "q":
        return _quantity(value)
    if code == "y":
        return _base64(value)
    if code in ("i", "f"):
        wanted: tuple[type, ...] = (int, str) if code == "i" else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise _MismatchError
        return value
    if (scalar := _SCALARS.get(code)) is not None:
        if type(value) is not scalar:
            raise _MismatchError
        return value
    return _struct(value, code)


def _quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _MismatchError
    try:
        return canonical(value)
    except ValueError:
        raise _MismatchError from None


def _base64(value: Any) -> str:
    try:
        return base64.b64encode(base64.b64decode(value)).decode()
    except (binascii.Error, TypeError, ValueError):
        raise _MismatchError from None


def _secret(obj: Object) -> Object:
    data = obj.get("data")
    texts = obj.get("stringData")
    obj = dict(obj)
    if isinstance(texts, dict) and texts and all(isinstance(text, str) for text in texts.values()):
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        obj["data"] = {**(data if isinstance(data, dict) else {}), **encoded}
        del obj["stringData"]
    elif isinstance(data, dict):
        obj["data"] = {key: _reencoded(value) for key, value in data.items()}
    return obj


def _reencoded(value: Any) -> Any:
    try:
        return _base64(value)
    except _MismatchError:
        return value


def _custom_resource_definition(obj: Object) -> Object:
    obj = {key: value for key, value in obj.items() if key != "status"}
    if pluck(obj, "spec", "preserveUnknownFields") is False:
        obj["spec"] = {key: value for key, value in obj["spec"].items() if key != "preserveUnknownFields"}
    return obj
