"""`onshore admission render`: the rules that a cluster's own API server checks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def admission() -> None:
    """The rules that a cluster's own API server checks."""


@admission.command()
@project_option
@json_option
def render(cwd: Path, *, as_json: bool) -> None:
    """Write the admission policies of this project's profile: POD-001, for every pod and pod template."""
    import yaml  # noqa: PLC0415 - `--help` needs none of it

    from admission.pod_security import render as compiled  # noqa: PLC0415 - as above
    from inventories import load_rules  # noqa: PLC0415 - as above

    objects = list(compiled(Project.find(cwd).settings.load_profile(), load_rules()["POD-001"]))
    if as_json:
        click.echo(json.dumps(objects, indent=2))
    else:
        click.echo(yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True), nl=False)
