"""The engine's error for what a user can cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class EngineError(Exception):
    """A run that cannot start, go on or be trusted: what happened, and what to do about it.

    `exit_code` is the Pulumi CLI's for the same situation (`pkg/cmd/pulumi/cmd/exit_codes.go`).
    """

    def __init__(self, what: str, *, fix: str = "", exit_code: int = 1) -> None:
        super().__init__(f"{what}\n{fix}" if fix else what)
        self.what = what
        self.fix = fix
        self.exit_code = exit_code


class LockedError(EngineError):
    """Somebody else holds the stack. The fix is the Pulumi CLI's; a program with a command of its own names that."""

    def __init__(self, what: str, stack: str, root: Path | None = None) -> None:
        super().__init__(
            what, fix="Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`."
        )
        self.stack = stack
        self.root = root  # the project's folder
