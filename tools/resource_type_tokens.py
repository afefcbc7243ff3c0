"""Reads the resource types of unpacked Pulumi SDK packages, and which input carries each one's place, into data.

`python tools/resource_type_tokens.py DESTINATION FOLDER...`; each folder holds one unpacked SDK (see README.md).
Nothing of an SDK is imported: tokens and inputs are read from the generated source.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

_PLACES = ("region", "location", "zone", "availabilityZone")  # the first that a type has is its place
_CLASS = re.compile(
    r"^class (\w+?)(?:Init)?Args:\n    def __init__\(__self__(?:, \*,)?(.*?)\):\n", re.MULTILINE | re.DOTALL
)
_TOKEN = re.compile(r"super\((\w+), __self__\)\.__init__\(\n\s+'([^':]+:[^']+:[^']+)'")


def read(package: Path) -> dict[str, list[str]]:
    """Types without their package, by the place-bearing input they have; `none` for those that have none."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        inputs = {match[1]: match[2] for match in _CLASS.finditer(text)}
        for name, token in _TOKEN.findall(text):
            given = {line.strip().split(":")[0] for line in inputs.get(name, "").splitlines()}
            place = next((key for key in _PLACES if re.sub(r"([A-Z])", r"_\1", key).lower() in given), "none")
            found[place].append(token.split(":", 1)[1])
    return {place: sorted(set(found[place])) for place in sorted(found)}


def main(destination: Path, folders: list[Path]) -> None:
    """Write one file for each SDK."""
    for folder in folders:
        (plugin,) = folder.glob("*/pulumi-plugin.json")
        (info,) = folder.glob("*.dist-info")
        distribution, version = info.name.removesuffix(".dist-info").rsplit("-", 1)
        package = json.loads(plugin.read_text(encoding="utf-8"))["name"]
        made = {"sdk": f"{distribution.replace('_', '-')} {version}", "types": read(plugin.parent)}
        (destination / f"{package}.json").write_text(json.dumps(made, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
