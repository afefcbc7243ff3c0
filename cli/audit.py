"""`onshore audit FILE-OR-DIR...`: what already runs, judged on a day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.errors import DONE, REFUSED, WRONG_INPUT
from cli.project import project_option
from cli.reporting import FORMS, forget, head, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from audit import Found
    from policies.subject import Facts
    from reports import Finding, Report


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day to ask about (default: today).")
@click.option(
    "--format", "form", type=click.Choice(FORMS), default="text", show_default=True, help="The report's form."
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the report to this file, not stdout."
)
@project_option
def audit(cwd: Path, paths: tuple[Path, ...], *, on: datetime | None, form: str, output: Path | None) -> int:
    """Judge state exports against the rules and the register, without running a program.

    Exit codes: 0 clean, 3 findings, 2 when any file cannot be read, whatever was found in the others.
    """
    from policies.facts import load_facts  # noqa: PLC0415 - `--help` needs no inventories

    if output:
        forget(output)
    facts = load_facts(cwd.resolve())
    facts = replace(facts, on=on.date()) if on else facts
    report = judge(_files(paths), facts)
    write(report, form, output)
    if report.unread:
        return WRONG_INPUT
    return REFUSED if report.refusals else DONE


def judge(files: Iterable[Path], facts: Facts) -> Report:
    """The report on files, one after the other; none at all is a fault, too."""
    from audit import audit_file  # noqa: PLC0415
    from inventories import OnshoreError  # noqa: PLC0415
    from policies.dispatcher import Catalogue, load_checks  # noqa: PLC0415
    from reports import Report, Unread  # noqa: PLC0415

    checks, resources = Catalogue(load_checks(facts.rules)), 0
    findings: list[Finding] = []
    unread: list[Unread] = []
    for file in files:
        try:
            found = audit_file(file, facts, checks)
        except OnshoreError as error:
            unread += [Unread(fault.where, f"{fault.what}. Fix: {fault.fix}") for fault in error.faults]
            continue
        resources += found.resources
        findings += _told(found)
    if not resources and not unread:
        unread.append(Unread(".", "no file to audit. Fix: name state exports, or folders that hold some as *.json"))
    top = head("audit", facts.register, facts.profile, facts.rules, facts.on)
    return Report(top, tuple(findings), tuple(unread), resources)


def _told(found: Found) -> Iterator[Finding]:
    from reports import Finding  # noqa: PLC0415

    for one in found.findings:
        yield Finding(
            one.rule,
            one.severity,
            one.title,
            one.urn,
            one.path,
            one.message,
            level="mandatory" if one.binds else "advisory",
            waiver=one.waiver,
            stack=found.stack,
            department=found.department,
            file=found.source,
        )


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.rglob("*.json")) if path.is_dir() else [path]
