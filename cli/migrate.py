"""`onshore migrate …`: off the machines on premises, one provable step at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli import outputs
from cli.asking import check_askable
from cli.errors import DONE, FAILED, REFUSED
from cli.migrate_steps import ASSET, FOLDER, WAVE, YES, Step, on_a_wave, take_step, workspace
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
from cli.operations import ENGINE
from cli.project import json_option, project_option

if TYPE_CHECKING:
    from migration.discovery import Asset
    from migration.steps import Move, Site
    from migration.workspace import Workspace

_PLAN_FILES: Final = {"plan.mmd": "as_mermaid", "plan.svg": "as_svg"}


@click.group()
def migrate() -> None:
    """Move off machines on premises, and prove that nothing was lost."""


@migrate.command()
@click.argument("hosts", nargs=-1, required=True)
@project_option
@FOLDER
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

    _, work = workspace(cwd, folder)
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
@FOLDER
@json_option
def assess_(cwd: Path, folder: Path, *, as_json: bool) -> int:
    """Say for each asset where it may go and what that costs a month."""
    found = workspace(cwd, folder)[1].assessment
    if as_json:
        print_json(assessment_data(found))
    else:
        show_assessment(found)
    return REFUSED if found.refused else DONE


@migrate.command()
@project_option
@FOLDER
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

    _, work = workspace(cwd, folder)
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
@WAVE
@project_option
@FOLDER
@json_option
@ASSET
@YES
@ENGINE
@click.option("--again", is_flag=True, help="Bring up and copy anew what was already.")
def run(cwd: Path, folder: Path, wave: int, *, as_json: bool, asset: str, yes: bool, choice: str, again: bool) -> int:
    """Bring the targets of WAVE up, by the same gate as `onshore up`, and copy the data there.

    What a kill cut off goes on where it was.
    """
    from cli.bringing_up import BringUp  # noqa: PLC0415
    from migration import stacks  # noqa: PLC0415
    from migration.steps import copy  # noqa: PLC0415

    project, work = workspace(cwd, folder)
    chosen, moves = work.chosen(wave, asset)
    rows = []
    with work.ledger.only_one():
        work.check_needs(chosen)
        move = work.move(progress(as_json=as_json))
        up = BringUp(project, choice, as_json, yes)
        todo = stacks.due(move, work.wanted(chosen, asset), again=again)
        check_askable(f"run brings {', '.join(todo)} up", yes=yes or not todo)
        for name, wanted in todo.items():
            if stacks.bring_up(move, name, wanted, up, wave=wave) != "up":
                return up.code
        for found, planned in moves:
            with work.sites(found, planned) as (source, target):
                standing = copy(move, found, source, target, wave=wave, again=again, method=planned.method)
            rows.append({"asset": found.id, "target": planned.target, "state": standing.state})
            if not as_json:
                tell(rows[-1:], as_json=False)
        told = len(rows)
        for each in work.wanted(chosen, asset):
            if each.planned.stack and (each.asset, each.planned) not in moves:
                state = move.standing(each.asset).state
                rows.append({"asset": each.asset.id, "target": each.planned.target, "state": state})
    tell(rows if as_json else rows[told:], as_json=as_json)
    for planned in chosen.moves:
        if planned.asset not in {row["asset"] for row in rows} and not asset:
            way = (
                f"onshore up STACK, on {planned.target}"
                if planned.to == "cluster"
                else f"set it up on {planned.target}"
            )
            click.echo(f"{planned.asset} has no data of its own, and names no stack: {way}", err=True)
    return DONE


@migrate.command()
@WAVE
@project_option
@FOLDER
@json_option
@ASSET
def verify(cwd: Path, folder: Path, wave: int, *, as_json: bool, asset: str) -> int:
    """Compare both sides of WAVE, and keep the evidence; exit code 1 where anything differs."""
    from migration.steps import CLOSED  # noqa: PLC0415
    from migration.steps import verify as verify_asset  # noqa: PLC0415

    _, work = workspace(cwd, folder)
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
    if not equal:
        again = f"onshore migrate run {wave}, then onshore migrate verify {wave}"
        click.echo(f"run it again: it copies anew what differs ({again})", err=True)
    return DONE if equal else FAILED


@migrate.command()
@on_a_wave
def cutover(**asked: Any) -> None:
    """Close the sources of WAVE and let the targets count; refused where either side changed since its evidence."""
    from migration import steps  # noqa: PLC0415

    def check(move: Move, found: Asset, source: Site, target: Site) -> None:
        steps.check_current(move, found, source, target, wave=asked["wave"])

    def close(_: Workspace, move: Move, found: Asset, source: Site, target: Site) -> None:
        steps.cutover(move, found, source, target, wave=asked["wave"])

    take_step(Step("cutover closes the sources", "close", close, check), **asked)


@migrate.command()
@on_a_wave
@click.option("--lose-writes", is_flag=True, help="Give up what was written at the target since the cutover.")
def rollback(*, lose_writes: bool, **asked: Any) -> None:
    """Open the sources of WAVE again and let them count."""
    from migration import steps  # noqa: PLC0415

    def reopen(_: Workspace, move: Move, found: Asset, source: Site, target: Site) -> None:
        steps.rollback(move, found, source, target, wave=asked["wave"], lose_writes=lose_writes)

    take_step(Step("rollback goes back to the sources", "go back to", reopen, back=True), **asked)


@migrate.command()
@on_a_wave
def retire(**asked: Any) -> None:
    """Record that the sources of WAVE may be given up: with evidence newer than their last write, and a copy kept."""
    from migration import steps  # noqa: PLC0415

    def give_up(work: Workspace, move: Move, found: Asset, source: Site, _: Site) -> None:
        steps.retire(move, found, source, work.retentions.get(found.id), wave=asked["wave"])

    take_step(Step("retire gives up the sources", "give up", give_up), **asked)


@migrate.command()
@project_option
@FOLDER
@json_option
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write it as one page to this file.")
def report(cwd: Path, folder: Path, *, as_json: bool, html: Path | None) -> None:
    """Say where each asset stands, what the move costs, and which evidence there is."""
    from migration.report import as_html, as_text  # noqa: PLC0415
    from migration.report import report as made  # noqa: PLC0415

    data = made(workspace(cwd, folder)[1])
    if html is not None:
        outputs.write(html, "report", [as_html(data)])
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


def _refuse_overwriting(path: Path, fix: str) -> None:
    from inventories import Fault, OnshoreError  # noqa: PLC0415
    from inventories.yaml_source import display_name  # noqa: PLC0415

    fault = Fault(display_name(path), "is there already, and may have been changed by hand", fix=fix)
    raise OnshoreError("nothing is overwritten unasked", [fault])
