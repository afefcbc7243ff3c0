"""What the steps of `onshore migrate` on a wave share: their options, and the frame of those that are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.asking import agree, check_askable
from cli.migrate_words import progress, tell
from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from migration.discovery import Asset
    from migration.plan import PlannedMove
    from migration.steps import Move, Site
    from migration.workspace import Workspace

FOLDER: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "-m",
    "--move",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("move"),
    show_default=True,
    help="The folder of this move, from the project's.",
)
ASSET: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--asset", default="", help="Only this asset of the wave."
)
YES: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
WAVE: Callable[[Callable[..., Any]], Callable[..., Any]] = click.argument("wave", type=click.IntRange(1))


def on_a_wave(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a step that is asked for."""
    for option in (YES, ASSET, json_option, FOLDER, project_option, WAVE):
        command = option(command)
    return command


def _check_all(
    work: Workspace, moves: list[tuple[Asset, PlannedMove]], check: Callable[[Asset, Site, Site], None]
) -> None:
    """Raise OnshoreError with what stands against any of them."""
    from inventories import OnshoreError  # noqa: PLC0415 - `--help` needs no inventories

    errors = []
    for found, planned in moves:
        with work.sites(found, planned) as ends:
            try:
                check(found, *ends)
            except OnshoreError as error:
                errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        faults = [fault for error in errors for fault in error.faults]
        refused = any(error.refused for error in errors)
        failed = any(error.failed for error in errors)
        raise OnshoreError("; ".join(error.summary for error in errors), faults, refused=refused, failed=failed)


@dataclass(frozen=True)
class Step:
    """A step that is asked for before it is taken; `check`: of every source first, as a wave goes whole or not at all.

    `back`: it goes back to the sources.
    """

    does: str
    verb: str
    act: Callable[[Workspace, Move, Asset, Site, Site], None]
    check: Callable[[Move, Asset, Site, Site], None] | None = None
    back: bool = False


def take_step(step: Step, cwd: Path, folder: Path, wave: int, *, as_json: bool, asset: str, yes: bool) -> None:
    """Take a step for every asset of a wave, or for the one that is named."""
    check_askable(f"{step.does} of wave {wave}", yes=yes)
    _, work = workspace(cwd, folder)
    _, moves = work.chosen(wave, asset, back=step.back)
    agree(f"{step.verb} {len(moves)} sources of wave {wave}?", yes=yes)
    rows = []
    with work.ledger.only_one():
        move = work.move(progress(as_json=as_json))
        if step.check and len(moves) > 1:
            _check_all(work, moves, partial(step.check, move))
        for found, planned in moves:
            with work.sites(found, planned) as ends:
                step.act(work, move, found, *ends)
            counts = found.host if step.back else planned.target
            rows.append({"asset": found.id, "target": counts, "state": move.standing(found).state})
    tell(rows, as_json=as_json)


def workspace(cwd: Path, folder: Path) -> tuple[Project, Workspace]:
    """The project, and the move's folder with today's facts; raises OnshoreError."""
    from inventories import today  # noqa: PLC0415
    from migration.workspace import Workspace  # noqa: PLC0415

    project = Project.find(cwd)
    profile = project.settings.load_profile()
    work = Workspace(project.root / folder, project.settings.load_register(), profile, today(profile))
    return project, work
