"""Kubernetes objects inside a resource, and the pods inside those, whatever kind wraps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from policies.subject import Violation
from policies.values import MALFORMED, Marker, at, join, mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policies.resource_types import KubeKind

_TEMPLATED: Final = ("spec", "template")
POD_TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "Deployment": _TEMPLATED,
    "StatefulSet": _TEMPLATED,
    "DaemonSet": _TEMPLATED,
    "ReplicaSet": _TEMPLATED,
    "ReplicationController": _TEMPLATED,
    "Job": _TEMPLATED,
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
POD_KINDS: Final = frozenset(POD_TEMPLATES)
_CONTAINER_LISTS: Final = ("containers", "initContainers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class Part:
    """A mapping and the path at which it stands."""

    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod or pod template; `path` is where its `spec` stands, `containers` holds those of all three lists."""

    path: str
    spec: Mapping[str, Any]
    metadata: Part
    containers: tuple[Part, ...]
    volumes: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class KubeObject:
    """One Kubernetes object; `kind` is what the API server will make of it, `expected` what its type token says."""

    path: str
    api_version: Any
    kind: Any
    expected: KubeKind
    body: Mapping[str, Any]
    pods: tuple[Pod, ...]

    def inside(self, *keys: str) -> str:
        """The path of a field of this object."""
        path = self.path
        for key in keys:
            path = join(path, key)
        return path


class _Reading:
    """Reads one resource and notes what cannot be read, by path."""

    def __init__(self) -> None:
        self.faults: list[Violation] = []

    def body(self, value: Any, path: str, *, required: bool = False) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        if value is not None or required:
            self._fault(path, value, "a mapping")
        return {}

    def parts(self, value: Any, path: str, *, required: bool = False) -> tuple[Part, ...]:
        if isinstance(value, list):
            paths = [f"{path}[{i}]" for i in range(len(value))]
            return tuple(
                Part(at_path, self.body(item, at_path, required=True))
                for at_path, item in zip(paths, value, strict=True)
            )
        if value is not None or required:
            self._fault(path, value, "a list")
        return ()

    def object(self, value: Any, path: str, expected: KubeKind, *, nested: bool) -> KubeObject:
        body = self.body(value, path, required=True)
        # Items of a typed list may leave out what the list's own kind says already.
        said = {"apiVersion": expected.api_version, "kind": expected.kind} if nested else {}
        said |= {key: body[key] for key in ("apiVersion", "kind") if body.get(key) not in (None, "")}
        self.body(body.get("metadata"), join(path, "metadata"))
        for key in ("labels", "annotations"):
            self.body(at(body, "metadata", key), join(join(path, "metadata"), key))
        self.body(body.get("spec"), join(path, "spec"))
        pods = self._pods(body, path, expected)
        return KubeObject(path, said.get("apiVersion"), said.get("kind"), expected, body, pods)

    def _pods(self, body: Mapping[str, Any], path: str, expected: KubeKind) -> tuple[Pod, ...]:
        way = POD_TEMPLATES.get(expected.kind)
        if way is None:
            return ()
        value: Any = body
        required = not expected.is_patch
        for key in way:
            path = join(path, key)
            value = self.body(value.get(key), path, required=required)
            if not value:
                return ()
        metadata_path, spec_path = join(path, "metadata"), join(path, "spec")
        metadata = self.body(value.get("metadata"), metadata_path)
        self.body(metadata.get("labels"), join(metadata_path, "labels"))
        self.body(metadata.get("annotations"), join(metadata_path, "annotations"))
        spec = self.body(value.get("spec"), spec_path, required=required)
        containers = [
            part
            for key in _CONTAINER_LISTS
            for part in self.parts(
                spec.get(key), join(spec_path, key), required=required and key == "containers" and bool(spec)
            )
        ]
        for part in containers:
            self.parts(part.body.get("ports"), join(part.path, "ports"))
        volumes = self.parts(spec.get("volumes"), join(spec_path, "volumes"))
        return (Pod(spec_path, spec, Part(metadata_path, metadata), tuple(containers), volumes),)

    def _fault(self, path: str, value: Any, allowed: str) -> None:
        got = value if value is None or isinstance(value, Marker) else MALFORMED
        self.faults.append(Violation(path, got, allowed))


def read_objects(props: Mapping[str, Any], kind: KubeKind) -> tuple[tuple[KubeObject, ...], tuple[Violation, ...]]:
    """The objects that a Kubernetes resource creates, and what in it cannot be read.

    A list resource stands for its items; a patch for the object it changes.
    """
    reading = _Reading()
    if not kind.is_list:
        objects: tuple[KubeObject, ...] = (reading.object(props, "", kind, nested=False),)
    else:
        items = reading.parts(props.get("items"), "items", required=True)
        objects = tuple(reading.object(part.body, part.path, kind, nested=True) for part in items)
    return objects, tuple(reading.faults)


def labels_of(metadata: Any) -> Mapping[str, Any]:
    """The labels in a `metadata`; empty when there are none or they cannot be read (which is refused elsewhere)."""
    return mapping(at(metadata, "labels"))


def is_unreadable(value: Any) -> bool:
    """Whether a value is not there to be judged."""
    return isinstance(value, Marker)
