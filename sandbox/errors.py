"""The one error a user of the sandbox can meet."""

from __future__ import annotations


class SandboxError(Exception):
    """Something the user can put right: `what` happened and why, and the `fix` to try; both are full sentences."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what} {fix}")
        self.what = what
        self.fix = fix
