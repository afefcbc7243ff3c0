"""Checked inputs: names made up, defaults filled in, every fault at once. Pure."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, Final

from engine.provider import CheckFailure, CheckResult
from engine.providers.openstack.plain import DEFAULTS_KEY, plain
from engine.providers.openstack.rules import RULES
from engine.values import UNKNOWN, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.providers.openstack.types import Property, TypeFacts
    from engine.values import PropertyMap

_NAME: Final = "name"
_WANTED: Final = {"string": "text", "integer": "a whole number", "boolean": "true or false", "map": "a map of texts"}
_WRONG: Final = object()


def check_resource(
    facts: TypeFacts, old_inputs: PropertyMap | None, news: PropertyMap, *, logical_name: str, random_seed: bytes
) -> CheckResult:
    """The inputs to keep, as pulumi-openstack keeps them; and what is wrong with them."""
    found: list[CheckFailure] = []
    inputs = _checked(facts.inputs, news, "", found)
    given = plain(inputs)
    found += _combinations(facts, given)
    defaulted = _with_defaults(facts.inputs, inputs, _excluded(facts, given))
    if _NAME in facts.inputs and _NAME not in inputs:
        inputs[_NAME] = _kept_name(old_inputs) or f"{logical_name}-{_suffix(random_seed)}"
        defaulted.append(_NAME)
    found += [CheckFailure(where, reason) for where, reason in RULES.get(facts.token, _no_rule)(plain(inputs))]
    return CheckResult({DEFAULTS_KEY: sorted(defaulted), **inputs}, tuple(found))


def _no_rule(_inputs: PropertyMap) -> Iterator[tuple[str, str]]:
    return iter(())


def _kept_name(old_inputs: PropertyMap | None) -> str:
    old = old_inputs or {}
    return str(plain(old.get(_NAME) or "")) if _NAME in (old.get(DEFAULTS_KEY) or ()) else ""


def _suffix(random_seed: bytes) -> str:
    return hashlib.sha256(random_seed or os.urandom(16)).hexdigest()[:7]


def _checked(known: Mapping[str, Property], news: PropertyMap, at: str, found: list[CheckFailure]) -> PropertyMap:
    """The properties of one level in their types; faults go to `found`."""
    kept: PropertyMap = {}
    for name, value in news.items():
        if name.startswith("__") or value is None:
            continue
        path = f"{at}{name}"
        if name not in known:
            near = ", ".join(sorted(known))
            found.append(CheckFailure(path, f"{path} is no property of this type (it has {near})"))
            continue
        kept[name] = _value(known[name], value, path, found)
    for name, prop in known.items():
        if prop.required and name not in kept:
            found.append(CheckFailure(f"{at}{name}", f"{at}{name} is missing, and this type needs it"))
    return kept


def _value(prop: Property, value: Any, path: str, found: list[CheckFailure]) -> Any:
    if isinstance(value, Secret):
        return Secret(_value(prop, value.value, path, found))
    if value is UNKNOWN:
        return value
    if prop.many:
        if not isinstance(value, list):
            found.append(CheckFailure(path, f"{path} is a {prop.many}, got {_shown(prop, value)}"))
            return value
        return [_single(prop, item, f"{path}[{at}]", found) for at, item in enumerate(value)]
    checked = _single(prop, value, path, found)
    return Secret(checked) if prop.secret else checked


def _single(prop: Property, value: Any, path: str, found: list[CheckFailure]) -> Any:
    if isinstance(value, Secret):
        return Secret(_single(prop, value.value, path, found))
    if value is UNKNOWN:
        return value
    if prop.type == "object":
        if not isinstance(value, dict):
            found.append(CheckFailure(path, f"{path} is a map of properties, got {_shown(prop, value)}"))
            return value
        inner = _checked(prop.fields, value, f"{path}.", found)
        return {DEFAULTS_KEY: sorted(_with_defaults(prop.fields, inner, frozenset())), **inner}
    typed = _typed(prop.type, value)
    if typed is _WRONG:
        found.append(CheckFailure(path, f"{path} is {_WANTED[prop.type]}, got {_shown(prop, value)}"))
        return value
    if prop.choices and typed not in prop.choices and str(typed).lower() not in prop.choices:
        listed = ", ".join(map(str, prop.choices))
        found.append(CheckFailure(path, f"{path} is one of {listed}, got {_shown(prop, value)}"))
    return typed


def _typed(kind: str, value: Any) -> Any:
    """The value in its type, as Terraform converts: numbers and booleans to text and back."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if kind == "string":
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, (str, int, float)) else _WRONG
    if kind == "boolean":
        return (
            {"true": True, "false": False, True: True, False: False}.get(value, _WRONG) if _plainly(value) else _WRONG
        )
    if kind == "integer":
        return _whole(value)
    return _text_map(value)


def _plainly(value: Any) -> bool:
    return isinstance(value, (bool, str))


def _whole(value: Any) -> Any:
    if isinstance(value, str) and value.removeprefix("-").isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else _WRONG


def _text_map(value: Any) -> Any:
    if not isinstance(value, dict):
        return _WRONG
    typed = {key: _entry(item) for key, item in value.items() if not key.startswith("__") and item is not None}
    return _WRONG if any(item is _WRONG for item in typed.values()) else typed


def _entry(item: Any) -> Any:
    if isinstance(item, Secret):
        inner = _entry(item.value)
        return inner if inner is _WRONG else Secret(inner)
    return item if item is UNKNOWN else _typed("string", item)


def _shown(prop: Property, value: Any) -> str:
    return "[secret]" if prop.secret else repr(plain(value))


def _combinations(facts: TypeFacts, given: PropertyMap) -> Iterator[CheckFailure]:
    for group in facts.exclusive:
        both = [name for name in group if _is_set(given.get(name))]
        if len(both) > 1:
            yield CheckFailure(both[1], f"{' and '.join(both)} exclude one another: give one of them")
    for group in facts.one_of:
        if not any(_is_set(given.get(name)) for name in group):
            yield CheckFailure(group[0], f"one of {', '.join(group)} is needed")


def _is_set(value: Any) -> bool:
    return value not in (None, "", False, [], {})


def _excluded(facts: TypeFacts, given: PropertyMap) -> frozenset[str]:
    """Properties whose default must not stand beside what was given."""
    return frozenset(
        name
        for group in facts.exclusive
        for name in group
        if any(other != name and _is_set(given.get(other)) for other in group)
    )


def _with_defaults(known: Mapping[str, Property], inputs: PropertyMap, but: frozenset[str]) -> list[str]:
    """Fills in what was left out: the names of what was filled in."""
    filled = [
        name for name, prop in known.items() if prop.default is not None and name not in inputs and name not in but
    ]
    inputs.update({name: known[name].default for name in filled})
    return filled
