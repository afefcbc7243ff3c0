"""What a plugin client does to property values: secrets for plugins without them, configuration as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.values import Secret
from engine.wire import contains_secret, signed, without_secrets

if TYPE_CHECKING:
    from engine.values import PropertyMap, Value


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
