"""Writes `types.json` from the Go sources of the Kubernetes API: fields, their types, and which vanish when empty.

Usage: `python -m engine.providers.kubernetes.generate_types MODULE_CACHE/k8s.io v0.36.3`. OpenAPI does not say which
fields are pointers, and only that decides whether `false` or `0` survives a round trip through the typed structs.

Field codes: s string, n integer, f float, b bool, q quantity, i int-or-string, y bytes, a anything, else a type name;
prefix `[]` a list, `{}` a map; suffix `?` the field is left out when empty.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

_SCALARS = {
    "string": "s", "bool": "b", "int": "n", "int32": "n", "int64": "n", "uint8": "n", "uint32": "n", "uint64": "n",
    "float32": "f", "float64": "f",
}  # fmt: skip
_SPECIAL = {
    "resource.Quantity": "q", "intstr.IntOrString": "i", "runtime.RawExtension": "a", "meta/v1.Time": "a",
    "meta/v1.MicroTime": "a", "meta/v1.Duration": "a", "meta/v1.FieldsV1": "a", "types.UID": "s",
    "types.NodeName": "s", "meta/v1.TypeMeta": "a",
}  # fmt: skip
_TYPE = re.compile(r"^type (\w+) (.+)$")
_FIELD = re.compile(r'^\s+(?:(\w+)\s+)?([\w.*\[\]]+)\s+`.*?json:"([^"]*)"')
_IMPORT = re.compile(r'^\s*(?:import\s+)?(?:(\w+)\s+)?"(k8s\.io/[^"]+)"')


def _package(path: str) -> str:
    return re.sub(r"^k8s\.io/(api|apimachinery/pkg/apis|apimachinery/pkg(/api|/util)?)/", "", path)


def _read(path: Path, package: str, raw: dict[str, str | list[tuple[str, str, str]]]) -> None:
    aliases: dict[str, str] = {}

    def qualified(name: str) -> str:
        prefix = "".join(re.findall(r"^(?:\*|\[\]|map\[[\w.]+\])+", name))
        base = name[len(prefix) :]
        prefix = re.sub(r"map\[[\w.]+\]", "{}", prefix)
        if "." in base:
            alias, _, rest = base.partition(".")
            return f"{prefix}{aliases.get(alias, alias)}.{rest}"
        return prefix + (base if base in _SCALARS or base == "byte" else f"{package}.{base}")

    fields: list[tuple[str, str, str]] | None = None
    for line in path.read_text().splitlines():
        if match := _IMPORT.match(line):
            target = _package(match[2])
            aliases[match[1] or target.rsplit("/", 1)[-1]] = target
        elif match := _TYPE.match(line):
            fields = [] if match[2].startswith("struct {") else None
            raw[f"{package}.{match[1]}"] = fields if fields is not None else qualified(match[2].split(" ")[0])
        elif line.startswith("}"):
            fields = None
        elif fields is not None and (match := _FIELD.match(line)):
            fields.append((match[1] or "", qualified(match[2]), match[3]))


def _code(go_type: str, raw: dict[str, str | list[tuple[str, str, str]]]) -> tuple[str, bool]:  # noqa: PLR0911 - one per Go type form
    """The code of a Go type, and whether an empty value counts as absent (pointers and structs do not)."""
    if go_type.startswith("*"):
        return _code(go_type[1:], raw)[0], False
    if go_type == "[]byte":
        return "y", True
    for prefix in ("[]", "{}"):
        if go_type.startswith(prefix):
            return prefix + _code(go_type[2:], raw)[0], True
    if go_type in _SPECIAL:
        return _SPECIAL[go_type], False
    if go_type in _SCALARS:
        return _SCALARS[go_type], True
    known = raw.get(go_type)
    if isinstance(known, str):
        return _code(known, raw)
    return (go_type if known is not None else "a"), False


def _fields(name: str, raw: dict[str, str | list[tuple[str, str, str]]]) -> dict[str, str]:
    found: dict[str, str] = {}
    declared = raw[name]
    assert not isinstance(declared, str)  # noqa: S101 - only called for structs
    for _, go_type, tag in declared:
        json_name, *options = tag.split(",")
        if "inline" in options or not json_name:
            if isinstance(raw.get(go_type.lstrip("*")), list):
                found |= _fields(go_type.lstrip("*"), raw)
            continue
        code, droppable = _code(go_type, raw)
        found[json_name] = code + ("?" if droppable and "omitempty" in options else "")
    return found


def _cluster_scoped(api: Path) -> set[str]:
    """Types marked as living outside namespaces."""
    marked = re.compile(r"\+genclient:nonNamespaced\n(?://.*\n|\n)*type (\w+) struct")
    return {
        f"{'/'.join(path.parent.parts[-2:])}.{name}"
        for path in api.glob("*/*/types*.go")
        for name in marked.findall(path.read_text())
    }


def generate(cache: Path, version: str) -> dict[str, object]:
    """The document of `types.json` from the modules k8s.io/api and k8s.io/apimachinery of one version."""
    raw: dict[str, str | list[tuple[str, str, str]]] = {}
    for path in sorted((cache / f"api@{version}").glob("*/*/types*.go")):
        _read(path, "/".join(path.parent.parts[-2:]), raw)
    for path in sorted((cache / f"apimachinery@{version}/pkg/apis/meta/v1").glob("*types*.go")):
        _read(path, "meta/v1", raw)
    groups = {}
    for path in (cache / f"api@{version}").glob("*/*/register.go"):
        if match := re.search(r'GroupName = "([^"]*)"', path.read_text()):
            groups["/".join(path.parent.parts[-2:])] = match[1]
    kinds: dict[str, str] = {}
    for name in sorted(raw):
        package, _, kind = name.partition(".")
        if package in groups and isinstance(raw[name], list) and "metadata" in _fields(name, raw):
            group, api_version = groups[package], package.rsplit("/", 1)[-1]
            if not kind.endswith("List"):
                kinds[f"{group}/{api_version}/{kind}" if group else f"{api_version}/{kind}"] = name
    unscoped = _cluster_scoped(cache / f"api@{version}")
    types: dict[str, dict[str, str]] = {}
    wanted = list(kinds.values())
    while wanted:
        name = wanted.pop()
        if name not in types:
            types[name] = _fields(name, raw)
            wanted += [base for code in types[name].values() if (base := code.strip("[]{}?")) in raw]
    return {
        "source": f"k8s.io/api {version}",
        "kinds": kinds,
        "cluster_scoped": [kind for kind, name in kinds.items() if name in unscoped],
        "types": dict(sorted(types.items())),
    }


if __name__ == "__main__":
    document = generate(Path(sys.argv[1]), sys.argv[2])
    target = Path(__file__).with_name("types.json")
    target.write_text(json.dumps(document, indent=0, separators=(",", ":")) + "\n")
