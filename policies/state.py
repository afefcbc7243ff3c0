"""Where a stack keeps its state and who encrypts the secrets in it, as far as a pack can see it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from policies.values import MALFORMED, at

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT_VARIABLE: Final = "PULUMI_PROJECT_ROOT"
_BACKEND_VARIABLE: Final = "PULUMI_BACKEND_URL"
_STACK_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")
_DEFAULT: Final = "passphrase"  # what every backend but Pulumi's own service takes where the file says nothing


@dataclass(frozen=True, slots=True)
class StateFacts:
    """Each None where nobody says: the backend's URL, and the secrets provider as the stack's file names it."""

    backend: str | None = None
    secrets_provider: Any = None


def read_state(root: Path | None, project: str, stack: str, environment: Mapping[str, str] = os.environ) -> StateFacts:
    """What the environment and the project's files say; `root` where the engine does not tell the project's folder."""
    told = environment.get(_ROOT_VARIABLE)
    folder = Path(told) if told else root
    said = _read(folder / "Pulumi.yaml") if folder else None
    if folder is None or not isinstance(said, dict) or said.get("name") != project:
        return StateFacts(environment.get(_BACKEND_VARIABLE) or None)  # another project's files say nothing of this one
    backend = environment.get(_BACKEND_VARIABLE) or at(said, "backend", "url")
    files = said.get("stackConfigDir") or "."
    known = isinstance(files, str) and _STACK_NAME.fullmatch(stack)
    own = _read(folder / files / f"Pulumi.{stack}.yaml") if known else None
    return StateFacts(backend if isinstance(backend, str) and backend else None, _provider(own))


def _provider(said: Any) -> Any:
    if said is None:
        return None
    if not isinstance(said, dict):
        return MALFORMED
    named = said.get("secretsprovider")
    if named in (None, "", "default"):
        # A key that a key service has wrapped, and no word which one: not a passphrase.
        return MALFORMED if said.get("encryptedkey") else _DEFAULT
    return named if isinstance(named, str) else MALFORMED


def _read(path: Path) -> Any:
    """A file's content; None where there is none, `MALFORMED` where it is no YAML, `{}` where it is empty."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    try:
        said = yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, ValueError, RecursionError):
        return MALFORMED
    return {} if said is None else said
