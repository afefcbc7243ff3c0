"""Property maps as Kubernetes objects: secrets and wire names taken off and put back, names, annotations, access."""

from __future__ import annotations

import base64
import contextlib
import os
from typing import TYPE_CHECKING, Any, Final

from engine.values import UNKNOWN, Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.values import PropertyMap

Object = dict[str, Any]

# Property names may not carry dashes, so the SDKs write these JSON schema extensions with underscores.
_DASHED: Final = {
    name.replace("-", "_"): name
    for name in (
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    )
}
_UNDERSCORED: Final = {dashed: name for name, dashed in _DASHED.items()}

INPUTS_KEY: Final = "__inputs"
INITIAL_API_VERSION_KEY: Final = "__initialApiVersion"
FIELD_MANAGER_KEY: Final = "__fieldManager"
AUTONAMED: Final = "pulumi.com/autonamed"


def plain(value: Any) -> Any:
    """The value without secret wrappers, with dashed names and whole numbers as integers; unknowns stay."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {_DASHED.get(key, key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def as_properties(value: Any) -> Any:
    """A copy of the value with the names the SDKs use."""
    if isinstance(value, dict):
        return {_UNDERSCORED.get(key, key): as_properties(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_properties(item) for item in value]
    return value


def has_unknown(value: Any) -> bool:
    """Whether an unknown stands anywhere in the value."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    return isinstance(value, (list, tuple)) and any(has_unknown(item) for item in value)


def has_secret(value: Any) -> bool:
    """Whether a secret stands anywhere in the value."""
    if isinstance(value, Secret):
        return True
    items: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(has_secret(item) for item in items)


def secret_texts(value: Any, *, inside: bool = False) -> Iterator[str]:
    """Every text that is secret, as it stands and, where it is base64, as it reads."""
    if isinstance(value, Secret):
        yield from secret_texts(value.value, inside=True)
    elif isinstance(value, dict):
        for item in value.values():
            yield from secret_texts(item, inside=inside)
    elif isinstance(value, list):
        for item in value:
            yield from secret_texts(item, inside=inside)
    elif inside and isinstance(value, str):
        yield value
        with contextlib.suppress(ValueError):
            yield base64.b64decode(value, validate=True).decode()


def mark_secrets(outputs: PropertyMap, inputs: PropertyMap) -> None:
    """Make secret in `outputs`, in place, what is secret at the same place in `inputs`.

    Objects are entered; a list with a secret anywhere is secret as a whole; a Secret's data and stringData always are.
    """
    if outputs.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in outputs and not isinstance(outputs[key], Secret):
                outputs[key] = Secret(outputs[key])
        return
    for key, given in inputs.items():
        if key not in outputs:
            continue
        if isinstance(outputs[key], dict) and isinstance(given, dict):
            mark_secrets(outputs[key], given)
        elif not isinstance(outputs[key], Secret) and has_secret(given):
            outputs[key] = Secret(outputs[key])


def left_out(olds: PropertyMap, news: PropertyMap) -> PropertyMap:
    """What of `olds` the `news` no longer speak of."""
    kept = {key: value for key, value in olds.items() if key not in news}
    for key, value in olds.items():
        if isinstance(value, dict) and isinstance(news.get(key), dict):
            kept[key] = left_out(value, news[key])
    return kept


def pluck(value: Any, *path: str | int) -> Any:
    """The value at a path of keys and indices; None where there is none."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return None
            value = value[step]
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def metadata_text(obj: Object, key: str) -> str:
    """A text field of the metadata, "" when absent or unknown."""
    value = pluck(obj, "metadata", key)
    return value if isinstance(value, str) else ""


def annotation(obj: Object, key: str) -> str:
    """An annotation's value, "" when absent or unknown."""
    value = pluck(obj, "metadata", "annotations", key)
    return value if isinstance(value, str) else ""


def annotation_true(obj: Object, key: str) -> bool:
    """Whether an annotation says "true"."""
    return annotation(obj, key) == "true"


def qualified_name(obj: Object) -> str:
    """`<namespace>/<name>`, or `<name>` for what lives in no namespace: the Pulumi id."""
    namespace, name = metadata_text(obj, "namespace"), metadata_text(obj, "name")
    return f"{namespace}/{name}" if namespace else name


def split_id(resource_id: str) -> tuple[str, str]:
    """Namespace ("" if none) and name of a Pulumi id."""
    namespace, slash, name = resource_id.partition("/")
    return (namespace, name) if slash else ("", namespace)


def is_patch(token: str, obj: Object) -> bool:
    """Whether the token is the Patch resource of the object's kind: fields of an object that somebody else owns."""
    return bool(obj.get("kind")) and token.endswith(f":{obj['kind']}Patch")


def field_manager(inputs: Object, state: PropertyMap) -> str:
    """The field manager: named by annotation, else the one in the state, else a new one of this object's own."""
    named = annotation(inputs, "pulumi.com/patchFieldManager")
    return named or str(plain(state.get(FIELD_MANAGER_KEY)) or "") or f"pulumi-kubernetes-{os.urandom(4).hex()}"


def checkpoint(live: Object, inputs: Object, given: PropertyMap, api_version: str, field_manager: str) -> PropertyMap:
    """The outputs kept in state: the live object, the checked inputs, and who applies it; secret where `given` is."""
    outputs: PropertyMap = as_properties(live)
    kept: PropertyMap = as_properties(inputs)
    mark_secrets(outputs, given)
    mark_secrets(kept, given)
    outputs[INPUTS_KEY] = kept
    outputs[INITIAL_API_VERSION_KEY] = api_version
    outputs[FIELD_MANAGER_KEY] = field_manager
    return outputs


def split_checkpoint(outputs: PropertyMap) -> tuple[Object, Object]:
    """The checked inputs and the live object of earlier outputs, both plain."""
    live = plain(outputs)
    inputs = live.pop(INPUTS_KEY, None) or {}
    for key in (INITIAL_API_VERSION_KEY, FIELD_MANAGER_KEY):
        live.pop(key, None)
    return inputs, live
