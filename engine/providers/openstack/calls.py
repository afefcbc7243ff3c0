"""What one operation on one resource is about, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from engine.provider import CallOptions, ResourceId
    from engine.providers.openstack.cloud import Cloud
    from engine.providers.openstack.types import TypeFacts
    from engine.values import PropertyMap


@dataclass(frozen=True, slots=True)
class Call:
    """One operation. `inputs` and `olds` are plain; `changed`: the properties that differ; `mark`: see `marks.py`."""

    cloud: Cloud
    facts: TypeFacts
    resource: ResourceId
    options: CallOptions
    inputs: PropertyMap = field(default_factory=dict)
    olds: PropertyMap = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    mark: str = ""

    @property
    def id(self) -> str:
        """The id of the resource that is there."""
        return self.resource.id

    @property
    def region(self) -> str:
        """The region of the resource."""
        return str(self.inputs.get("region") or self.olds.get("region") or self.cloud.region)

    def timeout_s(self, default: float) -> float:
        """How long this operation may take."""
        return self.options.timeout_s or default


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that is there; `failure` says what it is not that was asked for.

    `taken_over`: an earlier run made it, as was asked for then.
    """

    id: str
    outputs: dict[str, Any]
    failure: str = ""
    taken_over: bool = False


class Handler(Protocol):
    """What can be done with one type. Raises ProviderError; `read` gives None for what is gone."""

    def create(self, call: Call) -> Made: ...

    def read(self, call: Call) -> Made | None: ...

    def update(self, call: Call) -> Made: ...

    def delete(self, call: Call) -> None: ...
