"""YAML nodes to plain values, with every fault of form on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from inventories.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

KeyPath = tuple[str | int, ...]

# An anchor used in an anchor used in an anchor grows without end; no file of ours comes near this many nodes.
_MAX_NODES: Final = 200_000
_RESOLVER: Final = yaml.resolver.Resolver()
_MERGE_TAG: Final = "tag:yaml.org,2002:merge"
_STR_TAG: Final = "tag:yaml.org,2002:str"
_SCALAR_TAGS: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "timestamp"))
_KEY_TAGS: Final = _SCALAR_TAGS | {_STR_TAG}


def dotted_path(path: KeyPath) -> str:
    """`accreditation.history[1].status`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def child(node: yaml.Node, part: str | int) -> tuple[yaml.Mark, yaml.Node] | None:
    """The key or item at a part of a path, with where it is written: for what was merged in, that is elsewhere."""
    if isinstance(node, yaml.MappingNode):
        for mapping in _with_merged(node):
            for key, value in mapping.value:
                if isinstance(key, yaml.ScalarNode) and key.value == part:
                    return key.start_mark, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and 0 <= part < len(node.value):
        return node.value[part].start_mark, node.value[part]
    return None


def _with_merged(node: yaml.MappingNode) -> Iterator[yaml.MappingNode]:
    """A mapping, then those that it merges in, in the order in which they are asked."""
    seen, waiting = set(), [node]
    while waiting:
        mapping = waiting.pop(0)
        if id(mapping) not in seen:
            seen.add(id(mapping))
            yield mapping
            merged = [each for key, value in mapping.value if key.tag == _MERGE_TAG for each in _items(value)]
            waiting = [each for each in merged if isinstance(each, yaml.MappingNode)] + waiting


def _items(node: yaml.Node) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]


class Builder:
    """Nodes to Python values; collects every fault of form on the way.

    `merges`: merge keys (`<<`) are read: what a mapping says itself goes before what it merges in.
    """

    def __init__(self, name: str, *, merges: bool = False) -> None:
        self._merges = merges
        self.faults: list[Fault] = []
        self.broken: set[KeyPath] = set()
        self._name = name
        self._scalars = yaml.constructor.SafeConstructor()
        self._done: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: KeyPath) -> tuple[Any, int]:
        """The value of a node and how many nodes it stands for, anchors written out."""
        key = id(node)
        if key in self._done:
            return self._done[key]
        if key in self._open:
            return self._refuse(node, path, "an anchor that contains itself", fix="write out what it stands for")
        self._open.add(key)
        built: tuple[Any, int]
        if isinstance(node, yaml.MappingNode):
            built = self._mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            built = self._sequence(node, path)
        else:
            built = self._scalar(node, path), 1
        self._open.discard(key)
        if built[1] > _MAX_NODES:
            built = self._refuse(node, path, f"more than {_MAX_NODES} values", fix="write fewer, or no anchors")
        self._done[key] = built
        return built

    def _refuse(self, node: yaml.Node, path: KeyPath, what: str, got: str = "", fix: str = "") -> tuple[None, int]:
        where = f"{self._name}:{node.start_mark.line + 1}:{dotted_path(path)}".rstrip(":")
        self.faults.append(Fault(where, what, got, fix=fix))
        self.broken.add(path)
        return None, 1

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> tuple[dict[str, Any], int]:
        if node.tag != "tag:yaml.org,2002:map":
            self._refuse(node, path, "a tag", node.tag, "write plain YAML without tags")
        result: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        size = 1
        for key, value in node.value:
            if self._merges and key.tag == _MERGE_TAG:
                merged += _items(value)
                continue
            # A key is a name: `on` and `8080` stay text, which YAML 1.1 would turn into a boolean and a number.
            if not isinstance(key, yaml.ScalarNode) or key.tag not in _KEY_TAGS or not key.value:
                got = str(key.value) if isinstance(key, yaml.ScalarNode) else "a list or mapping"
                self._refuse(key, path, "not a key", got, "write a name; tags and merge keys are not read")
                continue
            here = (*path, key.value)
            if key.value in result:
                self._refuse(key, here, "the same key twice", key.value, "keep one of them")
                continue
            result[key.value], inner = self.build(value, here)
            size += inner
        for source in merged:
            if not isinstance(source, yaml.MappingNode):
                self._refuse(source, path, "not a mapping to merge in", fix="write `<<: *name` of a mapping")
                continue
            built, inner = self.build(source, path)
            result = {**(built or {}), **result}
            size += inner
        return result, size

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> tuple[list[Any], int]:
        if node.tag != "tag:yaml.org,2002:seq":
            self._refuse(node, path, "a tag", node.tag, "write plain YAML without tags")
        built = [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return [value for value, _ in built], 1 + sum(inner for _, inner in built)

    def _scalar(self, node: Any, path: KeyPath) -> Any:
        plain = not node.style
        implied = _RESOLVER.resolve(yaml.ScalarNode, node.value, (plain, not plain))  # type: ignore[no-untyped-call]
        if node.tag != implied:
            return self._refuse(node, path, "a tag", str(node.tag), "write plain YAML without tags")[0]
        if node.tag == _STR_TAG:
            return node.value
        if node.tag not in _SCALAR_TAGS:
            return self._refuse(node, path, "a value that is not plain data", node.value, "put it in quotes")[0]
        try:
            return self._scalars.construct_object(node)
        except (ValueError, yaml.YAMLError) as error:
            return self._refuse(node, path, f"not a possible value: {error}", node.value, "correct it, or quote it")[0]
