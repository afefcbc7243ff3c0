"""`onshore admission render|apply|status|remove`: the rules that a cluster's own API server checks."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import click

from cli.asking import agree, check_askable
from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from pathlib import Path

_YES = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.group()
def admission() -> None:
    """The rules that a cluster's own API server checks."""


@admission.command()
@project_option
@json_option
@click.option("--cluster", required=True, help="Which cluster of the register (by id).")
def render(cwd: Path, *, as_json: bool, cluster: str) -> None:
    """Write the admission policies of a cluster, in the order in which they are to be applied."""
    import yaml  # noqa: PLC0415 - `--help` needs none of it

    from admission.policies import compile_rules  # noqa: PLC0415 - as above
    from cli.reaching import in_register  # noqa: PLC0415 - as above
    from policies.facts import load_facts  # noqa: PLC0415 - as above

    facts = load_facts(Project.find(cwd).root)
    objects = compile_rules(facts, *in_register(facts.register, cluster)).objects
    if as_json:
        click.echo(json.dumps(objects, indent=2))
    else:
        click.echo(yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True), nl=False)


@admission.command()
@project_option
@click.argument("cluster")
@_YES
def apply(cwd: Path, cluster: str, *, yes: bool) -> None:
    """Put the admission policies in force on a CLUSTER of the register; safe to repeat."""
    from cli.admitting import apply_all, way_to  # noqa: PLC0415 - `--help` needs none of it

    way = way_to(Project.find(cwd), cluster)
    check_askable(f"apply changes what {cluster} admits", yes=yes)
    agree(f"put the admission policies in force on {cluster}?", yes=yes)
    with closing(way.client):
        for change, obj in apply_all(way):
            click.echo(f"{change:9} {obj['kind']} {obj['metadata']['name']}")
    click.echo(f"the rules {way.rules.digest} are in force on {cluster}")


@admission.command()
@project_option
@json_option
@click.argument("cluster")
def status(cwd: Path, cluster: str, *, as_json: bool) -> None:
    """Whether the rules of today are in force on a CLUSTER; exit code 1 when they are not."""
    from cli.admitting import IN_FORCE, parameters_there, standing, way_to  # noqa: PLC0415 - `--help` needs none of it

    way = way_to(Project.find(cwd), cluster)
    with closing(way.client):
        whole, parts = standing(way)
        there = parameters_there(way)
    if as_json:
        objects = [{"kind": obj["kind"], "name": obj["metadata"]["name"], "state": state} for state, obj in parts]
        register = way.rules.parameters["spec"]["register"]
        said = {"cluster": cluster, "digest": way.rules.digest, "policies": way.rules.rules, "register": register}
        click.echo(json.dumps({**said, "state": whole, "there": there, "objects": objects}, indent=2))
    else:
        for state, obj in parts:
            if state != IN_FORCE:
                click.echo(f"{state:9} {obj['kind']} {obj['metadata']['name']}")
        if there and there["digest"] != way.rules.digest:
            click.echo(f"there     the rules {there['digest']}, of the register {there['register']}")
        click.echo(f"the rules {way.rules.digest} on {cluster}: {whole}")
    if whole != IN_FORCE:
        raise click.exceptions.Exit(1)


@admission.command()
@project_option
@click.argument("cluster")
@_YES
def remove(cwd: Path, cluster: str, *, yes: bool) -> None:
    """Take the admission policies off a CLUSTER of the register; safe to repeat."""
    from cli.admitting import remove_all, way_to  # noqa: PLC0415 - `--help` needs none of it

    way = way_to(Project.find(cwd), cluster)
    check_askable(f"remove lets {cluster} admit what breaks the rules", yes=yes)
    agree(f"take the admission policies off {cluster}?", yes=yes)
    with closing(way.client):
        removed = remove_all(way)
    click.echo(f"{len(removed)} objects removed from {cluster}")
