"""`onshore waivers list` and `onshore declassifications list`: what is on record, and where each stands on a day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

import click

from cli.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from inventories import Settings
    from inventories.models import Declassification, Waiver

D = TypeVar("D", "Waiver", "Declassification")


def show(
    cwd: Path,
    called: str,
    load: Callable[[Settings], tuple[D, ...]],
    scope: Callable[[D], str],
    *,
    as_json: bool,
    on: datetime | None,
) -> None:
    """List every record with its scope and state; `called`: what they are, `on`: the day (None: today)."""
    from inventories import today  # noqa: PLC0415 - pydantic
    from reports.wording import one_line  # noqa: PLC0415

    settings = Project.find(cwd).settings
    day = on.date() if on else today(settings.load_profile())
    loaded = load(settings)
    if as_json:
        rows = [{**record.model_dump(mode="json"), "state": record.state(on=day)} for record in loaded]
        click.echo(json.dumps({"on": day.isoformat(), called: rows}, indent=2))
        return
    click.echo(f"{len(loaded)} {called} on {day}")
    for record in loaded:
        line = f"{record.id}  {scope(record)}  {record.state(on=day)} ({record.starts_on} to {record.ends_on})"
        click.echo(one_line(line))
