"""`onshore waivers list`: the deviations on record, and where each stands on a day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cli.project import Project, json_option, project_option
from cli.register import DAY

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@click.group()
def waivers() -> None:
    """Time-bound deviations from rules."""


@waivers.command("list")
@project_option
@json_option
@click.option("--on", type=DAY, help="The day to ask about (default: today).")
def list_(cwd: Path, *, as_json: bool, on: datetime | None) -> None:
    """List every waiver with its rule, stacks and state."""
    from inventories import load_rules, today  # noqa: PLC0415 - pydantic

    settings = Project.find(cwd).settings
    day = on.date() if on else today(settings.load_profile())
    loaded = settings.load_waivers(load_rules())
    if as_json:
        rows = [{**waiver.model_dump(mode="json"), "state": waiver.state(on=day)} for waiver in loaded]
        click.echo(json.dumps({"on": day.isoformat(), "waivers": rows}, indent=2))
        return
    click.echo(f"{len(loaded)} waivers on {day}")
    for waiver in loaded:
        days = f"{waiver.starts_on} to {waiver.ends_on}"
        click.echo(f"{waiver.id}  {waiver.rule}  {', '.join(waiver.stacks)}  {waiver.state(on=day)} ({days})")
