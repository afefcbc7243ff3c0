"""What a run is asked and what it answers: the same for the embedded engine and for the Pulumi CLI."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How to run one operation.

    `policy_packs`: folders, each always attached to preview and up; `policy_pack_configs`: their configuration files in
    the same order. `parallel` 0 means the engine's default. `targets`: URNs; empty means everything.
    `exclude_protected`: a destroy leaves protected resources and what they need. `clear_pending_creates`: a refresh
    forgets creations that an earlier run did not hear back from. `on_event` gets
    each EngineEvent in the CLI's JSON form as it happens, on any thread.
    """

    policy_packs: tuple[Path, ...] = ()
    policy_pack_configs: tuple[Path, ...] = ()
    parallel: int = 0
    targets: tuple[str, ...] = ()
    target_dependents: bool = False
    exclude_protected: bool = False
    refresh: bool = False
    clear_pending_creates: bool = False
    expect_no_changes: bool = False
    continue_on_error: bool = False
    on_event: Callable[[dict[str, Any]], None] | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    `exit_code` is the Pulumi CLI's; `changes` counts steps per operation (`create`, `update`, ...); `outputs` are the
    stack's, secrets as "[secret]". `error`: the RunError by which the program ended itself, where it ran here.
    """

    ok: bool
    exit_code: int
    changes: Mapping[str, int] = field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error: BaseException | None = None


class Engine(Protocol):
    """One project's engine. Every method raises EngineError for a run that cannot start."""

    @property
    def identity(self) -> tuple[str, str]:
        """Its name and version."""
        ...

    def preview(self, stack: str, options: Options) -> RunResult: ...

    def up(self, stack: str, options: Options) -> RunResult:
        """Makes no preview of its own: preview first, since a policy that refuses here leaves what came before it."""
        ...

    def refresh(self, stack: str, options: Options) -> RunResult: ...

    def destroy(self, stack: str, options: Options) -> RunResult: ...

    def outputs(self, stack: str, *, show_secrets: bool = False) -> dict[str, Any]: ...

    def export_state(self, stack: str) -> dict[str, Any]:
        """The deployment as `pulumi stack export` prints it: {"version": ..., "deployment": {...}}."""
        ...

    def import_state(self, stack: str, state: dict[str, Any]) -> None: ...
