"""Reads the resource types of unpacked Pulumi SDK packages, and which inputs carry each one's place, into data.

`python tools/resource_type_tokens.py DESTINATION FOLDER...`; each folder holds one unpacked SDK (see README.md).
Nothing of an SDK is imported: tokens and inputs are read from the generated source.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_PLACES = ("region", "location", "zone", "availabilityZone")  # the first that a type has is its place
_GROUPS = ("resource_group_name", "resource_group_id")  # a group holds resources of any place
_NO_NAMES = ("display_name", "document", "key", "type", "phone_number", "target", "destination")  # of nothing placed
_LEFT = frozenset((*_GROUPS, *_NO_NAMES))
_CLASS = re.compile(
    r"^class (\w+?)(?:Init)?Args:\n    def __init__\(__self__(?:, \*,)?(.*?)\):\n", re.MULTILINE | re.DOTALL
)
_TOKEN = re.compile(r"super\((\w+), __self__\)\.__init__\(\n\s+'([^':]+:[^']+:[^']+)'")
# The id under which a resource is imported, as its documentation shows it: Google's say `global` for what has no place.
_IMPORTED = re.compile(r"\$ pulumi import [^\s:]+:([^\s:]+:\S+) \S+ (\S+)")
_GLOBAL = re.compile(r"(^|/)global/")
_PLACED = re.compile(r"(^|/)(locations|regions|zones)/\{\{|\{\{(location|region|zone)\}\}")
_NEEDED = re.compile(r"(\w+): pulumi\.Input\[_builtins\.str\],?$")


@dataclass(frozen=True)
class _Type:
    """A type by its token without the package, the input that is its place, all its inputs and those it needs."""

    token: str
    place: str
    inputs: frozenset[str]
    needed: tuple[str, ...]

    @property
    def module(self) -> str:
        return re.split("[/:]", self.token)[0].lower()

    @property
    def kind(self) -> str:
        return self.token.rsplit(":", 1)[1].lower()


def read(package: Path) -> tuple[dict[str, list[str]], dict[str, list[str]], list[str]]:
    """Types by the input that is their place (`none`: they have none), those that lie where others do, and global ones.

    The second is by the inputs that name those others, joined by a space. The third have none, and their ids say so.
    """
    found = sorted(_types(package), key=lambda found: found.token)
    places: dict[str, list[str]] = defaultdict(list)
    for one in found:
        places[one.place].append(one.token)
    parents: dict[str, list[str]] = defaultdict(list)
    for token, names in _parents(found).items():
        parents[" ".join(_camel(name) for name in names)].append(token)
    everywhere = sorted(set(places["none"]) & _everywhere(package))
    return (
        {key: sorted(places[key]) for key in sorted(places)},
        {key: sorted(parents[key]) for key in sorted(parents)},
        everywhere,
    )


def _everywhere(package: Path) -> set[str]:
    """Types with an id that says `global`, and none that names a place."""
    ids: dict[str, set[str]] = defaultdict(set)
    for path in package.rglob("*.py"):
        for token, imported in _IMPORTED.findall(path.read_text(encoding="utf-8")):
            ids[token].add(imported)
    return {token for token, own in ids.items() if any(map(_GLOBAL.search, own)) and not any(map(_PLACED.search, own))}


def _types(package: Path) -> set[_Type]:
    found: set[_Type] = set()
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        inputs = {match[1]: match[2] for match in _CLASS.finditer(text)}
        for name, token in _TOKEN.findall(text):
            lines = [line.strip() for line in inputs.get(name, "").splitlines()]
            given = frozenset(line.split(":")[0] for line in lines if line)
            place = next((key for key in _PLACES if re.sub(r"([A-Z])", r"_\1", key).lower() in given), "none")
            needed = tuple(match[1] for line in lines if (match := _NEEDED.match(line)) and match[1] not in _LEFT)
            found.add(_Type(token.split(":", 1)[1], place, given, needed))
    return found


def _parents(types: list[_Type]) -> dict[str, list[str]]:
    """The needed inputs that name a type which lies somewhere: at once, or because another one does."""
    located = [one for one in types if one.place != "none"]
    derived: dict[str, list[str]] = {}
    while True:
        more = [one for one in types if one.place == "none" and one.token not in derived]
        new = {
            one.token: names
            for one in more
            if (names := [name for name in one.needed if any(_is_named(name, one, other) for other in located)])
        }
        if not new:
            return derived
        derived |= new
        located += [one for one in more if one.token in new]


def _is_named(name: str, one: _Type, other: _Type) -> bool:
    """Whether an input names another type: by the type's own name, or by the name input that both have in a module."""
    if one.module == other.module and name.endswith("name") and name in other.inputs:
        return other.place != "none" and (name != "name" or other.kind != one.kind)
    stem = re.sub(r"_(id|name)$", "", name).replace("_", "")
    if one.module == other.module and (stem.endswith(other.kind) or stem == one.module):
        return name != "name"
    return stem in (other.kind, other.module + other.kind)


def _camel(name: str) -> str:
    return re.sub("_([a-z0-9])", lambda found: found[1].upper(), name)


def main(destination: Path, folders: list[Path]) -> None:
    """Write one file for each SDK."""
    for folder in folders:
        (plugin,) = folder.glob("*/pulumi-plugin.json")
        (info,) = folder.glob("*.dist-info")
        distribution, version = info.name.removesuffix(".dist-info").rsplit("-", 1)
        package = json.loads(plugin.read_text(encoding="utf-8"))["name"]
        types, parents, everywhere = read(plugin.parent)
        made = {"sdk": f"{distribution.replace('_', '-')} {version}", "types": types}
        if parents:
            made["parents"] = parents
        if everywhere:
            made["global"] = everywhere
        (destination / f"{package}.json").write_text(json.dumps(made, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
