"""`onshore declassifications list`: what may be read from more sensitive stacks, and where each stands on a day."""

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
def declassifications() -> None:
    """Outputs that less sensitive stacks may read."""


@declassifications.command("list")
@project_option
@json_option
@click.option("--on", type=DAY, help="The day to ask about (default: today).")
def list_(cwd: Path, *, as_json: bool, on: datetime | None) -> None:
    """List every declassification with its stacks, outputs and state."""
    from inventories import today  # noqa: PLC0415 - pydantic

    settings = Project.find(cwd).settings
    day = on.date() if on else today(settings.load_profile())
    loaded = settings.load_declassifications()
    if as_json:
        rows = [{**record.model_dump(mode="json"), "state": record.state(on=day)} for record in loaded]
        click.echo(json.dumps({"on": day.isoformat(), "declassifications": rows}, indent=2))
        return
    click.echo(f"{len(loaded)} declassifications on {day}")
    for record in loaded:
        days = f"{record.starts_on} to {record.ends_on}"
        flow = f"{record.from_stack} -> {record.to_stack}: {', '.join(record.outputs)}"
        click.echo(f"{record.id}  {flow}  {record.state(on=day)} ({days})")
