"""The embedded engine: a project's stacks, previewed and deployed in this process without the Pulumi CLI."""

from __future__ import annotations

import atexit
import gc
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.config import blinded, check_stack_name, load_project, load_stack_config
from engine.errors import EngineError
from engine.events import visible_outputs
from engine.saving.backend import FileBackend
from engine.saving.document import ENGINE_VERSION, decode_deployment, encode_deployment, exported_deployment, salt_of
from engine.saving.integrity import verify
from engine.saving.json_values import encode_value
from engine.stack import never_deployed, open_stack, set_config, stack_outputs
from engine.state import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.ending import Kind
    from engine.operation import Operation
    from engine.options import Options, RunResult
    from engine.provider import MakeProvider

_DEFAULT_STATE = Path(".onshore") / "state"
# Nearly all that a run makes or imports lives to its end: to look through it again and again was a third of the time.
_COLLECT_AFTER = (50_000, 10, 100)
# and a process that ends looks through all of it several times for nothing
atexit.register(gc.freeze)


class EmbeddedEngine:
    """One project's engine (`engine.options.Engine`).

    `backend_url` is a `file://` URL, by default PULUMI_BACKEND_URL, else the project's `.onshore/state`; `passphrase`
    is by default the environment's; `program` runs in place of the project's; `make_provider` says where providers come
    from, by default `engine.providers`. Raises EngineError for a project or backend that cannot be used.
    """

    def __init__(
        self,
        project_dir: Path,
        *,
        backend_url: str | None = None,
        passphrase: str | None = None,
        program: Callable[[], object] | None = None,
        make_provider: MakeProvider | None = None,
    ) -> None:
        self._project = load_project(project_dir.resolve())
        url = backend_url or os.environ.get("PULUMI_BACKEND_URL")
        if url:
            self._backend = FileBackend.at(url, self._project.name)
        else:
            self._backend = FileBackend(self._project.root / _DEFAULT_STATE, self._project.name)
        self._passphrase = passphrase
        self._program = program
        self._make_provider = make_provider
        self._running: Operation | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """Its name and version."""
        return "embedded", ENGINE_VERSION

    # ------------------------------------------------------------ runs

    def preview(self, stack: str, options: Options) -> RunResult:
        """What an up would do; writes nothing and takes no lock."""
        return self._run("preview", stack, options)

    def up(self, stack: str, options: Options) -> RunResult:
        """Creates, updates and deletes until the stack is what its program says; makes no preview of its own."""
        return self._run("up", stack, options)

    def refresh(self, stack: str, options: Options) -> RunResult:
        """Brings the state up to date with what really exists."""
        return self._run("refresh", stack, options)

    def destroy(self, stack: str, options: Options) -> RunResult:
        """Deletes everything the stack has; its program does not run."""
        return self._run("destroy", stack, options)

    def interrupt(self) -> None:
        """Ends the present run in order, from any thread: what runs is finished and saved."""
        if self._running is not None:
            self._running.interrupt()

    def _run(self, kind: Kind, stack: str, options: Options) -> RunResult:
        collect_after = gc.get_threshold()
        gc.set_threshold(*_COLLECT_AFTER)
        try:
            from engine.operation import Operation  # noqa: PLC0415 - brings in everything a run needs

            self._running = Operation(
                self._project,
                self._backend,
                kind,
                options,
                passphrase=self._passphrase,
                program=self._program,
                make_provider=self._make_provider,
            )
            return self._running.run(stack)
        finally:
            self._running = None
            gc.set_threshold(*collect_after)

    # ------------------------------------------------------------ configuration

    def config(self, stack: str, *, show_secrets: bool = False) -> dict[str, str]:
        """The stack's configuration as text by `ns:key`; secrets read "[secret]" unless shown."""
        if show_secrets:
            opened = open_stack(self._project, self._backend, stack, self._passphrase)
            return dict(sorted(opened.configuration.values.items()))
        return blinded(load_stack_config(self._project, check_stack_name(stack)).values)

    def set_config(
        self, stack: str, key: str, value: str | None, *, secret: bool = False, is_path: bool = False
    ) -> None:
        """Sets `ns:key` in the stack's file, None removes it; `is_path` goes into a structured value."""
        opened = open_stack(self._project, self._backend, stack, self._passphrase)
        set_config(opened, key, value, secret=secret, is_path=is_path)

    # ------------------------------------------------------------ state

    def stacks(self) -> list[str]:
        """The names of the stacks that have a state, sorted."""
        return self._backend.stacks()

    def outputs(self, stack: str, *, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs as JSON data; secrets read "[secret]" unless shown."""
        outputs = stack_outputs(self._deployment(stack))
        if not show_secrets:
            return visible_outputs(outputs)
        from engine.wire import without_secrets  # noqa: PLC0415 - google.protobuf

        plain: dict[str, Any] = encode_value(without_secrets(outputs), lambda text: text)
        return plain

    def export_state(self, stack: str, *, show_secrets: bool = False) -> dict[str, Any]:
        """The deployment as `pulumi stack export` prints it; secrets stay as they are encrypted unless shown."""
        name = check_stack_name(stack)
        deployment = self._deployment(name)
        if show_secrets:
            shown = encode_deployment(deployment, lambda text: text, "")
            document: Any = _with_plaintext(shown)
        else:
            document = json.loads(self._backend.read(name) or "{}")["checkpoint"].get("latest") or {}
        return {"version": 3, "deployment": document}

    def import_state(self, stack: str, state: dict[str, Any]) -> None:
        """Replaces the stack's state by an exported one; raises EngineError, nothing changed, when it is not sound."""
        name = check_stack_name(stack)
        text = json.dumps(state)
        body = exported_deployment(text, "the imported state") if "deployment" in state else None
        if body is None:
            from engine.saving.document import latest_of  # noqa: PLC0415 - a rescued file is a checkpoint

            body = latest_of(text, "the imported state")
        opened = open_stack(self._project, self._backend, name, self._passphrase)
        theirs = opened.secrets.under(salt_of(body))
        secrets = opened.secrets if opened.config_file.salt else theirs
        deployment = decode_deployment(body, theirs.decrypt)
        verify(deployment.resources, "the imported state")
        foreign = [
            s.urn for s in deployment.resources if not s.urn.startswith(f"urn:pulumi:{name}::{self._project.name}::")
        ]
        if foreign:
            raise EngineError(
                f"the imported state is of another stack or project: {foreign[0]}",
                fix=f"Import it as the stack its URNs name, or one of {name} here.",
            )
        from engine.saving.times import now  # noqa: PLC0415

        sealed = encode_deployment(
            Deployment(deployment.resources, deployment.pending, secrets.salt, deployment.metadata),
            secrets.encrypt,
            now(),
        )
        document = {
            "version": 3,
            "checkpoint": {"stack": f"organization/{self._project.name}/{name}", "latest": sealed},
        }
        self._backend.create()
        with self._backend.lock(name, self._project.root):
            self._backend.back_up(name)
            self._backend.write(name, json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())

    def cancel(self, stack: str) -> int:
        """Removes the stack's locks; how many there were."""
        return self._backend.unlock(check_stack_name(stack))

    def cancel_killed(self, stack: str, pid: int) -> int:
        """Removes the locks that a process of this machine left when it was killed; how many there were."""
        return self._backend.unlock_after(check_stack_name(stack), pid)

    def _deployment(self, stack: str) -> Deployment:
        opened = open_stack(self._project, self._backend, stack, self._passphrase)
        if not opened.known:
            raise never_deployed(opened.name)
        return opened.deployment


def _with_plaintext(value: Any) -> Any:
    """Sealed values whose "ciphertext" is in truth the JSON text: named as the CLI names it."""
    if isinstance(value, dict):
        return {("plaintext" if key == "ciphertext" else key): _with_plaintext(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_plaintext(item) for item in value]
    return value
