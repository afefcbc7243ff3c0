"""`onshore rules list|show`: what is refused, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cli.project import json_option

if TYPE_CHECKING:
    from inventories.models import RuleMeta


@click.group()
def rules() -> None:
    """The rules that every deployment is judged by."""


@rules.command(name="list")
@json_option
def list_rules(*, as_json: bool) -> None:
    """List all rules."""
    from inventories import load_rules  # noqa: PLC0415 - pydantic

    found = load_rules()
    if as_json:
        click.echo(json.dumps([_row(rule) for rule in found.values()], indent=2))
        return
    for rule in found.values():
        waivable = "waivable" if rule.waivable else ""
        click.echo(f"{rule.id}  {rule.severity:<8}  {rule.effective_on}  {waivable:<8}  {rule.title}")


@rules.command()
@click.argument("rule_id", metavar="ID")
@json_option
def show(rule_id: str, *, as_json: bool) -> None:
    """Show all that is written about rule ID."""
    from inventories import Fault, OnshoreError, load_rules  # noqa: PLC0415 - pydantic
    from inventories.yaml_source import nearest  # noqa: PLC0415
    from policies.catalogue import words  # noqa: PLC0415

    found = load_rules()
    rule = found.get(rule_id.upper())
    if rule is None:
        fault = Fault("ID", "no such rule", rule_id, fix=nearest(rule_id.upper(), list(found)))
        raise OnshoreError(f"there is no rule {rule_id!r}", [fault])
    if as_json:
        click.echo(json.dumps(rule.model_dump(mode="json"), indent=2))
        return
    for name, value in words(rule).items():
        click.echo(f"{name:<13} {value}")


def _row(rule: RuleMeta) -> dict[str, object]:
    return {
        "id": rule.id,
        "severity": rule.severity,
        "title": rule.title,
        "waivable": rule.waivable,
        "effective_on": rule.effective_on.isoformat(),
    }
