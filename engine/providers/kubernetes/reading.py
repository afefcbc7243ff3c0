"""Reading an object: refreshed in the shape of its inputs, or described for the first time (import, get)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.provider import InitFailedError, ProviderError, ReadResult
from engine.providers.kubernetes.client import ApiError
from engine.providers.kubernetes.discovery import NoSuchKindError, api_version_and_kind
from engine.providers.kubernetes.normalise import imported_inputs, normalise, prune
from engine.providers.kubernetes.objects import (
    INITIAL_API_VERSION_KEY,
    Object,
    as_properties,
    checkpoint,
    field_manager,
    mark_secrets,
    plain,
    split_checkpoint,
    split_id,
)

if TYPE_CHECKING:
    from engine.provider import ResourceId
    from engine.providers.kubernetes.cluster import Cluster
    from engine.values import PropertyMap

_GONE = ReadResult("", {})


def read_object(
    cluster: Cluster, resource: ResourceId, old_inputs: PropertyMap | None, olds: PropertyMap
) -> ReadResult:
    """The live object with inputs; id "" when it, or its kind, is gone. InitFailedError when it is not ready now."""
    namespace, name = split_id(resource.id)
    if not name:
        raise ProviderError(f"{resource.id!r} is no id: write <namespace>/<name>, or <name> without a namespace")
    given = old_inputs or {}
    shape, fresh = _shape(resource, normalise(plain(given)), split_checkpoint(olds)[1])
    try:
        live = cluster.get({**shape, "metadata": {**shape["metadata"], "namespace": namespace}}, name)
    except NoSuchKindError:
        return _GONE
    except ApiError as error:
        if error.code == 404:
            return _GONE
        raise
    inputs = imported_inputs(live, shape) if fresh else prune(live, shape)
    version = str(olds.get(INITIAL_API_VERSION_KEY) or shape["apiVersion"])
    outputs = checkpoint(live, inputs, given, version, field_manager(shape, olds))
    kept: PropertyMap = as_properties(inputs)
    mark_secrets(kept, given)
    if not fresh and not (verdict := cluster.waiter.verdict_now(shape, live)).ready:
        message = f"Resource '{name}' was created but failed to initialize"
        reasons = (message, *verdict.reasons)
        raise InitFailedError(message, id=resource.id, outputs=outputs, inputs=kept, reasons=reasons)
    return ReadResult(resource.id, outputs, kept)


def _shape(resource: ResourceId, shape: Object, old_live: Object) -> tuple[Object, bool]:
    """The old inputs with at least the object's identity, and whether nothing was known of it before."""
    if shape.get("apiVersion"):
        return shape, False
    fresh = not old_live.get("apiVersion")
    version, kind = api_version_and_kind(resource.type) if fresh else (old_live["apiVersion"], old_live["kind"])
    namespace, name = split_id(resource.id)
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **(shape.get("metadata") or {})}
    return {**shape, "apiVersion": version, "kind": kind, "metadata": metadata}, fresh
