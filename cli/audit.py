"""`onshore audit FILE-OR-DIR...`: what already runs, judged on a day."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli import outputs
from cli.errors import DONE, REFUSED, WRONG_INPUT
from cli.project import Project, project_option
from cli.reporting import FORMS, WHAT, head, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from audit import Found
    from inventories import Fault
    from policies.dispatcher import Catalogue
    from policies.subject import Facts
    from reports import Finding, Report

# In any case; of these the last cannot be read, and is not to be passed over.
_ENDINGS: Final = (".json", ".json.gz", ".json.zst")
_PAST: Final = ((".pulumi", "history"), (".pulumi", "backups"))


@click.command()
@click.argument("paths", nargs=-1, metavar="[FILE-OR-DIR]...", type=click.Path(path_type=Path))
@click.option("--cluster", "clusters", multiple=True, metavar="ID", help="What runs on this cluster (repeatable).")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day to ask about (default: today).")
@click.option(
    "--format", "form", type=click.Choice(FORMS), default="text", show_default=True, help="The report's form."
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the report to this file, not stdout."
)
@project_option
def audit(
    cwd: Path,
    paths: tuple[Path, ...],
    clusters: tuple[str, ...],
    *,
    on: datetime | None,
    form: str,
    output: Path | None,
) -> int:
    """Judge state exports, previews and clusters against the rules and the register, without running a program.

    Exit codes: 0 clean, 3 findings, 2 when anything cannot be read, whatever was found in the rest.
    """
    from policies.facts import load_facts  # noqa: PLC0415 - `--help` needs no inventories

    if not paths and not clusters:
        raise click.UsageError("nothing to audit: name files, folders or --cluster ID")
    if output:
        outputs.forget(output, WHAT)
    facts = load_facts(cwd.resolve())
    facts = replace(facts, on=on.date()) if on else facts
    report = judge(cwd, paths, clusters, facts)
    write(report, form, output)
    if report.unread:
        return WRONG_INPUT
    return REFUSED if report.refusals else DONE


def judge(cwd: Path, paths: Iterable[Path], clusters: Iterable[str], facts: Facts) -> Report:
    """The report on files and clusters, one after the other; a place that holds nothing is a fault, too."""
    from inventories import OnshoreError  # noqa: PLC0415
    from policies.dispatcher import Catalogue, load_checks  # noqa: PLC0415
    from reports import Report, Unread  # noqa: PLC0415

    checks, resources = Catalogue(load_checks(facts.rules)), 0
    findings: list[Finding] = []
    unread: list[Unread] = []
    for judging in chain(_files(paths, facts, checks), (_cluster(cwd, one, facts, checks) for one in clusters)):
        try:
            for found in judging:
                resources += found.resources
                findings += _told(found)
        except OnshoreError as error:
            unread += [Unread(one.where, _in_a_line(one)) for one in error.faults]
    top = head("audit", facts.register, facts.profile, facts.rules, facts.on)
    return Report(top, tuple(findings), tuple(dict.fromkeys(unread)), resources)


def _files(paths: Iterable[Path], facts: Facts, checks: Catalogue) -> Iterator[Iterator[Found]]:
    """Each file by itself: one that cannot be read does not hide the next; an empty folder is no file."""
    for path in paths:
        files = sorted(_states(path)) if path.is_dir() else []
        yield from (_file(file, facts, checks) for file in files or [path])


def _states(folder: Path) -> Iterator[Path]:
    """The files below a folder, compressed ones too; of a file backend its stacks, not what they once were."""
    for file in folder.rglob("*"):
        below = (folder.resolve().name, *file.relative_to(folder).parts)
        if file.name.lower().endswith(_ENDINGS) and not any(pair in _PAST for pair in pairwise(below)):
            yield file


def _file(file: Path, facts: Facts, checks: Catalogue) -> Iterator[Found]:
    from audit import audit_file  # noqa: PLC0415

    yield audit_file(file, facts, checks)


def _cluster(cwd: Path, cluster: str, facts: Facts, checks: Catalogue) -> Iterator[Found]:
    from audit import audit_namespace  # noqa: PLC0415
    from cli.live import namespaces  # noqa: PLC0415
    from cli.reaching import client_of, in_register  # noqa: PLC0415

    with closing(client_of(Project.find(cwd), in_register(facts.register, cluster)[1])) as client:
        for namespace, objects in namespaces(client):
            yield audit_namespace(cluster, namespace, objects, facts, checks)


def _in_a_line(fault: Fault) -> str:
    said = ": ".join(part for part in (fault.what, fault.got, fault.why) if part)
    return f"{said}. Fix: {fault.fix}" if fault.fix else said


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
