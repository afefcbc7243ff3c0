"""The real Pulumi CLI as an engine, driven through Pulumi's Automation API (`pulumi.automation`).

What is added to it, and why: `docs/decisions/2026-11-24-driving-the-pulumi-cli.md`.
Exit codes: `pkg/cmd/pulumi/cmd/exit_codes.go`.
"""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pulumi.automation import CommandError, Deployment, Stack
from semver import VersionInfo

from engine.cli_command import CliCommand, CliWorkspace
from engine.display.values import contains_secret, plain
from engine.errors import EngineError
from engine.options import RunResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi.automation import EngineEvent, SummaryEvent

    from engine.cli_process import Finished
    from engine.options import Engine, Options

_Answer = TypeVar("_Answer")
# Since this one every flag is also an environment variable, and events stream over gRPC.
OLDEST_SUPPORTED: Final = VersionInfo(3, 208, 0)
_SIGNALLED: Final = 128  # and the signal's number: the shell's code for a command that a signal ended
_VERSION_TIMEOUT_S: Final = 30
_GET_CLI: Final = "Install a supported one (https://www.pulumi.com/docs/install/), or use --engine embedded."
_RUNS_PROGRAM: Final = frozenset({"preview", "up"})
# What the Automation API raises over an answer it cannot read, or that lacks what it looks for.
_UNREADABLE: Final = (ValueError, KeyError, AssertionError, RuntimeError)
_INSTEAD: Final = "Use the embedded engine (--engine embedded), or leave the option out."


@dataclass(frozen=True, slots=True)
class CliInfo:
    """A Pulumi CLI on PATH; `version` "" when it does not say one."""

    path: Path
    version: str

    @property
    def supported(self) -> bool:
        """Whether the Automation API can drive it."""
        if not VersionInfo.is_valid(self.version):
            return False
        version = VersionInfo.parse(self.version)
        return version >= OLDEST_SUPPORTED and version.major == OLDEST_SUPPORTED.major


def find_cli() -> CliInfo | None:
    """The `pulumi` on PATH, None when there is none."""
    found = shutil.which("pulumi")
    if not found:
        return None
    try:
        answer = subprocess.run(
            [found, "version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERSION_TIMEOUT_S,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return CliInfo(Path(found), "")
    return CliInfo(Path(found), answer.stdout.strip().removeprefix("v") if answer.returncode == 0 else "")


def select_engine(
    choice: str, project_dir: Path, *, embedded: Callable[[], Engine], backend_url: str | None = None
) -> tuple[Engine, str]:
    """The engine for `auto`, `embedded` or `pulumi`, and a sentence that says which and why.

    `embedded` makes the embedded one. Raises EngineError when `pulumi` is asked for and there is no supported CLI.
    """
    if choice == "embedded":
        return embedded(), "Using the embedded engine, as asked."
    if choice not in {"auto", "pulumi"}:
        raise EngineError(f"unknown engine {choice!r}", fix="Choose auto, embedded or pulumi.")
    cli = find_cli()
    if cli and cli.supported:
        why = "as asked" if choice == "pulumi" else "found on PATH"
        return PulumiCli(
            project_dir, backend_url=backend_url
        ), f"Using the Pulumi CLI {cli.version}, {why} ({cli.path})."
    problem = _unsupported(cli)
    if choice == "pulumi":
        raise EngineError(problem, fix=_GET_CLI)
    return embedded(), f"Using the embedded engine: {problem}."


def _unsupported(cli: CliInfo | None) -> str:
    if cli is None:
        return "there is no Pulumi CLI on PATH"
    said = f"is version {cli.version}" if cli.version else "does not say its version"
    return f"the Pulumi CLI at {cli.path} {said}; {OLDEST_SUPPORTED} or a later 3.x is supported"


class PulumiCli:
    """Runs one project's stacks with the CLI; see `engine.options.Engine`.

    `backend_url` None leaves the choice of the state's place to the CLI. Raises EngineError without a supported CLI.
    """

    def __init__(self, project_dir: Path, *, backend_url: str | None = None) -> None:
        cli = find_cli()
        if cli is None or not cli.supported:
            raise EngineError(_unsupported(cli), fix=_GET_CLI)
        self._cli = cli
        self._project_dir = project_dir
        # A pack is a child of the CLI, which tells it neither.
        self._environment = {"PULUMI_PROJECT_ROOT": str(Path(project_dir).resolve())}
        if backend_url:
            self._environment["PULUMI_BACKEND_URL"] = backend_url
        if backend_url and urlsplit(backend_url).scheme == "file":
            # The CLI wants the folder of a file backend to be there.
            Path(url2pathname(urlsplit(backend_url).path)).expanduser().mkdir(parents=True, exist_ok=True)

    @property
    def identity(self) -> tuple[str, str]:
        """Its name and version."""
        return "pulumi", self._cli.version

    def preview(self, stack: str, options: Options) -> RunResult:
        """What `up` would do; a stack that does not exist yet is created, empty."""
        return self._operate("preview", stack, options)

    def up(self, stack: str, options: Options) -> RunResult:
        """Makes the stack what its program says; makes no preview of its own."""
        return self._operate("up", stack, options)

    def refresh(self, stack: str, options: Options) -> RunResult:
        return self._operate("refresh", stack, options)

    def destroy(self, stack: str, options: Options) -> RunResult:
        return self._operate("destroy", stack, options)

    def outputs(self, stack: str, *, show_secrets: bool = False) -> dict[str, Any]:
        answer = self._ask(lambda workspace: workspace.stack_outputs(stack), show_secrets=show_secrets)
        return {key: output.value for key, output in answer.items()}

    def export_state(self, stack: str) -> dict[str, Any]:
        answer = self._ask(lambda workspace: workspace.export_stack(stack))
        return {"version": answer.version, "deployment": answer.deployment}

    def import_state(self, stack: str, state: dict[str, Any]) -> None:
        deployment = Deployment(version=state.get("version"), deployment=state.get("deployment"))
        self._ask(lambda workspace: workspace.import_stack(stack, deployment))

    def _operate(self, operation: str, stack: str, options: Options) -> RunResult:
        wishes = _wishes(operation, options)
        events: list[dict[str, Any]] = []
        summaries: list[SummaryEvent] = []

        def take(event: dict[str, Any]) -> None:
            events.append(event)
            if options.on_event:
                options.on_event(event)

        def take_summary(event: EngineEvent) -> None:
            if event.summary_event:
                summaries.append(event.summary_event)

        workspace, command = self._workspace(on_event=take)
        choose = Stack.create_or_select if operation in _RUNS_PROGRAM else Stack.select
        code = 0
        try:
            getattr(choose(stack, workspace), operation)(**wishes, on_event=take_summary)
        except CommandError:
            code = _exit_code(command.last)
            if not _explains_itself(events, code):
                raise _failure(command.last) from None
        except _UNREADABLE as error:
            raise _odd_answer(error) from None
        if operation in _RUNS_PROGRAM and not code:
            _check_packs_ran(summaries, options)
        return RunResult(
            ok=code == 0,
            exit_code=code,
            changes={str(step): count for step, count in (summaries[-1].resource_changes if summaries else {}).items()},
            events=tuple(events),
            outputs=_stack_outputs(events),
        )

    def _ask(self, question: Callable[[CliWorkspace], _Answer], *, show_secrets: bool = False) -> _Answer:
        workspace, command = self._workspace(show_secrets=show_secrets)
        try:
            return question(workspace)
        except CommandError:
            if command.last.stopped_by:
                raise KeyboardInterrupt from None
            raise _failure(command.last) from None
        except _UNREADABLE as error:
            raise _odd_answer(error) from None

    def _workspace(self, **how: Any) -> tuple[CliWorkspace, CliCommand]:
        command = CliCommand(self._cli.path, VersionInfo.parse(self._cli.version), **how)
        return CliWorkspace(str(self._project_dir), env_vars=self._environment, pulumi_command=command), command


def _wishes(operation: str, options: Options) -> dict[str, Any]:
    """The options as arguments of the API's method; what that does not know is refused, never dropped."""
    judged = operation in _RUNS_PROGRAM
    wishes: dict[str, Any] = {
        "policy_packs": [str(pack) for pack in options.policy_packs if judged],
        "policy_pack_configs": [str(config) for config in options.policy_pack_configs if judged],
        "target": list(options.targets),
        "parallel": options.parallel,
        "message": options.message,
        "target_dependents": options.target_dependents,
        "exclude_protected": options.exclude_protected,
        "refresh": options.refresh,
        "clear_pending_creates": options.clear_pending_creates,
        "expect_no_changes": options.expect_no_changes,
        "continue_on_error": options.continue_on_error,
    }
    known = inspect.signature(getattr(Stack, operation)).parameters
    wanted = {name: value for name, value in wishes.items() if value}
    for name in wanted:
        if name not in known:
            raise EngineError(f"`pulumi {operation}` has no --{name.replace('_', '-')}", fix=_INSTEAD)
    if "--" in (options.message, *options.targets):
        # The API would take it for the end of the flags, and put the stack's name before it.
        raise EngineError("'--' cannot be a message or a target here", fix="Write something that says more.")
    return wanted


def _exit_code(finished: Finished) -> int:
    return _SIGNALLED + finished.stopped_by if finished.stopped_by else finished.code


def _explains_itself(events: list[dict[str, Any]], code: int) -> bool:
    """Whether the events say why the run failed; else only the CLI's error output does."""
    for event in events:
        if event.get("diagnosticEvent", {}).get("severity") == "error":
            return True
        if event.get("policyEvent", {}).get("enforcementLevel") in {"mandatory", "remediate"}:
            return True
        if event.get("summaryEvent", {}).get("result") == "failed":
            return True
    # Changes where none were expected: the events show which. A signal: whoever sent it knows.
    return code == 7 or code >= _SIGNALLED


def _check_packs_ran(summaries: list[SummaryEvent], options: Options) -> None:
    ran = max((len(summary.policy_packs or ()) for summary in summaries), default=0)
    if ran < len(options.policy_packs):
        raise EngineError(
            f"the Pulumi CLI ran {ran} of {len(options.policy_packs)} policy packs: nothing it reported can be trusted",
            fix="Look at the stack before anything else is done; check that no PULUMI_OPTION_ variable is set.",
        )


def _stack_outputs(events: list[dict[str, Any]]) -> dict[str, Any]:
    for event in reversed(events):
        metadata = event.get("resOutputsEvent", {}).get("metadata", {})
        new = metadata.get("new") or {}
        if metadata.get("type") == "pulumi:pulumi:Stack" and not new.get("parent"):
            outputs = new.get("outputs") or {}
            return {key: "[secret]" if contains_secret(value) else plain(value) for key, value in outputs.items()}
    return {}


def _failure(finished: Finished) -> EngineError:
    # An error may go on for some lines: who holds the lock stands on the second.
    said = f"\n{finished.stderr.strip()}"
    _, found, errors = said.partition("\nerror: ")
    what = errors.replace("\nerror: ", "\n") if found else "\n".join(said.splitlines()[-5:]).strip()
    what = what or f"the Pulumi CLI ended with exit code {finished.code} and said nothing"
    return EngineError(what, exit_code=finished.code if finished.code > 0 else 255)


def _odd_answer(error: Exception) -> EngineError:
    return EngineError(
        f"the answer of the Pulumi CLI cannot be understood ({type(error).__name__})",
        fix="Try another version of it, or --engine embedded on the same state.",
    )
