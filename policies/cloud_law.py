"""Judges a cloud resource's fields by the laws written beside its type (`inventories/resource_types/`)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from policies.keys import key_fault
from policies.subject import Violation
from policies.values import MALFORMED, UNKNOWN, Marker, at, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from inventories.models import OpenStack
    from policies.cloud_types import Law
    from policies.subject import Subject

_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_WIDEST: Final = {4: 8, 6: 32}  # bits: a wider range is more than any one network's
PRIVATE_NETWORKS: Final = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)
_NOTHING: Final[tuple[Any, ...]] = (None, "", [])
# Parts of what a region offers, by name; the second argument: the sites in the country.
_OFFERED: Final[Mapping[str, Callable[[OpenStack, frozenset[str]], Iterable[str]]]] = {
    "availability_zones": lambda offered, _: (zone.name for zone in offered.zones),
    "zones_abroad": lambda offered, home: (zone.name for zone in offered.zones if zone.site not in home),
    "images": lambda offered, _: (image.name for image in offered.images),
    "inner_networks": lambda offered, _: (net.name for net in offered.external_networks if not net.public),
    "public_networks": lambda offered, _: (net.name for net in offered.external_networks if net.public),
}
_NARROW: Final = "addresses inside, or ranges that do not cover the world"


def broken(subject: Subject, rule: str) -> Iterator[Violation]:
    """Every law under a rule that a resource does not keep."""
    for law, path, values in _laws(subject, rule):
        yield from _judged(subject, law, path, values)


def open_together(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """What only several rules together open to the world: one machine may be under all of them."""
    found = [
        (subject.urn, path, (subject.urn, whole), network)
        for subject in subjects
        for law, whole, values in _laws(subject, "EXP-001")
        if law.ranges
        for path, value in values
        if (network := _network(value)) is not None and not _is_inside(network)
    ]
    for version in _WIDEST:
        own = [(urn, path, rule, network) for urn, path, rule, network in found if network.version == version]
        for union in ipaddress.collapse_addresses(network for _, _, _, network in own):  # type: ignore[type-var]
            parts = [(urn, path, rule) for urn, path, rule, network in own if network.subnet_of(union)]  # type: ignore[arg-type]
            if union.prefixlen < _WIDEST[version] and len({rule for _, _, rule in parts}) > 1:
                got = f"{union}, the ranges of {len(parts)} rules taken together"
                yield parts[0][0], Violation(parts[0][1], got, _NARROW, public=True)


def _laws(subject: Subject, rule: str) -> Iterator[tuple[Law, str, list[tuple[str, Any]]]]:
    """The laws under a rule that hold for a resource, or for one item of it, with the values they speak of."""
    facts = subject.facts.types.cloud.facts(subject.type)
    for law in facts.laws if facts else ():
        if law.rule != rule:
            continue
        for path, base in _walk(subject.props, law.each.split("."), "") if law.each else [("", subject.props)]:
            if isinstance(base, Marker) or not isinstance(base, dict):
                yield law, path, [(path, base if base is UNKNOWN else MALFORMED)]
            elif _holds(base, law) and not _is_excused(subject, base, law):
                values = list(_walk(base, law.path.split("."), path))
                excused = any(at(base, key) not in _NOTHING for key in law.unless_set)
                missing = [value in _NOTHING for _, value in values]
                if not (excused and all(missing)):
                    yield law, join(path, law.path.replace("[]", "")) if path else law.path, values


def _holds(base: Mapping[str, Any], law: Law) -> bool:
    given = [(at(base, *key.split(".")), wanted) for key, wanted in law.when.items()]
    # Nothing or an unknown value may turn out to be what the law speaks of; some clouds take any case.
    return all(
        value is None or isinstance(value, Marker) or str(value).casefold() == str(wanted).casefold()
        for value, wanted in given
    )


def _is_excused(subject: Subject, base: Mapping[str, Any], law: Law) -> bool:
    """Only what is certain excuses: a value that stands there, and the register's word."""
    region = subject.place.region if subject.place else None
    if law.unless_vouched and region and law.unless_vouched in region.encrypted_at_rest:
        return True
    return bool(law.unless_is) and all(at(base, *key.split(".")) == wanted for key, wanted in law.unless_is.items())


def _listed(subject: Subject, name: str) -> list[str]:
    """What the register's region lists: its own lists by their names, and parts of what its OpenStack offers."""
    place = subject.place
    if place is None or place.region is None or place.provider is None:
        return []
    if name not in _OFFERED:
        return sorted(getattr(place.region, name))
    country = subject.facts.profile.country
    home = frozenset(site.id for site in place.provider.sites if site.country == country)
    return sorted(_OFFERED[name](place.region.openstack, home)) if place.region.openstack else []


def _judged(subject: Subject, law: Law, path: str, values: list[tuple[str, Any]]) -> Iterator[Violation]:
    region = subject.place.region if subject.place else None
    if law.refused:
        yield Violation("type", f"{subject.type}, {law.refused}", "nothing of this kind", public=True)
        return
    if law.vouched:
        if region is None or law.vouched not in region.encrypted_at_rest:
            allowed = f"a region of the register that encrypts its {law.vouched}"
            yield Violation("type", f"a {law.vouched} that nobody says is encrypted", allowed, public=True)
        return
    if law.optional:
        values = [(found, value) for found, value in values if value not in _NOTHING]
    if law.required and not values:
        yield Violation(path, None, _NARROW if law.ranges else "a value that is lawful")
    if law.ranges:
        yield from _ranges([(found, value) for found, value in values if value not in law.words])
        return
    if law.key:
        for found, value in values or [(path, None)]:
            yield from key_fault(subject, found, value)
        return
    for found, value in values:
        yield from _value(subject, law, found, value)


def _value(subject: Subject, law: Law, path: str, value: Any) -> Iterator[Violation]:
    if law.lawful is not None:
        if isinstance(value, Marker) or not any(type(value) is type(ok) and value == ok for ok in law.lawful):
            yield Violation(path, value, " or ".join(map(_word, law.lawful)))
    elif law.prefixes:
        if not (isinstance(value, str) and value.startswith(law.prefixes)):
            yield Violation(path, value, f"what begins with {' or '.join(law.prefixes)}")
    elif law.regions:
        yield from _region(subject, path, value)
    elif law.unlisted:
        named = _listed(subject, law.unlisted)
        if not isinstance(value, str) or value in named:
            yield Violation(path, value, f"none of the region's {_called(law.unlisted)}")
    else:
        lawful = _listed(subject, law.listed)
        if value not in lawful:
            listed = ", ".join(lawful) or "none"
            yield Violation(path, value, f"one of the region's {_called(law.listed)}: {listed}")


def _called(listed: str) -> str:
    return listed.replace("_", " ")


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
        network = _network(value)
        if network is None:
            yield Violation(path, value, _NARROW)
        elif not _is_inside(network):
            networks[network.version].append((path, network))
    for version, found in networks.items():
        for union in ipaddress.collapse_addresses(network for _, network in found):
            if union.prefixlen < _WIDEST[version]:
                path = next(path for path, network in found if network.subnet_of(union))
                yield Violation(path, f"{union}, all ranges taken together", _NARROW, public=True)


def _network(value: Any) -> _Network | None:
    try:
        return ipaddress.ip_network(value, strict=False) if isinstance(value, str) else None
    except ValueError:
        return None


def _is_inside(network: _Network) -> bool:
    return any(network.version == own.version and network.subnet_of(own) for own in PRIVATE_NETWORKS)  # type: ignore[arg-type]


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
