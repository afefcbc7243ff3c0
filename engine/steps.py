"""What a program asks for (goals) and what the engine does about it (steps)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from engine.urn import is_default_provider, is_provider_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.provider import PropertyDiff
    from engine.state import ResourceState
    from engine.values import PropertyMap, Value

Op = Literal[
    "same", "create", "update", "delete", "replace", "create-replacement", "delete-replaced", "read",
    "read-replacement", "refresh", "import", "import-replacement", "discard", "discard-replaced",
    "remove-pending-replace",
]  # fmt: skip

REMOVALS: Final = frozenset({"delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace"})


@dataclass(frozen=True, slots=True)
class AliasSpec:
    """An alias by parts; None means "as the resource has it". `no_parent`: it was at the top."""

    name: str | None = None
    type: str | None = None
    stack: str | None = None
    project: str | None = None
    parent: str | None = None
    no_parent: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """One resource as the program registers it. `provider` is a reference `<urn>::<id>`, "" for components.

    `read_id` is set when an existing resource is to be read, `import_id` when it is to be adopted.
    None in `protect`, `retain_on_delete`, `delete_before_replace`: not said.
    """

    type: str
    name: str
    custom: bool = True
    parent: str = ""
    inputs: PropertyMap = field(default_factory=dict)
    provider: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    protect: bool | None = None
    retain_on_delete: bool | None = None
    delete_before_replace: bool | None = None
    deleted_with: str = ""
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    hide_diff: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str | AliasSpec, ...] = ()
    import_id: str = ""
    read_id: Value = None
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)
    source_position: str = ""
    stack_trace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One thing to do to one resource.

    `old` is absent when there was none, `new` when it goes. `keys` force replacement, `diffs` are changed top-level
    keys. `logical` steps are counted; `call` False: the provider is not asked. `skipped`: a resource outside the
    targets that is left as it is, or not created.
    """

    op: Op
    urn: str
    type: str
    old: ResourceState | None = None
    new: ResourceState | None = None
    keys: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    detailed: Mapping[str, PropertyDiff] | None = None
    logical: bool = True
    call: bool = True
    skipped: bool = False
    replacing: bool = False

    @property
    def provider(self) -> str:
        """The reference of the provider that does it."""
        state = self.new or self.old
        return state.provider if state is not None else ""

    @property
    def is_internal(self) -> bool:
        """Whether it is about a provider that the engine itself made: such steps are not counted or displayed."""
        return is_provider_type(self.type) and is_default_provider(self.urn)

    @property
    def state(self) -> ResourceState:
        """The new state, or the old one when there is no new."""
        state = self.new or self.old
        if state is None:
            raise ValueError(f"step {self.op} of {self.urn} has no state")
        return state
