"""The engine's error for what a user can cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock's file, who made it and when; `since` is empty where the file does not tell.

    `is_dead`: whoever made it ran on this machine, and runs no more.
    """

    file: str
    who: str
    since: str = ""
    is_dead: bool = False

    def __str__(self) -> str:
        ended = ": no such process runs on this machine any more" if self.is_dead else ""
        return f"{self.file}: created by {self.who}{self.since and f' at {self.since}'}{ended}"


class LockedError(EngineError):
    """Somebody else holds the stack. The fix is the Pulumi CLI's; a program with a command of its own names that."""

    def __init__(self, stack: str, locks: Sequence[Lock], root: Path | None = None) -> None:
        self.summary = f"the stack is currently locked by {len(locks)} lock(s)."
        super().__init__(
            "\n".join([self.summary, *(f"  {lock}" for lock in locks)]),
            fix="Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.",
        )
        self.stack = stack
        self.locks = tuple(locks)
        self.root = root  # the project's folder
