"""`onshore declassifications list`: what may be read from more sensitive stacks, and where each stands on a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.deviations import show
from cli.project import json_option, project_option
from cli.register import DAY

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from inventories.models import Declassification


@click.group()
def declassifications() -> None:
    """Outputs that less sensitive stacks may read."""


@declassifications.command("list")
@project_option
@json_option
@click.option("--on", type=DAY, help="The day to ask about (default: today).")
def list_(cwd: Path, *, as_json: bool, on: datetime | None) -> None:
    """List every declassification with its stacks, outputs and state."""

    def flow(record: Declassification) -> str:
        return f"{record.from_stack} -> {record.to_stack}: {', '.join(record.outputs)}"

    show(cwd, "declassifications", lambda settings: settings.load_declassifications(), flow, as_json=as_json, on=on)
