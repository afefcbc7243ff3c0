"""`onshore preview|up|refresh|destroy STACK`: decide, then run an engine with the pack attached, and show it."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from cli.asking import agree, check_askable
from cli.errors import DONE, FAILED, REFUSED, SIGNALLED, WRONG_INPUT
from cli.flow import check_reads
from cli.interrupts import answered
from cli.project import Project, json_option, project_option
from cli.receipt import hold_receipt
from cli.reporting import REPORT, report_refusal, report_run, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.costs import Costs
    from cli.reporting import Wanted
    from engine.display import LogDisplay
    from engine.display.tree import TreeDisplay
    from engine.options import Engine, RunResult

    Display = LogDisplay | TreeDisplay

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

CHANGES_NOT_EXPECTED: Final = 7  # the Pulumi CLI's exit code for it, of either engine
ENGINE: Decorator = click.option(
    "--engine",
    "choice",
    type=click.Choice(["auto", "embedded", "pulumi"]),
    default="auto",
    envvar="ONSHORE_ENGINE",
    show_default=True,
    help="auto takes a supported Pulumi CLI when one is on PATH, else the embedded engine.",
)
PARALLEL: Decorator = click.option("--parallel", type=click.IntRange(1), help="How many steps may run at once.")
EVENT_LOG: Decorator = click.option(
    "--event-log",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the engine's events to this file, one JSON object a line.",
)
_TARGET = click.option("--target", "targets", multiple=True, metavar="URN", help="Only this resource (repeatable).")
_REFRESH = click.option("--refresh", "refresh_first", is_flag=True, help="Read the live state first.")
_NO_CHANGES = click.option("--expect-no-changes", is_flag=True, help="Fail if anything would change.")
_CLEAR = click.option(
    "--clear-pending-creates", is_flag=True, help="Forget creations that were interrupted; look for them before."
)
_DIFF = click.option("--diff", "detailed", is_flag=True, help="Show every property, not only those that change.")
_MESSAGE = click.option("-m", "--message", default="", help="A note for the stack's history.")
_RECEIPT = click.option(
    "--receipt",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Go up only as this receipt of `onshore gate` says.",
)
_YES = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@dataclass(frozen=True)
class Wish:
    """What the person asked of a run."""

    stack: str
    choice: str = "auto"
    as_json: bool = False
    event_log: Path | None = None
    parallel: int | None = None
    targets: tuple[str, ...] = ()
    refresh_first: bool = False
    clear_pending_creates: bool = False
    expect_no_changes: bool = False
    message: str = ""
    detailed: bool = False
    receipt: Path | None = None
    reports: tuple[Wanted, ...] = ()


def _options(*options: Decorator) -> Decorator:
    def apply(command: Callable[..., Any]) -> Callable[..., Any]:
        every: tuple[Decorator, ...] = (click.argument("stack"), *options, ENGINE, PARALLEL, EVENT_LOG)
        for option in reversed(every):
            command = option(command)
        return json_option(project_option(command))

    return apply


@click.command()
@_options(_TARGET, _REFRESH, _NO_CHANGES, _DIFF, REPORT)
def preview(cwd: Path, **wish: Any) -> int:
    """Show what `up` would do to STACK, judged by the rules."""
    return _run(cwd, Wish(**wish), "preview")


@click.command()
@_options(_TARGET, _REFRESH, _NO_CHANGES, _DIFF, _MESSAGE, _RECEIPT, REPORT, _YES)
def up(cwd: Path, *, yes: bool, **wish: Any) -> int:
    """Create or change STACK's resources, after a preview and a yes.

    The preview cannot be left out: some rules need the finished program, and at the end of an `up` it is too late.
    """
    return _run(cwd, Wish(**wish), "up", yes=yes, preview_first=True)


@click.command()
@_options(_TARGET, _NO_CHANGES, _CLEAR, _DIFF, _MESSAGE, _YES)
def refresh(cwd: Path, *, yes: bool, **wish: Any) -> int:
    """Bring STACK's state in line with what really runs."""
    return _run(cwd, Wish(**wish), "refresh", yes=yes)


@click.command()
@_options(_TARGET, _DIFF, _MESSAGE, _YES)
def destroy(cwd: Path, *, yes: bool, **wish: Any) -> int:
    """Delete everything STACK made."""
    return _run(cwd, Wish(**wish), "destroy", yes=yes)


def _run(cwd: Path, wish: Wish, operation: str, *, yes: bool = True, preview_first: bool = False) -> int:
    project = opened(cwd, wish)
    if operation in ("preview", "up") and (refused := refused_before_start(project, wish)):
        return refused
    check_askable(f"{operation} changes things", yes=yes)
    engine = choose_engine(project, wish)
    held = hold_receipt(project, engine, wish) if operation == "up" else None
    show = display(wish.as_json, detailed=wish.detailed)  # one for both runs: what the preview said is not said again
    if preview_first:
        before = replace(wish, message="", expect_no_changes=False)
        code, result = operate(engine, project, before, "preview", show)
        if code != DONE:
            return _tell_machine(project, "preview", wish, result, code)
        if held:
            held.check_preview(result.events)
    agree(f"{operation} {wish.stack}?", yes=yes)
    if held:
        held.check_still()
    code, result = operate(engine, project, wish, operation, show)
    if held:
        code = held.check_deeds(result.events, code)
    if operation == "up" and code == DONE:
        check_reads(project, result.events)
    return _tell_machine(project, operation, wish, result, code)


def opened(cwd: Path, wish: Wish) -> Project:
    """The project around a folder, ready for a run of the stack; raises OnshoreError."""
    from cli.files import check_stack_file  # noqa: PLC0415 - `--help` needs no inventories

    project = Project.find(cwd)
    check_stack_file(project.stack_file(wish.stack))
    project.use_tryout_passphrase()
    return project


def choose_engine(project: Project, wish: Wish) -> Engine:
    """The engine that was asked for, and say which it is; raises EngineError."""
    from engine.embedded import EmbeddedEngine  # noqa: PLC0415 - the engines import grpc and pulumi
    from engine.pulumi_cli import select_engine  # noqa: PLC0415

    engine, why = select_engine(
        wish.choice,
        project.root,
        embedded=lambda: EmbeddedEngine(project.root, backend_url=project.backend_url),
        backend_url=project.backend_url,
    )
    click.echo(why, err=True)
    return engine


def refused_before_start(project: Project, wish: Wish) -> int:
    """Ask placement first, so that a refusal is told in full before any engine starts."""
    from cli.access import check_access  # noqa: PLC0415
    from cli.explain import judge_stack, tell  # noqa: PLC0415
    from cli.files import check_runnable  # noqa: PLC0415
    from components.placement import Refusal  # noqa: PLC0415
    from inventories import load_rules  # noqa: PLC0415
    from inventories.questions import Questions  # noqa: PLC0415

    check_runnable(project.program, project.policy_pack)
    questions = Questions(wish.stack)
    # the pack would refuse every resource for one rule, waiver or declassification that cannot be read
    rules = questions.ask(load_rules)
    questions.ask(lambda: project.settings.load_waivers(rules))
    questions.ask(project.settings.load_declassifications)
    decision = questions.ask(lambda: judge_stack(project, wish.stack, on=None))
    questions.settle()
    if not isinstance(decision, Refusal):
        if decision is not None:
            check_access(project, wish.stack, decision)
        return DONE
    tell(decision, as_json=wish.as_json, err=not wish.as_json)
    for wanted in wish.reports:
        write(report_refusal(project, wish.stack, "preview", decision), wanted.form, wanted.file)
    return REFUSED


def operate(engine: Engine, project: Project, wish: Wish, operation: str, show: Display) -> tuple[int, RunResult]:
    """Run one operation; returns the exit code beside its result."""
    from engine.options import Options  # noqa: PLC0415

    with ExitStack() as open_files:
        sinks: list[Callable[[dict[str, Any]], None]] = [show]
        if wish.event_log:
            from engine.display import EventLog  # noqa: PLC0415

            sinks.append(EventLog(open_files.enter_context(_opened(wish.event_log))))

        def tell_all(event: dict[str, Any]) -> None:
            for sink in sinks:
                sink(event)

        options = Options(
            policy_packs=(project.policy_pack,),
            parallel=wish.parallel or 0,
            targets=wish.targets,
            refresh=wish.refresh_first,
            clear_pending_creates=wish.clear_pending_creates,
            expect_no_changes=wish.expect_no_changes,
            message=wish.message,
            on_event=tell_all,
        )
        try:
            with answered():
                result: RunResult = getattr(engine, operation)(wish.stack, options)
        finally:
            show.close()
    if wish.expect_no_changes and result.exit_code == CHANGES_NOT_EXPECTED:
        click.echo("error: there are changes, and none were expected", err=True)
    _tell_costs(project, wish, operation, result)
    if operation == "preview" and result.ok:
        check_reads(project, result.events)
    return _exit_code(result), result


def _tell_machine(project: Project, operation: str, wish: Wish, result: RunResult, code: int) -> int:
    for wanted in wish.reports:
        write(report_run(project, wish.stack, operation, code, result.events), wanted.form, wanted.file)
    if wish.as_json:
        document = _document(operation, wish, result)
        if found := _costs(project, operation, result):
            from cli.costs import as_dict  # noqa: PLC0415 - `--help` needs no register

            document["monthlyCost"] = as_dict(found)
        click.echo(json.dumps(document, indent=2))
    return code


def _costs(project: Project, operation: str, result: RunResult) -> Costs | None:
    """What a run that succeeded changes in what each month costs; a refresh plans nothing."""
    if not result.ok or operation == "refresh":
        return None
    from cli.costs import costs  # noqa: PLC0415 - `--help` needs no register

    return costs(result.events, project.settings.load_register())


def _tell_costs(project: Project, wish: Wish, operation: str, result: RunResult) -> None:
    """In words, where people look: after a preview, and after a destroy, which has none."""
    if wish.as_json or operation not in ("preview", "destroy") or not (found := _costs(project, operation, result)):
        return
    from cli.costs import as_words  # noqa: PLC0415 - `--help` needs no register

    for line in as_words(found):
        click.echo(line)


def _opened(log: Path) -> TextIO:
    try:
        return log.open("a", encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"the event log {log} cannot be written: {error.strerror}") from None


def display(as_json: bool, *, detailed: bool = False) -> Display:
    """What people see goes to stdout, or to stderr when stdout is for a machine."""
    stream = sys.stderr if as_json else sys.stdout
    if stream.isatty():
        from engine.display.tree import TreeDisplay  # noqa: PLC0415 - imports rich

        return TreeDisplay(stream, detailed=detailed)
    from engine.display import LogDisplay  # noqa: PLC0415

    return LogDisplay(stream, detailed=detailed)


def _document(operation: str, wish: Wish, result: RunResult) -> dict[str, Any]:
    """The machine output of a run: of a preview in the Pulumi CLI's form, with the rules' findings beside it."""
    findings = [event["policyEvent"] for event in result.events if "policyEvent" in event]
    if operation == "preview":
        from engine.display import preview_json  # noqa: PLC0415

        document = preview_json(result.events)
    else:
        document = {"changeSummary": dict(result.changes), "outputs": dict(result.outputs)}
    return {
        "stack": wish.stack,
        "operation": operation,
        "result": "succeeded" if result.ok else "failed",
        **document,
        "policyViolations": [
            {"urn": f.get("resourceUrn", ""), "level": f["enforcementLevel"], "message": f["message"]} for f in findings
        ],
    }


def _exit_code(result: RunResult) -> int:
    if result.ok:
        return DONE
    if result.exit_code == WRONG_INPUT or result.exit_code >= SIGNALLED:
        return result.exit_code
    from inventories import OnshoreError  # noqa: PLC0415 - `--help` needs no inventories

    if isinstance(result.error, OnshoreError):  # the program's own: a component that refused, or wrong input
        return REFUSED if result.error.refused else WRONG_INPUT
    levels = {event["policyEvent"]["enforcementLevel"] for event in result.events if "policyEvent" in event}
    return REFUSED if levels & {"mandatory", "remediate"} else FAILED
