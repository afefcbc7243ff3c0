"""One stack opened for work: its configuration, secrets and recorded state, read and checked."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from engine import config as configuration
from engine import paths
from engine.errors import EngineError
from engine.saving.document import decode_deployment, latest_of, salt_of
from engine.saving.integrity import verify
from engine.secrets import PassphraseSecrets, passphrase_from

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from engine.config import Configuration, Project, StackConfig
    from engine.saving.backend import FileBackend
    from engine.state import Deployment
    from engine.values import PropertyMap

_KEY: Final = re.compile(r"[A-Za-z0-9._-]+:[A-Za-z0-9._/-]+")


@dataclass(frozen=True, slots=True)
class Stack:
    """An opened stack. `known`: the backend has it; `secrets` encrypts what is written; `digest`: of the state read."""

    name: str
    config_file: StackConfig
    configuration: Configuration
    deployment: Deployment
    secrets: PassphraseSecrets
    known: bool
    digest: bytes = b""


def open_stack(
    project: Project,
    backend: FileBackend,
    name: str,
    passphrase: str | None = None,
    *,
    later: bool = False,
    before: Stack | None = None,
) -> Stack:
    """Reads and decrypts everything of one stack; raises EngineError for whatever is missing, wrong or damaged.

    `later`: the caller does something else first, and then `secrets.check()`; nothing but a wrong passphrase for
    secrets that nobody has read is found out so late. `before`: the same stack as it was opened a moment ago; a state
    that is still the same is not read again.
    """
    name = configuration.check_stack_name(name)
    stack_file = configuration.load_stack_config(project, name)
    document = backend.read(name)
    if document is None and not stack_file.exists:
        raise EngineError(
            f"no stack named '{name}' found",
            fix=f"Write {stack_file.path}, or choose one of: {', '.join(backend.stacks()) or 'none yet'}.",
            exit_code=6,
        )
    digest = hashlib.sha256((document or "").encode()).digest()
    read = before.deployment if before is not None and before.digest == digest else None
    latest = latest_of(document, str(backend.path(name))) if document is not None and read is None else {}
    recorded_salt = salt_of(latest) if read is None else read.salt
    phrase = passphrase if passphrase is not None else passphrase_from(os.environ)
    salt = stack_file.salt or recorded_salt
    secrets = PassphraseSecrets(phrase, salt, later=later) if salt else PassphraseSecrets.create(phrase)
    if read is None:
        read = decode_deployment(latest, secrets.under(recorded_salt).decrypt)
        verify(read.resources, str(backend.path(name)))
    resolved = configuration.resolve(stack_file.values, secrets.decrypt)
    return Stack(name, stack_file, resolved, read, secrets, known=document is not None, digest=digest)


def take_stack(
    project: Project, backend: FileBackend, name: str, passphrase: str | None, held: ExitStack, *, to_run: bool
) -> Stack:
    """A stack opened to be changed: locked until `held` ends, backed up, what a killed run left put in order.

    `to_run`: its program is to run, so it need not have been deployed before. Refuses before anything is written.
    """
    name = configuration.check_stack_name(name)
    found = open_stack(project, backend, name, passphrase, later=True)
    if to_run:
        importlib.import_module("engine.program_engine")  # brings in the SDK, while a thread derives the key
    found.secrets.check()
    if not found.known and not to_run:
        raise never_deployed(name)
    try:
        backend.create()
        held.enter_context(backend.lock(name, project.root))
        stack = open_stack(project, backend, name, passphrase, before=found)
        backend.sweep(name)
        backend.back_up(name)
    except OSError as error:
        where = f" ({error.filename or backend.path(name)})"
        raise EngineError(
            f"the state cannot be written: {error.strerror or error}{where}",
            fix="Nothing was changed. Make room, or make the folder writable, and try again.",
        ) from error
    return stack


def never_deployed(name: str) -> EngineError:
    """The refusal of what needs a state, for a stack that has a file and nothing else."""
    return EngineError(
        f"no stack named '{name}' found: it was never deployed", fix="The first `up` makes its state.", exit_code=6
    )


def set_config(stack: Stack, key: str, value: str | None, *, secret: bool, is_path: bool) -> None:
    """Sets one value in the stack's file, None removes it; `is_path`: inside a structured value, `ns:name.part[0]`.

    A secret is encrypted before it is written. Raises EngineError for a key that cannot be.
    """
    name, inner = _split_key(key, is_path=is_path)
    if secret and not stack.config_file.salt:
        configuration.write_salt(stack.config_file, stack.secrets.salt)
    sealed = {"secure": stack.secrets.encrypt(value)} if secret and value is not None else value
    whole = paths.placed(stack.config_file.values.get(name), inner, sealed) if inner else sealed
    configuration.set_value(stack.config_file.path, name, whole)


def _split_key(key: str, *, is_path: bool) -> tuple[str, tuple[str | int, ...]]:
    """`ns:name` and the parts inside its value."""
    parts: tuple[str | int, ...] = (key,)
    if is_path:
        try:
            parts = paths.parse(key)
        except ValueError as error:
            raise EngineError(str(error), fix="Write ns:name.part, or ns:name[0].") from None
    name = str(parts[0]) if parts else ""
    if not _KEY.fullmatch(name):
        raise EngineError(f"{key!r} is no configuration key", fix="Write namespace:name.")
    return name, parts[1:]


def stack_outputs(deployment: Deployment) -> PropertyMap:
    """The outputs of the root stack."""
    root = next((s for s in deployment.resources if s.type == "pulumi:pulumi:Stack" and not s.parent), None)
    return dict(root.outputs) if root else {}


def other_outputs(project: Project, backend: FileBackend, reference: str, passphrase: str | None) -> PropertyMap | None:
    """The outputs of another stack of this backend, None without one; names as `pulumi.StackReference` takes them."""
    parts = reference.split("/")
    name = configuration.check_stack_name(parts[-1])
    other = parts[1] if len(parts) == 3 else project.name
    theirs = backend.for_project(other)
    if theirs.read(name) is None:
        return None
    return stack_outputs(open_stack(replace(project, name=other), theirs, name, passphrase).deployment)


def history_entry(
    kind: str,
    *,
    started: int,
    ended: int,
    message: str,
    ok: bool,
    changes: Mapping[str, int],
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """What a run leaves in the stack's history; times are whole seconds since 1970."""
    return {
        "kind": kind,
        "startTime": started,
        "message": message,
        "environment": {},
        "config": json.loads(json.dumps(dict(config), default=str)),
        "version": 0,
        "result": "succeeded" if ok else "failed",
        "endTime": ended,
        "resourceChanges": dict(changes),
    }
