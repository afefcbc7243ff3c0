"""Judges a cloud resource's fields by the laws written beside its type (`inventories/resource_types/`)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from policies.keys import key_fault
from policies.subject import Violation
from policies.values import MALFORMED, UNKNOWN, Marker, at, join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.cloud_types import Law
    from policies.subject import Subject

_WIDEST: Final = {4: 8, 6: 32}  # bits: a wider range is more than any one network's
PRIVATE_NETWORKS: Final = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)
_NARROW: Final = "addresses inside, or ranges that do not cover the world"


def broken(subject: Subject, rule: str) -> Iterator[Violation]:
    """Every law under a rule that a resource does not keep."""
    facts = subject.facts.types.cloud.facts(subject.type)
    for law in facts.laws if facts else ():
        if law.rule == rule and _holds(subject, law):
            yield from _judged(subject, law)


def _holds(subject: Subject, law: Law) -> bool:
    if law.unless_set and at(subject.props, law.unless_set) is not None:
        return False
    given = [(at(subject.props, *key.split(".")), wanted) for key, wanted in law.when.items()]
    # Nothing or an unknown value may turn out to be what the law speaks of.
    return all(value is None or isinstance(value, Marker) or value == wanted for value, wanted in given)


def _judged(subject: Subject, law: Law) -> Iterator[Violation]:
    region = subject.place.region if subject.place else None
    if law.refused:
        yield Violation("type", f"{subject.type}, {law.refused}", "nothing of this kind", public=True)
        return
    if law.vouched:
        if region is None or law.vouched not in region.encrypted_at_rest:
            allowed = f"a region of the register that encrypts its {law.vouched}"
            yield Violation("type", f"a {law.vouched} that nobody says is encrypted", allowed, public=True)
        return
    values = list(_walk(subject.props, law.path.split("."), ""))
    if law.required and not values:
        yield Violation(law.path, None, _NARROW)
    if law.ranges:
        yield from _ranges(values)
        return
    if law.key:
        for path, value in values or [(law.path, None)]:
            yield from key_fault(subject, path, value)
        return
    for path, value in values:
        yield from _value(subject, law, path, value)


def _value(subject: Subject, law: Law, path: str, value: Any) -> Iterator[Violation]:
    region = subject.place.region if subject.place else None
    if law.lawful is not None:
        if isinstance(value, Marker) or not any(type(value) is type(ok) and value == ok for ok in law.lawful):
            yield Violation(path, value, " or ".join(map(_word, law.lawful)))
    elif law.regions:
        yield from _region(subject, path, value)
    else:
        lawful = sorted(getattr(region, law.listed)) if region else []
        if value not in lawful:
            yield Violation(path, value, f"one of the region's {law.listed}: {', '.join(lawful) or 'none'}")


def _word(value: Any) -> str:
    return "nothing" if value in (None, "") else str(value).lower() if isinstance(value, bool) else repr(value)


def _walk(value: Any, way: list[str], path: str) -> Iterator[tuple[str, Any]]:
    """Every value at the end of a way; where a list is missing or empty there is none."""
    if not way:
        yield path, value
        return
    key, many = way[0].removesuffix("[]"), way[0].endswith("[]")
    found, here = at(value, key), join(path, key)
    if not many:
        yield from _walk(found, way[1:], here)
    elif isinstance(found, list):
        for index, item in enumerate(found):
            yield from _walk(item, way[1:], f"{here}[{index}]")
    elif found is not None:
        yield here, found if found is UNKNOWN else MALFORMED


def _ranges(values: list[tuple[str, Any]]) -> Iterator[Violation]:
    """All ranges of one field together: two halves of the world are the world."""
    networks: dict[int, list[tuple[str, Any]]] = {4: [], 6: []}
    for path, value in values:
        try:
            network = ipaddress.ip_network(value, strict=False) if isinstance(value, str) else None
        except ValueError:
            network = None
        if network is None:
            yield Violation(path, value, _NARROW)
        elif not any(network.version == own.version and network.subnet_of(own) for own in PRIVATE_NETWORKS):  # type: ignore[arg-type]
            networks[network.version].append((path, network))
    for version, found in networks.items():
        for union in ipaddress.collapse_addresses(network for _, network in found):
            if union.prefixlen < _WIDEST[version]:
                path = next(path for path, network in found if network.subnet_of(union))
                yield Violation(path, f"{union}, all ranges taken together", _NARROW, public=True)


def _region(subject: Subject, path: str, value: Any) -> Iterator[Violation]:
    home = subject.facts.profile.country
    endpoint = subject.place_endpoint
    known = subject.facts.register.region_at(subject.package, value, endpoint) if isinstance(value, str) else None
    if known:
        provider, region = known
        countries = {site.country for site in provider.sites if site.id in region.sites}
        if countries == {home}:
            return
    yield Violation(path, value, f"a region of the register in {home}")
