"""What is said of an object: ready, not yet, or never; and what its rules look at. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from engine.providers.kubernetes.objects import Object, pluck

SETTLE_S: Final = 10.0  # how long endpoints must rest before none of them counts as "there are none"

ReplicaSet: Final = ("apps/v1", "ReplicaSet")
Pod: Final = ("v1", "Pod")
Claim: Final = ("v1", "PersistentVolumeClaim")
Slice: Final = ("discovery.k8s.io/v1", "EndpointSlice")
Service: Final = ("v1", "Service")
StorageClass: Final = ("storage.k8s.io/v1", "StorageClass")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`failed`: it will not become ready any more. `status`: one line on what is missing; `reasons`: why."""

    ready: bool
    failed: bool = False
    status: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Objects of the same namespace by (apiVersion, kind), and for how many seconds none of them changed."""

    objects: dict[tuple[str, str], tuple[Object, ...]] = field(default_factory=dict)
    unchanged_s: float = SETTLE_S

    def of(self, kind: tuple[str, str]) -> tuple[Object, ...]:
        """The objects of one kind."""
        return self.objects.get(kind, ())


READY: Final = Verdict(ready=True)


def waiting(status: str, *reasons: str) -> Verdict:
    return Verdict(ready=False, status=status, reasons=reasons)


def condition(obj: Object, name: str) -> Object:
    conditions = pluck(obj, "status", "conditions") or []
    return next((c for c in conditions if isinstance(c, dict) and c.get("type") == name), {})


def is_true(condition: Object) -> bool:
    return condition.get("status") == "True"


def explained(condition: Object) -> tuple[str, ...]:
    if not condition or is_true(condition) or not condition.get("message"):
        return ()
    return (f"[{condition.get('reason') or condition.get('type')}] {condition['message']}",)


def refused(condition: Object) -> tuple[str, ...]:
    """The words of a condition that is bad when it is true."""
    if not is_true(condition) or not condition.get("message"):
        return ()
    return (f"[{condition.get('reason') or condition.get('type')}] {condition['message']}",)


def observed(obj: Object) -> bool:
    generation, seen = pluck(obj, "metadata", "generation"), pluck(obj, "status", "observedGeneration")
    return isinstance(seen, int) and seen >= int(generation or 0)


def count(obj: Object, *path: str) -> int:
    value = pluck(obj, *path)
    return value if isinstance(value, int) else 0
