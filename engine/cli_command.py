"""How Pulumi's Automation API reaches the CLI here: its two public extension points, `PulumiCommand` and `Workspace`.

Why they are needed: `docs/decisions/2026-11-24-driving-the-pulumi-cli.md`.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pulumi.automation import CommandError, CommandResult, LocalWorkspace, PulumiCommand
from pulumi.automation.errors import create_command_error

from engine.cli_events import TracebackFilter, relay_events, serve_events
from engine.cli_process import Finished, run_cli

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pulumi.automation import Deployment, OnOutput
    from semver import VersionInfo

_OPERATIONS: Final = frozenset({"preview", "up", "refresh", "destroy"})
_EVENT_LOG: Final = "--event-log"


class CliCommand(PulumiCommand):
    """Runs the CLI at `path` for the Automation API; `last` is how its last command ended.

    `on_event` gets each event of an operation in the CLI's own JSON form. Without `show_secrets` no command is asked
    to show any, whatever the API wants.
    """

    def __init__(
        self,
        path: Path,
        version: VersionInfo,
        *,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        show_secrets: bool = False,
    ) -> None:
        # Both are known; the parent's constructor would start the CLI to ask.
        self.command = str(path)
        self.version = version
        self.last = Finished(0, "", "")
        self._on_event = on_event
        self._show_secrets = show_secrets

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Runs one command to its end, also when a signal asks it to stop. Raises CommandError unless it succeeded."""
        arguments = list(args)
        their_log = ""
        summaries: list[dict[str, Any]] = []
        with ExitStack() as serving:
            if arguments[0] in _OPERATIONS:
                their_log = self._replace_event_log(arguments, summaries, serving)
            elif not self._show_secrets:
                arguments = [word for word in arguments if word != "--show-secrets"]
            self.last = run_cli(
                Path(self.command),
                arguments,
                cwd=Path(cwd),
                environment=additional_env,
                on_output=on_output,
                on_error=on_error,
            )
        if their_log:
            # Its preview fails without them; of the other events it warns where it does not know what they say.
            relay_events(their_log, summaries)
        result = CommandResult(self.last.stdout, self.last.stderr, self.last.code)
        if self.last.stopped_by:
            raise CommandError(result)
        if self.last.code:
            raise create_command_error(result)
        return result

    def _replace_event_log(self, arguments: list[str], summaries: list[dict[str, Any]], serving: ExitStack) -> str:
        """Puts a log of ours in place of the API's, which drops fields; returns the address of the API's."""

        def take(event: dict[str, Any]) -> None:
            if "summaryEvent" in event:
                summaries.append(event)
            if self._on_event:
                self._on_event(event)

        noise = TracebackFilter(take)
        serving.callback(noise.close)
        address = serving.enter_context(serve_events(noise))
        # The last one: a message, which comes before it, may be any text.
        at = len(arguments) - arguments[::-1].index(_EVENT_LOG)
        theirs, arguments[at] = arguments[at], address
        return theirs.removeprefix("tcp://")


class CliWorkspace(LocalWorkspace):
    """A project whose stacks are named in each command: none is selected, and no state is left in temporary files."""

    def select_stack(self, stack_name: str) -> None:
        """Only looks whether there is one. Raises StackNotFoundError."""
        self._tell("stack", "--show-name", "--stack", stack_name)

    def create_stack(self, stack_name: str) -> None:
        self._tell("stack", "init", "--no-select", "--stack", stack_name)

    def import_stack(self, stack_name: str, state: Deployment) -> None:
        with tempfile.TemporaryDirectory(prefix="state-") as folder:
            file = Path(folder, "state.json")
            file.write_text(json.dumps({"version": state.version, "deployment": state.deployment}), encoding="utf-8")
            self._tell("stack", "import", "--file", str(file), "--stack", stack_name)

    def _tell(self, *words: str) -> None:
        self.pulumi_command.run(list(words), self.work_dir, self.env_vars)
