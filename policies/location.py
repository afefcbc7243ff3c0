"""Where a resource of a cloud would lie: its own place, else its provider's, looked up in the register."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from policies.values import MALFORMED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventories.models import Provider, Region, Register
    from policies.cloud_types import CloudPackage, TypeFacts


@dataclass(frozen=True, slots=True)
class Place:
    """A place as a program names it; `value` may be unknown, malformed or None.

    `region` and `provider` are the register's, None where it lists no such region. `own`: said by the resource itself.
    """

    path: str
    value: Any
    region: Region | None = None
    provider: Provider | None = None
    own: bool = False
    is_global: bool = False


def provider_place(package: CloudPackage, props: Mapping[str, Any], register: Register) -> Place:
    """Where a provider works, if it says so itself."""
    form = package.provider
    value = props.get(form.place) if form.place else None
    return _looked_up(package, form.place, value, _endpoint(package, props), register)


def resource_place(
    package: CloudPackage, facts: TypeFacts, props: Mapping[str, Any], provider: Mapping[str, Any], register: Register
) -> Place | None:
    """Where a resource would lie; None for a type that has no place or whose place is nobody's to judge."""
    if facts.kind == "global":
        place = provider_place(package, provider, register)
        return Place("type", "a global service", place.region, place.provider, is_global=True)
    if facts.kind not in ("regional", "zonal"):
        return None
    value, own = props.get(facts.place), True
    if value is None and facts.place in package.falls_back:
        value, own = provider.get(package.provider.place), False
    elif facts.kind == "zonal" and isinstance(value, str):
        found = re.match(package.zone_region, value) if package.zone_region else None
        value = found[1] if found else MALFORMED
    path = facts.place if own else f"provider.{package.provider.place}"
    return _looked_up(package, path, value, _endpoint(package, provider), register, own=own)


def _endpoint(package: CloudPackage, provider: Mapping[str, Any]) -> Any:
    return provider.get(package.provider.endpoint) if package.provider.endpoint else ""


def _looked_up(
    package: CloudPackage, path: str, value: Any, endpoint: Any, register: Register, *, own: bool = False
) -> Place:
    if not isinstance(value, str) or not value:
        state = value if value is None or value is UNKNOWN else MALFORMED
        return Place(path, None if value == "" else state, own=own)
    if endpoint is UNKNOWN:
        return Place(f"provider.{package.provider.endpoint}", UNKNOWN, own=own)
    if value.lower() == "global":
        return Place(path, value, own=own, is_global=True)
    if not isinstance(endpoint, str):
        return Place(path, value, own=own)
    found = register.region_at(package.name, value, endpoint)
    return Place(path, value, found[1], found[0], own) if found else Place(path, value, own=own)
