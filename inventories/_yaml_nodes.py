"""YAML nodes to plain values, with every fault of form on the way."""

from __future__ import annotations

from typing import Any, Final

import yaml

from inventories.faults import Fault

KeyPath = tuple[str | int, ...]

# An anchor used in an anchor used in an anchor grows without end; no file of ours comes near this many nodes.
_MAX_NODES: Final = 200_000
_RESOLVER: Final = yaml.resolver.Resolver()
_STR_TAG: Final = "tag:yaml.org,2002:str"
_SCALAR_TAGS: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "timestamp"))
_KEY_TAGS: Final = _SCALAR_TAGS | {_STR_TAG}


def dotted_path(path: KeyPath) -> str:
    """`accreditation.history[1].status`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def child(node: yaml.Node, part: str | int) -> tuple[yaml.Mark, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == part:
                return key.start_mark, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and 0 <= part < len(node.value):
        return node.value[part].start_mark, node.value[part]
    return None


class Builder:
    """Nodes to Python values; collects every fault of form on the way."""

    def __init__(self, name: str) -> None:
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
            return self._refuse(node, path, "an anchor that contains itself")
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
            built = self._refuse(node, path, f"more than {_MAX_NODES} values")
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
        size = 1
        for key, value in node.value:
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
