"""The real Pulumi CLI as an engine, driven as Pulumi's Automation API drives it: same flags, environment, event stream.

Why not `pulumi.automation` itself: `docs/decisions/2026-11-24-driving-the-pulumi-cli.md`.
Exit codes: `pkg/cmd/pulumi/cmd/exit_codes.go`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from semver import VersionInfo

from engine.cli_events import TracebackFilter, serve_events
from engine.cli_process import Finished, run_cli
from engine.display.values import contains_secret, plain
from engine.errors import EngineError
from engine.options import RunResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.options import Engine, Options

# Since this one every flag is also an environment variable, and events stream over gRPC.
OLDEST_SUPPORTED: Final = VersionInfo(3, 208, 0)
_NO_SUCH_STACK: Final = 6
_SIGNALLED: Final = 128  # and the signal's number: the shell's code for a command that a signal ended
_VERSION_TIMEOUT_S: Final = 30
_GET_CLI: Final = "Install a supported one (https://www.pulumi.com/docs/install/), or use --engine embedded."
_INSTEAD: Final = "Use the embedded engine (--engine embedded), or leave the option out."


@dataclass(frozen=True, slots=True)
class CliInfo:
    """A Pulumi CLI on PATH; `version` "" when it does not say one."""

    path: Path
    version: str

    @property
    def supported(self) -> bool:
        """Whether this project can drive it."""
        return VersionInfo.is_valid(self.version) and VersionInfo.parse(self.version) >= OLDEST_SUPPORTED


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
    return f"the Pulumi CLI at {cli.path} {said}; {OLDEST_SUPPORTED} or later is supported"


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
        self._environment = {"PULUMI_BACKEND_URL": backend_url} if backend_url else {}
        if backend_url and urlsplit(backend_url).scheme == "file":
            # The CLI wants the folder of a file backend to be there.
            Path(url2pathname(urlsplit(backend_url).path)).expanduser().mkdir(parents=True, exist_ok=True)

    def preview(self, stack: str, options: Options) -> RunResult:
        """What `up` would do; a stack that does not exist yet is created, empty."""
        return self._operate(stack, ["preview"], options, creates_stack=True)

    def up(self, stack: str, options: Options) -> RunResult:
        """Makes the stack what its program says; makes no preview of its own."""
        return self._operate(stack, ["up", "--yes", "--skip-preview"], options, creates_stack=True)

    def refresh(self, stack: str, options: Options) -> RunResult:
        return self._operate(stack, ["refresh", "--yes", "--skip-preview"], options)

    def destroy(self, stack: str, options: Options) -> RunResult:
        return self._operate(stack, ["destroy", "--yes", "--skip-preview"], options)

    def outputs(self, stack: str, *, show_secrets: bool = False) -> dict[str, Any]:
        secrets = ["--show-secrets"] if show_secrets else []
        return self._json(["stack", "output", "--json", *secrets, "--stack", stack])

    def export_state(self, stack: str) -> dict[str, Any]:
        return self._json(["stack", "export", "--stack", stack])

    def import_state(self, stack: str, state: dict[str, Any]) -> None:
        with tempfile.TemporaryDirectory(prefix="state-") as folder:
            file = Path(folder, "state.json")
            file.write_text(json.dumps(state), encoding="utf-8")
            self._checked(["stack", "import", "--file", str(file), "--stack", stack])

    def _operate(self, stack: str, command: list[str], options: Options, *, creates_stack: bool = False) -> RunResult:
        arguments = [*command, *_flags(command[0], options), "--stack", stack, "--exec-kind", "auto.local"]
        finished, events = self._watched(arguments, options)
        if finished.code == _NO_SUCH_STACK and creates_stack and not events:
            self._checked(["stack", "init", "--no-select", "--stack", stack])
            finished, events = self._watched(arguments, options)
        code = _SIGNALLED + finished.stopped_by if finished.stopped_by else finished.code
        if code and not _explains_itself(events, code):
            raise _failure(finished)
        if command[0] in {"preview", "up"} and not code:
            _check_packs_ran(events, options)
        summary: dict[str, Any] = next(
            (event["summaryEvent"] for event in reversed(events) if "summaryEvent" in event), {}
        )
        return RunResult(
            ok=code == 0,
            exit_code=code,
            changes=dict(summary.get("resourceChanges") or {}),
            events=tuple(events),
            outputs=_stack_outputs(events),
        )

    def _watched(self, arguments: list[str], options: Options) -> tuple[Finished, list[dict[str, Any]]]:
        """Runs the CLI; its events are kept and passed on as they come."""
        events: list[dict[str, Any]] = []

        def take(event: dict[str, Any]) -> None:
            events.append(event)
            if options.on_event:
                options.on_event(event)

        noise = TracebackFilter(take)
        with ExitStack() as serving:
            address = serving.enter_context(serve_events(noise))
            finished = self._run([*arguments, "--event-log", address])
        noise.close()
        return finished, events

    def _run(self, arguments: list[str]) -> Finished:
        return run_cli(self._cli.path, arguments, cwd=self._project_dir, environment=self._environment)

    def _checked(self, arguments: list[str]) -> str:
        finished = self._run(arguments)
        if finished.stopped_by:
            raise KeyboardInterrupt
        if finished.code:
            raise _failure(finished)
        return finished.stdout

    def _json(self, arguments: list[str]) -> dict[str, Any]:
        text = self._checked(arguments)
        try:
            document: dict[str, Any] = json.loads(text)
        except ValueError:
            raise EngineError(f"`pulumi {' '.join(arguments)}` did not answer with JSON") from None
        return document


def _flags(command: str, options: Options) -> list[str]:
    """The options as flags; what a command does not know is refused, never dropped."""
    flags: list[str] = []
    if command in {"preview", "up"}:
        for pack in options.policy_packs:
            flags += ["--policy-pack", str(pack)]
        for config in options.policy_pack_configs:
            flags += ["--policy-pack-config", str(config)]
    for target in options.targets:
        flags += ["--target", target]
    if options.parallel:
        flags += ["--parallel", str(options.parallel)]
    if options.message:
        flags += ["--message", options.message]
    switches = {
        "--target-dependents": (options.target_dependents, {"preview", "up", "destroy"}),
        "--refresh": (options.refresh, {"preview", "up", "destroy"}),
        "--expect-no-changes": (options.expect_no_changes, {"preview", "up", "refresh"}),
        "--continue-on-error": (options.continue_on_error, {"up", "destroy"}),
    }
    for switch, (wanted, known_to) in switches.items():
        if wanted and command not in known_to:
            raise EngineError(f"`pulumi {command}` has no {switch}", fix=_INSTEAD)
        if wanted:
            flags.append(switch)
    return flags


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


def _check_packs_ran(events: list[dict[str, Any]], options: Options) -> None:
    ran = max(
        (len(event["summaryEvent"].get("PolicyPacks") or ()) for event in events if "summaryEvent" in event), default=0
    )
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
