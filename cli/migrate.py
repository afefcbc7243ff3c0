"""`onshore migrate …`: off the machines on premises, one provable step at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.asking import agree, check_askable
from cli.errors import DONE, FAILED, REFUSED
from cli.migrate_words import (
    assessment_data,
    parity_data,
    print_json,
    progress,
    show_assessment,
    show_parity,
    show_plan,
    tell,
)
from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from migration.workspace import Workspace

_FOLDER: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "-m",
    "--move",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("move"),
    show_default=True,
    help="The folder of this move, from the project's.",
)
_ASSET: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--asset", default="", help="Only this asset of the wave."
)
_YES: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
_WAVE: Callable[[Callable[..., Any]], Callable[..., Any]] = click.argument("wave", type=click.IntRange(1))
_PLAN_FILES: Final = {"plan.mmd": "as_mermaid", "plan.svg": "as_svg"}


@click.group()
def migrate() -> None:
    """Move off machines on premises, and prove that nothing was lost."""


@migrate.command()
@click.argument("hosts", nargs=-1, required=True)
@project_option
@_FOLDER
@json_option
@click.option(
    "--files", "roots", multiple=True, help="Folders whose sub-folders are assets.  [default: /srv, /var/www]"
)
@click.option("--department", default="", help="Whose machines they are, for the questionnaire to fill in.")
@click.option("--force", is_flag=True, help="Look again, in place of the record that there is.")
def discover(
    cwd: Path,
    folder: Path,
    hosts: tuple[str, ...],
    *,
    as_json: bool,
    roots: tuple[str, ...],
    department: str,
    force: bool,
) -> None:
    """Look at HOSTS, read-only: discovery.yaml, and a questionnaire that waits to be filled in."""
    import getpass  # noqa: PLC0415

    from migration.discovering import USUAL_ROOTS, as_yaml  # noqa: PLC0415
    from migration.discovering import discover as look  # noqa: PLC0415
    from migration.questionnaire import blank_questionnaire  # noqa: PLC0415

    work = _workspace(cwd, folder)
    record, questions = work.folder / "discovery.yaml", work.folder / "questionnaire.yaml"
    if record.exists() and not force:
        _refuse_overwriting(record, "add --force to look again; plans made from it are then to be made anew")
    told = look(
        hosts,
        work.access,
        work.folder,
        work.register,
        roots=roots or USUAL_ROOTS,
        who=getpass.getuser(),
        progress=lambda line: click.echo(line, err=True),
    )
    record.write_text(as_yaml(told), encoding="utf-8")
    found = work.discovery[1]
    if not questions.exists():
        questions.write_text(blank_questionnaire(found, department), encoding="utf-8")
    if as_json:
        print_json({"assets": list(found.assets), "hosts": [host.id for host in found.hosts]})
        return
    for asset in found.assets:
        click.echo(asset)


@migrate.command("assess")
@project_option
@_FOLDER
@json_option
def assess_(cwd: Path, folder: Path, *, as_json: bool) -> int:
    """Say for each asset where it may go and what that costs a month."""
    found = _workspace(cwd, folder).assessment
    if as_json:
        print_json(assessment_data(found))
    else:
        show_assessment(found)
    return REFUSED if found.refused else DONE


@migrate.command()
@project_option
@_FOLDER
@json_option
@click.option("--check", is_flag=True, help="Only re-check the plan that there is, as it was changed by hand.")
@click.option("--force", is_flag=True, help="Make it anew in place of the one that there is.")
@click.option("--copy-mib-s", type=click.FloatRange(0, min_open=True), default=20.0, show_default=True, help="Assumed.")
@click.option("--verify-mib-s", type=click.FloatRange(0, min_open=True), default=60.0, show_default=True, help="Same.")
def plan(
    cwd: Path, folder: Path, *, as_json: bool, check: bool, force: bool, copy_mib_s: float, verify_mib_s: float
) -> None:
    """Put what moves into waves: nothing before what it needs, each at a lawful target; plan.yaml and its pictures."""
    from migration import drawing  # noqa: PLC0415 - pydantic, here and below
    from migration.plan import PlanSettings, as_yaml, make_plan  # noqa: PLC0415

    work = _workspace(cwd, folder)
    if not check:
        if work.plan_file.exists() and not force:
            _refuse_overwriting(work.plan_file, "add --check to re-check it, or --force to make it anew")
        settings = PlanSettings(copy_mib_s=copy_mib_s, verify_mib_s=verify_mib_s)
        made = make_plan(work.discovery, work.questionnaire, work.assessment, work.judge, settings)
        work.plan_file.write_text(as_yaml(made), encoding="utf-8")
    made = work.plan
    for name, drawn in _PLAN_FILES.items():
        (work.folder / name).write_text(getattr(drawing, drawn)(made), encoding="utf-8")
    if as_json:
        print_json(made.model_dump(mode="json"))
    else:
        show_plan(made)


@migrate.command()
@_WAVE
@project_option
@_FOLDER
@json_option
@_ASSET
@click.option("--again", is_flag=True, help="Copy anew what was copied already.")
def run(cwd: Path, folder: Path, wave: int, *, as_json: bool, asset: str, again: bool) -> None:
    """Copy the data of WAVE to its targets; what a kill cut off goes on where it was."""
    from migration.steps import copy  # noqa: PLC0415

    work = _workspace(cwd, folder)
    chosen, moves = work.chosen(wave, asset)
    rows = []
    with work.ledger.only_one():
        work.check_needs(chosen)
        move = work.move(progress(as_json=as_json))
        for found, planned in moves:
            with work.sites(found, planned) as (source, target):
                standing = copy(move, found, source, target, wave=wave, again=again, method=planned.method)
            rows.append({"asset": found.id, "target": planned.target, "state": standing.state})
    tell(rows, as_json=as_json)
    for planned in chosen.moves:
        if planned.asset not in {row["asset"] for row in rows} and not asset:
            way = (
                f"onshore up STACK, on {planned.target}"
                if planned.to == "cluster"
                else f"set it up on {planned.target}"
            )
            click.echo(f"{planned.asset} has no data of its own: {way}", err=True)


@migrate.command()
@_WAVE
@project_option
@_FOLDER
@json_option
@_ASSET
def verify(cwd: Path, folder: Path, wave: int, *, as_json: bool, asset: str) -> int:
    """Compare both sides of WAVE, and keep the evidence; exit code 1 where anything differs."""
    from migration.steps import CLOSED  # noqa: PLC0415
    from migration.steps import verify as verify_asset  # noqa: PLC0415

    work = _workspace(cwd, folder)
    _, moves = work.chosen(wave, asset)
    rows, equal = [], True
    with work.ledger.only_one():
        move = work.move(progress(as_json=as_json))
        for found, planned in moves:
            if (state := move.standing(found).state) in CLOSED and not asset:
                click.echo(f"{found.id} is {state}: its evidence stands", err=True)
                continue
            with work.sites(found, planned) as (source, target):
                parity, digest = verify_asset(move, found, source, target, wave=wave)
            equal = equal and parity.equal
            rows.append(parity_data(found.id, parity, digest))
            if not as_json:
                show_parity(found.id, parity, digest)
    if as_json:
        print_json(rows)
    return DONE if equal else FAILED


@migrate.command()
@_WAVE
@project_option
@_FOLDER
@json_option
@_ASSET
@_YES
def cutover(cwd: Path, folder: Path, wave: int, *, as_json: bool, asset: str, yes: bool) -> None:
    """Close the sources of WAVE and let the targets count; refused where evidence is older than the last write."""
    from migration.steps import check_current  # noqa: PLC0415
    from migration.steps import cutover as cut_over  # noqa: PLC0415

    check_askable(f"cutover closes the sources of wave {wave}", yes=yes)
    work = _workspace(cwd, folder)
    _, moves = work.chosen(wave, asset)
    agree(f"close {len(moves)} sources of wave {wave}?", yes=yes)
    rows = []
    with work.ledger.only_one():
        move = work.move(progress(as_json=as_json))
        for found, planned in moves if len(moves) > 1 else ():  # a wave is cut over as a whole, or not at all
            with work.sites(found, planned) as (source, _):
                check_current(move, found, source, wave=wave)
        for found, planned in moves:
            with work.sites(found, planned) as (source, target):
                cut_over(move, found, source, target, wave=wave)
            rows.append({"asset": found.id, "target": planned.target, "state": move.standing(found).state})
    tell(rows, as_json=as_json)


@migrate.command()
@_WAVE
@project_option
@_FOLDER
@json_option
@_ASSET
@_YES
@click.option("--lose-writes", is_flag=True, help="Give up what was written at the target since the cutover.")
def rollback(cwd: Path, folder: Path, wave: int, *, as_json: bool, asset: str, yes: bool, lose_writes: bool) -> None:
    """Open the sources of WAVE again and let them count."""
    from migration.steps import rollback as roll_back  # noqa: PLC0415

    check_askable(f"rollback goes back to the sources of wave {wave}", yes=yes)
    work = _workspace(cwd, folder)
    _, moves = work.chosen(wave, asset, back=True)
    agree(f"go back to {len(moves)} sources of wave {wave}?", yes=yes)
    rows = []
    with work.ledger.only_one():
        move = work.move(progress(as_json=as_json))
        for found, planned in moves:
            with work.sites(found, planned) as (source, target):
                roll_back(move, found, source, target, wave=wave, lose_writes=lose_writes)
            rows.append({"asset": found.id, "target": found.host, "state": move.standing(found).state})
    tell(rows, as_json=as_json)


@migrate.command()
@_WAVE
@project_option
@_FOLDER
@json_option
@_ASSET
@_YES
def retire(cwd: Path, folder: Path, wave: int, *, as_json: bool, asset: str, yes: bool) -> None:
    """Record that the sources of WAVE may be given up: with evidence newer than their last write, and a copy kept."""
    from migration.steps import retire as retire_asset  # noqa: PLC0415

    check_askable(f"retire gives up the sources of wave {wave}", yes=yes)
    work = _workspace(cwd, folder)
    _, moves = work.chosen(wave, asset)
    agree(f"give up {len(moves)} sources of wave {wave}?", yes=yes)
    rows = []
    with work.ledger.only_one():
        move = work.move(progress(as_json=as_json))
        for found, planned in moves:
            with work.sites(found, planned) as (source, _):
                retire_asset(move, found, source, work.retentions.get(found.id), wave=wave)
            rows.append({"asset": found.id, "target": planned.target, "state": move.standing(found).state})
    tell(rows, as_json=as_json)


@migrate.command()
@project_option
@_FOLDER
@json_option
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write it as one page to this file.")
def report(cwd: Path, folder: Path, *, as_json: bool, html: Path | None) -> None:
    """Say where each asset stands, what the move costs, and which evidence there is."""
    from migration.report import as_html, as_text  # noqa: PLC0415
    from migration.report import report as made  # noqa: PLC0415

    data = made(_workspace(cwd, folder))
    if html is not None:
        html.write_text(as_html(data), encoding="utf-8")
    if as_json:
        print_json(data)
    elif html is None:
        click.echo(as_text(data), nl=False)


@migrate.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("stacks/workloads"),
              show_default=True, help="The folder for SERVICE/score.yaml.")  # fmt: skip
@click.option("--force", is_flag=True, help="Write over Score files that are there.")
def compose(file: Path, out: Path, *, as_json: bool, force: bool) -> None:
    """Make Score files of a compose FILE, one a service, and list what could not be carried over."""
    from dataclasses import asdict  # noqa: PLC0415

    from migration.compose import import_compose  # noqa: PLC0415

    services, lost = import_compose(file)
    made = {each.name: out / each.name / "score.yaml" for each in services if each.score}
    for path in made.values():
        if path.exists() and not force:
            _refuse_overwriting(path, "add --force to write over it, or -o FOLDER")
    for each in services:
        if each.name in made:
            made[each.name].parent.mkdir(parents=True, exist_ok=True)
            made[each.name].write_text(each.score, encoding="utf-8")
    if as_json:
        print_json({"services": [asdict(each) for each in services], "lost": [asdict(fault) for fault in lost]})
        return
    for each in services:
        click.echo(f"{each.service}: {made.get(each.name, 'no Score file could be made')}")
        if each.environment:
            click.echo(f"    set in the stack's `onshore:environment`: {', '.join(each.environment)}")
        for fault in each.lost:
            click.echo("\n".join(f"    {line}" for line in str(fault).splitlines()))
    for fault in lost:
        click.echo(str(fault))


def _workspace(cwd: Path, folder: Path) -> Workspace:
    """The move's folder with today's facts; raises OnshoreError."""
    from inventories import today  # noqa: PLC0415
    from migration.workspace import Workspace  # noqa: PLC0415

    project = Project.find(cwd)
    profile = project.settings.load_profile()
    return Workspace(project.root / folder, project.settings.load_register(), profile, today(profile))


def _refuse_overwriting(path: Path, fix: str) -> None:
    from inventories import Fault, OnshoreError  # noqa: PLC0415
    from inventories.yaml_source import display_name  # noqa: PLC0415

    fault = Fault(display_name(path), "is there already, and may have been changed by hand", fix=fix)
    raise OnshoreError("nothing is overwritten unasked", [fault])
