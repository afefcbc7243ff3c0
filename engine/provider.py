"""What the engine asks of a provider: the ResourceProvider protocol with property maps instead of protobuf.

One implementation speaks gRPC to a plugin executable (`engine/providers/plugin.py`), one does Kubernetes in Python
(`engine/providers/kubernetes/`), tests bring their own. Methods are called from several threads at once and may block.
Shapes and rules: `sdk/proto/pulumi/provider.proto`. `PropertyMap` values are those of `engine.values`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from engine.values import PropertyMap

DiffKind = Literal["add", "add-replace", "delete", "delete-replace", "update", "update-replace"]


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """One property the provider refuses; `property` may be empty."""

    property: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Checked inputs, or failures."""

    inputs: PropertyMap
    failures: tuple[CheckFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class PropertyDiff:
    """How one path changes; `input_diff`: the old side of the comparison is an input."""

    kind: DiffKind
    input_diff: bool = False


@dataclass(frozen=True, slots=True)
class DiffResult:
    """What would change. `changes` None means the provider does not know: the engine compares structurally.

    `replaces`: paths that force replacement; `diffs`: changed top-level keys where there are no details;
    `detailed` None: no details.
    """

    changes: bool | None
    replaces: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    detailed: dict[str, PropertyDiff] | None = None
    delete_before_replace: bool = False


@dataclass(frozen=True, slots=True)
class CreateResult:
    """The new resource; `id` is "" in a preview."""

    id: str
    outputs: PropertyMap
    settled: bool = False  # nothing is left of an earlier creation that was interrupted: it was looked for


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The live resource; `id` "" means it is gone. `inputs` None: the provider cannot tell them."""

    id: str
    outputs: PropertyMap
    inputs: PropertyMap | None = None


@dataclass(frozen=True, slots=True)
class InvokeResult:
    """A function's result, or failures."""

    outputs: PropertyMap
    failures: tuple[CheckFailure, ...] = ()


class ProviderError(Exception):
    """The provider refused or failed; nothing happened unless `unknown_outcome`."""

    def __init__(self, message: str, *, unknown_outcome: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.unknown_outcome = unknown_outcome


class MissingProviderError(ProviderError):
    """No program provides the package here; the message names what to install."""


class InitFailedError(ProviderError):
    """The resource exists (or was updated) but is not what was asked for; state is saved with `reasons`."""

    def __init__(
        self,
        message: str,
        *,
        id: str,  # noqa: A002 - the protocol's name
        outputs: PropertyMap,
        inputs: PropertyMap | None,
        reasons: tuple[str, ...],
    ) -> None:
        super().__init__(message)
        self.id = id
        self.outputs = outputs
        self.inputs = inputs
        self.reasons = reasons


class UnsupportedError(ProviderError):
    """The provider does not implement the method (gRPC UNIMPLEMENTED)."""


class Log(Protocol):
    """Where a provider reports progress: severity is debug, info, warning or error; ephemeral lines are status."""

    def __call__(self, severity: str, message: str, *, urn: str = "", ephemeral: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class ResourceId:
    """Which resource a call is about.

    Of one that is to be made: `recorded` are the ids that the state has under its URN (of what is replaced),
    `interrupted` the inputs of an earlier creation of which nobody knows what came of it.
    """

    urn: str
    name: str
    type: str
    id: str = ""
    recorded: tuple[str, ...] = ()
    interrupted: PropertyMap | None = None


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What accompanies create, update and delete. `timeout_s` 0 means the provider's default."""

    timeout_s: float = 0.0
    preview: bool = False
    ignore_changes: tuple[str, ...] = field(default=())


class Provider(Protocol):
    """One configured provider. `olds` are old outputs, `old_inputs` old checked inputs; unknowns only in previews."""

    def check_config(self, resource: ResourceId, old_inputs: PropertyMap, news: PropertyMap) -> CheckResult: ...

    def diff_config(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],
    ) -> DiffResult: ...

    def configure(self, resource: ResourceId, inputs: PropertyMap) -> None: ...

    def check(
        self, resource: ResourceId, old_inputs: PropertyMap | None, news: PropertyMap, random_seed: bytes
    ) -> CheckResult: ...

    def diff(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],
    ) -> DiffResult: ...

    def create(self, resource: ResourceId, news: PropertyMap, options: CallOptions) -> CreateResult: ...

    def update(
        self, resource: ResourceId, old_inputs: PropertyMap, olds: PropertyMap, news: PropertyMap, options: CallOptions
    ) -> PropertyMap: ...

    def delete(
        self, resource: ResourceId, old_inputs: PropertyMap, olds: PropertyMap, options: CallOptions
    ) -> None: ...

    def read(self, resource: ResourceId, old_inputs: PropertyMap | None, olds: PropertyMap) -> ReadResult: ...

    def invoke(self, token: str, args: PropertyMap, *, preview: bool) -> InvokeResult: ...

    def cancel(self) -> None:
        """Stop running operations soon; they fail as cancelled."""

    def close(self) -> None: ...


class MakeProvider(Protocol):
    """Makes an unconfigured provider of a package; raises ProviderError that says what is missing."""

    def __call__(self, package: str, wanted: str, log: Log, project_dir: Path) -> Provider: ...
