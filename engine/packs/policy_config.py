"""Policy pack configuration: the pack's own defaults under the user's file, checked against each policy's schema."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LEVELS: Final = ("advisory", "mandatory", "disabled", "remediate")  # in the order of the protocol's enumeration
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """One policy's level ("" keeps its own) and its properties."""

    level: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


def read_policy_config(path: Path) -> dict[str, PolicySettings]:
    """A `--policy-pack-config` file; raises EngineError when it is absent or not of its form."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(
            f"{path} cannot be read as policy configuration: {error}", fix="Name a file of JSON.", exit_code=1
        ) from error
    if not isinstance(data, dict):
        raise EngineError(
            f"{path}: policy configuration is an object of policy names", fix='Write {"policy": "mandatory"}.'
        )
    return {name: _settings(path, name, entry) for name, entry in data.items()}


def _settings(path: Path, name: str, entry: Any) -> PolicySettings:
    level, properties = "", {}
    if isinstance(entry, str):
        level = entry
    elif isinstance(entry, dict):
        level = entry.get("enforcementLevel", "")
        properties = {key: value for key, value in entry.items() if key != "enforcementLevel"}
    if not isinstance(entry, (str, dict)) or level not in ("", *LEVELS) or (name == "all" and properties):
        raise EngineError(
            f"{path}: {name}: expected an enforcement level ({', '.join(LEVELS)}) or an object with one",
            fix="Write one of them; an object's other members are for one policy, not for `all`.",
        )
    return PolicySettings(level, properties)


def merge(
    names: list[str], defaults: Mapping[str, PolicySettings], given: Mapping[str, PolicySettings]
) -> dict[str, PolicySettings]:
    """The settings of each policy: its own entry, else the one for `all`, over the pack's initial configuration."""
    merged = {}
    for name in names:
        own, everyone = given.get(name, PolicySettings()), given.get("all", PolicySettings())
        base, base_all = defaults.get(name, PolicySettings()), defaults.get("all", PolicySettings())
        level = own.level or everyone.level or base.level or base_all.level
        merged[name] = PolicySettings(level, {**base.properties, **own.properties})
    return merged


def schema_faults(properties: Mapping[str, Any], schema: Mapping[str, Any], required: list[str]) -> list[str]:
    """What does not fit; the subset of JSON schema that policies use for their configuration."""
    faults = [f"{name} is required" for name in required if name not in properties]
    for name, rules in schema.items():
        if name in properties and isinstance(rules, dict):
            faults += [f"{name}: {fault}" for fault in _value_faults(properties[name], rules)]
    return faults


def _value_faults(value: Any, rules: Mapping[str, Any]) -> list[str]:
    faults = []
    wanted = rules.get("type")
    kinds = [wanted] if isinstance(wanted, str) else list(wanted or ())
    if kinds and not any(_is(value, kind) for kind in kinds):
        return [f"Invalid type. Expected: {'/'.join(kinds)}, given: {_kind(value)}"]
    if "enum" in rules and value not in rules["enum"]:
        faults.append(f"must be one of {', '.join(map(str, rules['enum']))}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if "minimum" in rules and value < rules["minimum"]:
            faults.append(f"Must be greater than or equal to {rules['minimum']:g}")
        if "maximum" in rules and value > rules["maximum"]:
            faults.append(f"Must be less than or equal to {rules['maximum']:g}")
    if isinstance(value, str) and "pattern" in rules and not re.search(rules["pattern"], value):
        faults.append(f"Does not match pattern '{rules['pattern']}'")
    if isinstance(value, list) and isinstance(rules.get("items"), dict):
        faults += [
            f"{index}: {fault}" for index, item in enumerate(value) for fault in _value_faults(item, rules["items"])
        ]
    return faults


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, ()))


def _kind(value: Any) -> str:
    return next((kind for kind in ("boolean", "integer", *_TYPES) if _is(value, kind)), type(value).__name__)
