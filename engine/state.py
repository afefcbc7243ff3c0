"""A stack's recorded resources, as values."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.values import PropertyMap, Unknown


@dataclass(frozen=True, slots=True, eq=False)
class ResourceState:
    """One resource as it was last known. Times are RFC 3339 in UTC; timeouts are seconds by operation."""

    urn: str
    type: str
    custom: bool = True
    delete: bool = False
    id: str | Unknown = ""
    inputs: PropertyMap = field(default_factory=dict)
    outputs: PropertyMap = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    external: bool = False
    dependencies: tuple[str, ...] = ()
    init_errors: tuple[str, ...] = ()
    provider: str = ""
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pending_replacement: bool = False
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    hide_diff: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()

    def but(self, **changes: Any) -> ResourceState:
        """The same resource with some fields changed."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """A provider call that had begun when the state was written."""

    resource: ResourceState
    type: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack's latest state. `salt` is the passphrase manager's, "" when there is none."""

    resources: tuple[ResourceState, ...] = ()
    pending: tuple[PendingOperation, ...] = ()
    salt: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
