"""What a machine says of itself: the commit it stands on, and who sits at it. Claims, of which nothing is proof."""

from __future__ import annotations

import getpass
import os
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NO_REPOSITORY: Final = "none"
_TIMEOUT_S: Final = 30
# The identity a run has on the usual CI services, by their documented variables.
_CI: Final = {
    "GITHUB_ACTIONS": ("GITHUB_REPOSITORY", "GITHUB_WORKFLOW_REF", "GITHUB_RUN_ID", "GITHUB_ACTOR"),
    "GITLAB_CI": ("CI_PROJECT_PATH", "CI_PIPELINE_ID", "CI_JOB_ID", "GITLAB_USER_LOGIN"),
}


def commit(root: Path) -> dict[str, str]:
    """The commit of the files in a folder, and whether a tracked one differs from it."""
    found = _git(root, "rev-parse", "HEAD")
    if found is None:
        return {"git commit": _NO_REPOSITORY}
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return {"git commit": found, "git changes": "no" if changed == "" else "yes"}


def signer(root: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Who gates, as far as this machine says."""
    claims = {"user": _user()}
    name, mail = _git(root, "config", "user.name"), _git(root, "config", "user.email")
    if name or mail:
        claims["git"] = f"{name or ''} <{mail or ''}>"
    for mark, variables in _CI.items():
        if environment.get(mark):
            claims |= {variable: environment[variable] for variable in variables if environment.get(variable)}
    return claims


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S, errors="replace"
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
