"""Checked inputs: the API server's form, a name, a namespace; secrets stay where they were."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, Final

from engine.provider import ProviderError
from engine.providers.kubernetes.normalise import normalise
from engine.providers.kubernetes.objects import (
    AUTONAMED,
    Object,
    annotation_true,
    as_properties,
    mark_secrets,
    metadata_text,
    plain,
    pluck,
)
from engine.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.values import PropertyMap

_MANAGED_BY: Final = "app.kubernetes.io/managed-by"


def check_object(
    old_inputs: PropertyMap | None,
    news: PropertyMap,
    *,
    logical_name: str,
    name_tried: str = "",
    random_seed: bytes,
    patch: bool,
    default_namespace: str,
    namespaced: Callable[[Object], bool],
) -> PropertyMap:
    """The inputs to keep. `old_inputs` empty or None: a new object, which gets a name of its own if it has none.

    `name_tried`: the name that an interrupted run had made up for it; made again under that, it is there once.
    A resource that was named and now is not stays nameless here: its diff then asks for a replacement.
    """
    obj = normalise(plain(news))
    if patch and not metadata_text(obj, "name") and pluck(obj, "metadata", "name") is not UNKNOWN:
        raise ProviderError("patch resources require the `.metadata.name` field to be set")
    named = _is_named(obj)
    if old_inputs:
        old = plain(old_inputs)
        if not named and annotation_true(old, AUTONAMED):
            obj = _named(obj, metadata_text(old, "name"))
        obj = _still_managed(obj, old)
    elif not named and not _generates_name(obj):
        obj = _named(obj, name_tried or f"{logical_name}-{_suffix(random_seed)}")
    if not _is_named(obj) and _generates_name(obj):
        raise ProviderError("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
    if default_namespace and pluck(obj, "metadata", "namespace") in (None, "") and namespaced(obj):
        obj = _with_metadata(obj, "namespace", default_namespace)
    checked: PropertyMap = as_properties(obj)
    mark_secrets(checked, news)
    return checked


def _still_managed(obj: Object, old: Object) -> Object:
    """Keep the label that older providers gave what they made by client-side apply, so that it is no change."""
    labels = pluck(obj, "metadata", "labels")
    if pluck(old, "metadata", "labels", _MANAGED_BY) != "pulumi" or labels is UNKNOWN:
        return obj
    return _with_metadata(obj, "labels", {**(labels or {}), _MANAGED_BY: "pulumi"})


def _is_named(obj: Object) -> bool:
    return pluck(obj, "metadata", "name") not in (None, "") or obj.get("metadata") is UNKNOWN


def _generates_name(obj: Object) -> bool:
    return pluck(obj, "metadata", "generateName") not in (None, "")


def _suffix(random_seed: bytes) -> str:
    if not random_seed:
        return os.urandom(4).hex()
    return hashlib.sha256(random_seed).hexdigest()[:8]


def _with_metadata(obj: Object, key: str, value: Any) -> Object:
    metadata = obj.get("metadata")
    if metadata is UNKNOWN:
        return obj
    return {**obj, "metadata": {**(metadata or {}), key: value}}


def _named(obj: Object, name: str) -> Object:
    obj = _with_metadata(obj, "name", name)
    annotations = pluck(obj, "metadata", "annotations")
    if annotations is UNKNOWN:
        return obj
    return _with_metadata(obj, "annotations", {**(annotations or {}), AUTONAMED: "true"})
