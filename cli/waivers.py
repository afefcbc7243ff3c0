"""`onshore waivers list`: the deviations on record, and where each stands on a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.deviations import show
from cli.project import json_option, project_option
from cli.register import DAY

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from inventories import Settings
    from inventories.models import Waiver


@click.group()
def waivers() -> None:
    """Time-bound deviations from rules."""


@waivers.command("list")
@project_option
@json_option
@click.option("--on", type=DAY, help="The day to ask about (default: today).")
def list_(cwd: Path, *, as_json: bool, on: datetime | None) -> None:
    """List every waiver with its rule, stacks and state."""

    def load(settings: Settings) -> tuple[Waiver, ...]:
        from inventories import load_rules  # noqa: PLC0415 - pydantic

        return settings.load_waivers(load_rules())

    show(cwd, "waivers", load, lambda one: f"{one.rule}  {', '.join(one.stacks)}", as_json=as_json, on=on)
