"""How a new object says whose it is, so that one whose making was never recorded is found and not made again. Pure.

The mark is made of the URN and of the id of the provider resource, which is random and recorded in the stack's state:
no other stack has it. Instances and volumes carry it in their metadata, network objects in their description where
the program gives none, else as a tag (set by a second call, as network services take no tags at creation).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from engine.values import PropertyMap

KEY: Final = "onshore"
_PREFIX: Final = "onshore:"


def mark_of(owner: str, urn: str) -> str:
    """The mark of one resource of one stack; `owner` is the id of its provider resource."""
    return _PREFIX + hashlib.sha256(f"{owner}\n{urn}".encode()).hexdigest()[:32]


def carries(where: str, obj: dict[str, Any], mark: str) -> bool:
    """Whether an API object carries the mark."""
    if where == "metadata":
        return bool((obj.get("metadata") or {}).get(KEY) == mark)
    return bool(obj.get("description") == mark or mark in (obj.get("tags") or ()))


def is_mark(text: str) -> bool:
    """Whether a tag or a description is a mark, of whichever stack."""
    return text.startswith(_PREFIX)


def marked(where: str, body: dict[str, Any], mark: str) -> dict[str, Any]:
    """A creation's body with the mark, where there is room for it."""
    if where == "metadata":
        return {**body, "metadata": {**(body.get("metadata") or {}), KEY: mark}}
    if where == "description" and not body.get("description"):
        return {**body, "description": mark}
    return body


def needs_tag(where: str, body: dict[str, Any], mark: str) -> bool:
    """Whether the mark found no room in the body and goes into a tag."""
    return where == "description" and body.get("description") != mark


def without_mark(where: str, outputs: PropertyMap) -> PropertyMap:
    """Outputs as the program would have them: the mark is ours."""
    if where == "description" and is_mark(str(outputs.get("description") or "")):
        return {**outputs, "description": ""}
    if where == "metadata":
        return outputs | {
            name: {key: item for key, item in outputs[name].items() if key != KEY}
            for name in ("metadata", "allMetadata")
            if isinstance(outputs.get(name), dict)
        }
    return outputs
