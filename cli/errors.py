"""Every error becomes words and an exit code here, and only here."""

from __future__ import annotations

import errno
import json
import shlex
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.asking import DeclinedError

if TYPE_CHECKING:
    from engine.errors import Lock, LockedError

DONE, FAILED, WRONG_INPUT, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130
SIGNALLED = 128  # and above: ended by a signal
_NOT_WRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


def report(error: BaseException, *, as_json: bool) -> int:
    """Say what went wrong on stderr (or as JSON on stdout) and return the exit code; no traceback is ever shown."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return WRONG_INPUT
    code, summary, faults = _classify(error)
    told = not summary
    if as_json and summary:
        # what a person reads once, above the fix, a program looks for in the fault
        blank = {"where": "", "what": summary, "got": "", "why": "", "fix": ""}
        full = [blank | fault for fault in faults]
        told = _said(json.dumps({"error": summary, "faults": full, "exit_code": code}, indent=2))
    if not told:
        first = summary if isinstance(error, DeclinedError) else _label(summary)
        _said("\n".join([first, *(_indent(fault) for fault in faults)]), err=True)
    return code


def _said(text: str, *, err: bool = False) -> bool:
    """Whether there was room for what an error says: it may be that very error."""
    try:
        click.echo(text, err=err)
    except OSError:
        return False
    return True


def _label(summary: str) -> str:
    return f"{click.style('error:', fg='red', bold=True) if sys.stderr.isatty() else 'error:'} {summary}"


def _classify(error: BaseException) -> tuple[int, str, list[dict[str, str]]]:
    """(exit code, summary, faults) of any error."""
    # imported here: a run without errors needs none of it
    from dataclasses import asdict  # noqa: PLC0415

    from engine.errors import EngineError, LockedError  # noqa: PLC0415
    from inventories.faults import OnshoreError  # noqa: PLC0415
    from sandbox import SandboxError  # noqa: PLC0415

    match error:
        case click.exceptions.Exit():
            found: tuple[int, str, list[dict[str, str]]] = error.exit_code, "", []
        case KeyboardInterrupt() | click.Abort():
            found = INTERRUPTED, "interrupted", []
        case DeclinedError():
            found = FAILED, "nothing was done", []
        case click.ClickException():
            found = WRONG_INPUT, error.format_message(), [{"fix": "see onshore --help"}]
        case OnshoreError():
            code = REFUSED if error.refused else FAILED if error.failed else WRONG_INPUT
            found = code, error.summary, [asdict(fault) for fault in error.faults]
        case LockedError():
            found = WRONG_INPUT, error.summary, _locks(error)
        case EngineError() | SandboxError():
            found = WRONG_INPUT, error.what, [{"fix": error.fix}] if error.fix else []
        case BrokenPipeError() | SystemExit():  # click's way to say that nobody reads any more
            found = FAILED, "", []
        case OSError() if error.errno in _NOT_WRITABLE:
            place = f" ({error.filename})" if error.filename else ""
            fix = "make room, or make it writable, and try again"
            found = WRONG_INPUT, f"cannot write: {error.strerror}{place}", [{"fix": fix}]
        case _:
            found = FAILED, *_defect(error)
    return found


def _locks(error: LockedError) -> list[dict[str, str]]:
    fix = f"wait for the other process to end; or, when it no longer runs, type: {_cancel(error)}"
    return [
        {"where": one.file, "what": "locked", "got": one.who, "why": _since(one), "fix": fix} for one in error.locks
    ]


def _since(lock: Lock) -> str:
    since = lock.since and f"since {lock.since}"
    return f"{since}; no such process runs on this machine any more" if lock.is_dead else since


def _cancel(error: LockedError) -> str:
    """The command that removes the locks, as it works from where the person is."""
    here = Path.cwd().resolve()
    around = next((each for each in (here, *here.parents) if (each / "Pulumi.yaml").is_file()), None)
    elsewhere = ["-C", str(error.root)] if error.root is not None and error.root.resolve() != around else []
    return shlex.join(["onshore", "stack", "cancel", error.stack, *elsewhere, *["--yes"] * (not sys.stdin.isatty())])


def _defect(error: BaseException) -> tuple[str, list[dict[str, str]]]:
    with tempfile.NamedTemporaryFile("w", prefix="onshore-defect-", suffix=".log", delete=False) as log:
        traceback.print_exception(error, file=log)
    fix = f"report it with {log.name}; look for secrets in it before you send it"
    return f"a defect in onshore: {type(error).__name__}", [{"fix": fix}]


def _indent(fault: dict[str, Any]) -> str:
    first = ": ".join(part for part in (fault.get("where"), fault.get("what")) if part)
    rest = [f"{label}: {fault[label]}" for label in ("got", "why", "fix") if fault.get(label)]
    return "\n".join([f"  {first}"] * bool(first) + [f"    {line}" for line in rest])
