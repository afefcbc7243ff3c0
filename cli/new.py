"""`onshore new rule|component`: the files of one that is still to be written, which refuses everything until it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from pathlib import Path

    from cli.scaffold import Scaffold


@click.group()
def new() -> None:
    """Begin a rule or a component: files that pass `make test`, and refuse until they are written."""


@new.command()
@click.argument("rule_id", metavar="ID")
@click.option("--title", default="", help="What holds where the rule is kept, in one line.")
@click.option("--slug", default="", help="The name of its check's module (default: made from the id).")
@project_option
@json_option
def rule(cwd: Path, rule_id: str, *, title: str, slug: str, as_json: bool) -> None:
    """Begin rule ID: its data, its check, its test, and its place in policies/RULES.md."""
    from cli.scaffold import scaffold_rule  # noqa: PLC0415 - pydantic

    root = Project.find(cwd).settings.root
    _write(root, scaffold_rule(root, rule_id, title=title, slug=slug), as_json=as_json)


@new.command()
@click.argument("name")
@project_option
@json_option
def component(cwd: Path, name: str, *, as_json: bool) -> None:
    """Begin component NAME (like WebService): its class, its arguments, its test."""
    from cli.scaffold import scaffold_component  # noqa: PLC0415 - pydantic

    root = Project.find(cwd).settings.root
    _write(root, scaffold_component(root, name), as_json=as_json)


def _write(root: Path, made: Scaffold, *, as_json: bool) -> None:
    from cli.scaffold import write_all  # noqa: PLC0415 - pydantic

    write_all(root, made.files)
    if as_json:
        click.echo(json.dumps({"files": list(made.files), "next": list(made.steps)}, indent=2))
        return
    for name in made.files:
        click.echo(name)
    click.echo("next:")
    for step in made.steps:
        click.echo(f"  {step}")
