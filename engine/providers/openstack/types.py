"""What is known of each type: its properties, which of them replace, and what the cloud fills in (data in types.json).

The facts are those of pulumi-openstack 5.5 (its schema) and of the Terraform provider under it (defaults, choices,
sets, properties that exclude one another). A property is a few words: its type, `list` or `set` of it, `required`,
`replace` (another value is another resource), `computed` (the cloud fills it in where it is not given), `secret`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATA: Final = Path(__file__).with_name("types.json")


@dataclass(frozen=True, slots=True)
class Property:
    """One property. `type`: string, integer, boolean, map or object; `many`: "", list or set; `default` None: none."""

    type: str
    many: str = ""
    required: bool = False
    replace: bool = False
    computed: bool = False
    secret: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    fields: Mapping[str, Property] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """One type. Of `exclusive` at most one may be given, of `one_of` at least one."""

    token: str
    inputs: Mapping[str, Property]
    outputs: Mapping[str, Property]
    exclusive: tuple[tuple[str, ...], ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()


@cache
def all_facts() -> Mapping[str, TypeFacts]:
    """By token (`openstack:networking/network:Network`)."""
    return {token: _facts(token, data) for token, data in json.loads(_DATA.read_text(encoding="utf-8")).items()}


def _facts(token: str, data: dict[str, Any]) -> TypeFacts:
    return TypeFacts(
        token,
        {name: _property(said) for name, said in data["inputs"].items()},
        {name: _property(said) for name, said in data["outputs"].items()},
        tuple(map(tuple, data.get("exclusive", ()))),
        tuple(map(tuple, data.get("one of", ()))),
    )


def _property(said: str | dict[str, Any]) -> Property:
    more: dict[str, Any] = said if isinstance(said, dict) else {"is": said}
    words = more["is"].split()
    many = next((word for word in words if word in ("list", "set")), "")
    kind = next(word for word in words if word in ("string", "integer", "boolean", "map", "object"))
    return Property(
        kind,
        many,
        required="required" in words,
        replace="replace" in words,
        computed="computed" in words,
        secret="secret" in words,
        default=more.get("default"),
        choices=tuple(more.get("choices", ())),
        fields={name: _property(inner) for name, inner in more.get("fields", {}).items()},
    )
