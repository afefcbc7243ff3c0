"""What a plugin client makes of values and answers: secrets for plugins without them, configuration as text, diffs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pulumi.runtime.proto import provider_pb2

from engine.provider import CheckFailure, DiffKind, DiffResult, PropertyDiff
from engine.values import Secret
from engine.wire import contains_secret, signed, without_secrets

if TYPE_CHECKING:
    from engine.values import PropertyMap, Value

_KINDS: Final[dict[int, DiffKind]] = dict(
    enumerate(("add", "add-replace", "delete", "delete-replace", "update", "update-replace"))
)
_CHANGES: Final = {provider_pb2.DiffResponse.DIFF_NONE: False, provider_pb2.DiffResponse.DIFF_SOME: True}


def mark_secrets(results: PropertyMap, like: PropertyMap) -> PropertyMap:
    """`results` with a secret at each path where `like` has one (`annotateSecrets` of the CLI)."""
    return {key: _marked(value, like[key]) if key in like else value for key, value in results.items()}


def _marked(value: Value, like: Value) -> Value:
    if isinstance(like, Secret):
        return value if isinstance(value, Secret) else Secret(value)
    if isinstance(value, dict) and isinstance(like, dict):
        return mark_secrets(value, like)
    if isinstance(value, list) and isinstance(like, list):
        # Lists of different lengths have no positions in common to go by: a secret anywhere covers the whole.
        if len(value) == len(like):
            return [_marked(item, item_like) for item, item_like in zip(value, like, strict=True)]
        return Secret(value) if contains_secret(like) else value
    return value


def config_text(value: Value) -> str:
    """A provider's configuration value as old plugins take it: text, anything else as JSON, secrets bared."""
    bare = without_secrets(value)
    return bare if isinstance(bare, str) else json.dumps(bare, separators=(",", ":"), sort_keys=True, default=signed)


def check_failures(failures: Any) -> tuple[CheckFailure, ...]:
    """What a plugin refuses."""
    return tuple(CheckFailure(failure.property, failure.reason) for failure in failures)


def diff_result(response: Any) -> DiffResult:
    """What a plugin says is different."""
    detailed = {
        path: PropertyDiff(_KINDS.get(diff.kind, "update"), diff.inputDiff)
        for path, diff in response.detailedDiff.items()
    }
    return DiffResult(
        changes=_CHANGES.get(response.changes),
        replaces=tuple(response.replaces),
        diffs=tuple(response.diffs),
        detailed=detailed if response.hasDetailedDiff else None,
        delete_before_replace=response.deleteBeforeReplace,
    )
