"""`onshore explain STACK`: why here, why not there, and what would change it; on any day, without an engine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cli.errors import DONE, REFUSED
from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from datetime import date, datetime
    from pathlib import Path

    from components.deployment import Decision
    from components.placement import Placement, Refusal


@click.command()
@click.argument("stack")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day to ask about (default: today).")
@project_option
@json_option
def explain(cwd: Path, stack: str, *, as_json: bool, on: datetime | None) -> int:
    """Say where STACK's workload may go, why, why not elsewhere, and what would change it."""
    from components.placement import Refusal  # noqa: PLC0415
    from inventories import OnshoreError  # noqa: PLC0415

    decision = judge_stack(Project.find(cwd), stack, on=on.date() if on else None)
    if decision is None:
        raise OnshoreError(f"stack {stack} names no `onshore:workload`: its program places for itself")
    if isinstance(decision, Refusal):
        tell(decision, as_json=as_json)
        return REFUSED
    tell(decision.placement, *decision.regional, as_json=as_json)
    return DONE


def judge_stack(project: Project, stack: str, *, on: date | None) -> Decision | Refusal | None:
    """Where a stack's workload goes; None for a stack whose program places for itself. Raises on wrong input."""
    from cli.files import check_stack_file, check_stack_known, said  # noqa: PLC0415
    from components.deployment import NAMESPACE, judge, read_spec  # noqa: PLC0415
    from engine.config import blinded, check_stack_name, load_project, load_stack_config  # noqa: PLC0415
    from inventories.yaml_source import read_yaml  # noqa: PLC0415

    program = load_project(project.root)
    check_stack_file(project.stack_file(stack))
    check_stack_known(project.stack_file(stack), stack)
    config = load_stack_config(program, check_stack_name(stack))
    # another program places for itself: the pack alone judges it
    if program.program != project.settings.root / "stacks" and f"{NAMESPACE}workload" not in config.values:
        return None
    document = read_yaml(config.path) if said(config.path.read_bytes()) else None
    values, settings = blinded(config.values), project.settings
    spec = read_spec(values, where=config.path.name, secret_keys=(), document=document, settings=settings)
    return judge(spec, project.settings, on=on)


def tell(decision: Placement | Refusal, *regional: Placement, as_json: bool, err: bool = False) -> None:
    """Print a decision in full, and where what a workload has in regions goes, with the source of each rule."""
    from components.explain import as_dict, explain_all  # noqa: PLC0415
    from inventories import load_rules  # noqa: PLC0415

    rules = load_rules()
    text = explain_all((decision, *regional), rules)
    if as_json:
        told = as_dict(decision) | ({"regional": [as_dict(one) for one in regional]} if regional else {})
        text = json.dumps(told, indent=2, default=str)
    click.echo(text, err=err)
