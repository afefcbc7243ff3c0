"""What the classified types of clouds are, and the laws their fields carry; a package is read when a stack uses it.

`inventories/resource_types/sdk/<package>.json` holds the types an SDK has, by the input that carries their place;
`inventories/resource_types/<package>.yaml` is the judgement on them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Literal

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Kind = Literal["regional", "zonal", "derived", "global", "clusterless", "opaque", "unclassified"]
_KINDS: Final = frozenset({"regional", "zonal", "global", "clusterless", "opaque"})
_FIELDS: Final = frozenset(
    {
        "provider",
        "classes",
        "falls_back",
        "zone_region",
        "global",
        "opaque",
        "uncertain",
        "certain",
        "within",
        "labels",
        "services",
        "laws",
    }
)
_TESTS: Final = frozenset(
    {"refused", "lawful", "prefixes", "ranges", "regions", "listed", "unlisted", "vouched", "key"}
)


@dataclass(frozen=True, slots=True)
class Law:
    """What one field (`path`, `[]` for every item) of some types must be, under a rule; exactly one test is set.

    `refused`: the type itself is unlawful, and why. `lawful`: the values allowed. `prefixes`: how they begin.
    `ranges`: not open to the world. `regions`: regions in the country. `listed`: a value that the register's region
    lists under this name (`policies.cloud_law`); `unlisted`: one that it does not. `vouched`: the region encrypts this
    kind of service. `key`: a key of the department's (`policies.keys`). It holds only where `when` says (of each item
    of `each`, where that is given); a missing value is excused where one of `unless_set` is given. `words`: names that
    stand for lawful ranges.
    `required`: no value at all is refused, for what the service then takes is not lawful; `optional`: no value is
    lawful. It does not hold where `unless_is` says so for certain, nor where the region encrypts `unless_vouched`.
    """

    rule: str
    types: tuple[str, ...]
    path: str = ""
    refused: str = ""
    lawful: tuple[Any, ...] | None = None
    prefixes: tuple[str, ...] = ()
    ranges: bool = False
    regions: bool = False
    listed: str = ""
    unlisted: str = ""
    vouched: str = ""
    key: bool = False
    when: Mapping[str, Any] = field(default_factory=dict)
    unless_set: tuple[str, ...] = ()
    each: str = ""
    words: tuple[str, ...] = ()
    required: bool = False
    optional: bool = False
    unless_is: Mapping[str, Any] = field(default_factory=dict)
    unless_vouched: str = ""


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """One type: its class, the property that carries its place, its kind of service and its laws.

    `parents`: the inputs of a derived type that name what it lies in.
    """

    kind: Kind
    place: str = ""
    service: str = ""
    laws: tuple[Law, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderForm:
    """How a package's provider names its place, what it must be told, and what it may not be.

    `authority`: the input that holds the CA certificate of its place, which the register knows by its digest.
    `required`: what the environment would decide if it were not told; `one_of`: the same of groups of which one is
    enough. `contents`: inputs that hold a certificate or key itself, not the name of a file.
    """

    place: str = ""
    endpoint: str = ""
    authority: str = ""
    credentials: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    contents: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CloudPackage:
    """All types of one SDK.

    `falls_back`: place properties that the provider's place stands in for. `labels`: properties that hold labels.
    """

    name: str
    sdk: str
    types: Mapping[str, TypeFacts]
    laws: tuple[Law, ...]
    patterns: tuple[str, ...]
    provider: ProviderForm = ProviderForm()
    falls_back: frozenset[str] = frozenset()
    zone_region: str = ""
    labels: tuple[str, ...] = ()

    @property
    def kinds(self) -> frozenset[Kind]:
        return frozenset(facts.kind for facts in self.types.values())

    @property
    def reaches_nothing(self) -> bool:
        """Whether its provider has nowhere to go: a package of values only."""
        return self.kinds <= {"clusterless"}


@dataclass(frozen=True, slots=True)
class CloudTypes:
    """The packages of a folder, each read once."""

    directory: Path
    _read: dict[str, CloudPackage | None] = field(default_factory=dict)

    def names(self) -> list[str]:
        """The packages there are, in order."""
        return sorted(path.stem for path in (self.directory / "sdk").glob("*.json"))

    def package(self, name: str) -> CloudPackage | None:
        """A package by name, None where nobody classified it; raises OnshoreError when it is not of its form."""
        # A name from outside is looked up among the files that there are: it never reaches the disk.
        if not self._read:
            self._read.update(dict.fromkeys(self.names()))
        found = self._read.get(name)
        if found is None and name in self._read:
            found = self._read[name] = load_package(self.directory, name)
        return found

    def facts(self, token: str) -> TypeFacts | None:
        """What a type is; None where it, or its package, is not listed."""
        package, _, rest = token.partition(":")
        found = self.package(package)
        return found.types.get(rest) if found else None


def load_package(directory: Path, name: str) -> CloudPackage:
    """Read both files of a package; raises OnshoreError with every fault of the folder when one is not of its form."""
    path = directory / "sdk" / f"{name}.json"
    try:
        listed = json.loads(path.read_bytes())
        path = directory / f"{name}.yaml"
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        said = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - both are safe
        return _package(name, listed, said)
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        from policies.type_forms import not_read  # noqa: PLC0415 - only what cannot be read is looked at again

        raise not_read(directory, error, path) from error


def _package(name: str, listed: Any, said: Any) -> CloudPackage:
    if set(said) - _FIELDS or not set(said["classes"].values()) <= _KINDS:
        raise ValueError("a field or class that nobody knows")
    laws = tuple(_law(law) for law in said.get("laws", []))
    services = {pattern: service for service, patterns in said.get("services", {}).items() for pattern in patterns}
    overrides = [(pattern, kind) for kind in ("opaque", "global") for pattern in said.get(kind, [])]
    parents = {token: tuple(inputs.split()) for inputs, tokens in listed.get("parents", {}).items() for token in tokens}
    for parent, tokens in said.get("within", {}).items():  # where an SDK does not ask for the parent
        parents |= dict.fromkeys(tokens, (parent,))
    # What carries data or code on to somewhere else, where nobody follows it, stays refused.
    uncertain = said.get("uncertain", ["*"])
    certain = frozenset(said.get("certain", []))

    def clear(tokens: Iterable[str]) -> frozenset[str]:
        return frozenset(
            token
            for token in tokens
            if token in certain or not any(fnmatchcase(token, pattern) for pattern in uncertain)
        )

    derived, everywhere = clear(parents), clear(listed.get("global", []))
    types: dict[str, TypeFacts] = {}
    for place, tokens in listed["types"].items():
        for token in tokens:
            placeless = "global" if token in everywhere else "derived" if token in derived else "unclassified"
            by_fact: Any = said["classes"].get(place, placeless)
            kind: Any = next((kind for pattern, kind in overrides if fnmatchcase(token, pattern)), by_fact)
            service = next((found for pattern, found in services.items() if fnmatchcase(token, pattern)), "")
            own = tuple(law for law in laws if any(fnmatchcase(token, pattern) for pattern in law.types))
            within = parents.get(token, ())
            types[token] = TypeFacts(kind, "" if place == "none" else place, service, own, within)
    return CloudPackage(
        name=name,
        sdk=listed["sdk"],
        types=types,
        laws=laws,
        patterns=(
            *services,
            *said.get("uncertain", []),
            *certain,
            *(pattern for pattern, _ in overrides),
            *(p for law in laws for p in law.types),
        ),
        provider=ProviderForm(**_tuples(said.get("provider", {}))),
        falls_back=frozenset(said.get("falls_back", [])),
        zone_region=said.get("zone_region", ""),
        labels=tuple(said.get("labels", [])),
    )


def _law(said: Any) -> Law:
    if len(_TESTS & set(said)) != 1:
        raise ValueError("a law has exactly one test")
    several = said.get("unless_set", [])
    return Law(**_tuples({**said, "unless_set": [several] if isinstance(several, str) else several}))


def _tuples(said: Any) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
