"""`onshore stack …`: a stack's state and outputs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.asking import agree, check_askable
from cli.project import Project, json_option, project_option

if TYPE_CHECKING:
    from engine import EmbeddedEngine

SHOW_SECRETS = click.option("--show-secrets", is_flag=True, help="Print secrets in clear.")


def open_engine(cwd: Path, stack: str = "") -> EmbeddedEngine:
    """State and configuration are the same files for both engines; the embedded one reads them for either.

    With a stack, that its file is sound; raises OnshoreError.
    """
    from engine import EmbeddedEngine  # noqa: PLC0415 - brings in cryptography and protobuf

    project = Project.find(cwd)
    if stack:
        from cli.files import check_stack_file  # noqa: PLC0415 - `--help` needs no inventories

        check_stack_file(project.stack_file(stack))
    project.use_tryout_passphrase()
    return EmbeddedEngine(project.root, backend_url=project.backend_url)


@click.group()
def stack() -> None:
    """What a stack has made, and its state."""


@stack.command("list")
@project_option
@json_option
def list_(cwd: Path, *, as_json: bool) -> None:
    """List the stacks that were ever deployed."""
    names = open_engine(cwd).stacks()
    click.echo(json.dumps(names) if as_json else "".join(f"{name}\n" for name in names), nl=as_json)


@stack.command()
@click.argument("stack")
@project_option
@json_option
@SHOW_SECRETS
def outputs(cwd: Path, stack: str, *, as_json: bool, show_secrets: bool) -> None:
    """Print STACK's outputs."""
    values = open_engine(cwd, stack).outputs(stack, show_secrets=show_secrets)
    if as_json:
        click.echo(json.dumps(values, indent=2))
        return
    for name, value in sorted(values.items()):
        click.echo(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")


@stack.command("export")
@click.argument("stack")
@project_option
@SHOW_SECRETS
def export(cwd: Path, stack: str, *, show_secrets: bool) -> None:
    """Print STACK's state as JSON, secrets encrypted."""
    click.echo(json.dumps(open_engine(cwd, stack).export_state(stack, show_secrets=show_secrets), indent=2))


@stack.command("import")
@click.argument("stack")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: standard input.")
@project_option
def import_(cwd: Path, stack: str, *, file: Path | None) -> None:
    """Replace STACK's state by an exported one, if it is sound."""
    source = str(file or "standard input")
    try:
        state: Any = json.loads(file.read_bytes() if file else sys.stdin.read())
    except ValueError as error:
        raise click.UsageError(f"{source} is not JSON: {error}") from None
    if not isinstance(state, dict):
        raise click.UsageError(f"{source} does not hold an exported stack")
    open_engine(cwd, stack).import_state(stack, state)
    click.echo(f"imported the state of {stack}", err=True)


@stack.command()
@click.argument("stack")
@project_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def cancel(cwd: Path, stack: str, *, yes: bool) -> None:
    """Remove the locks of a run that was killed."""
    check_askable("cancel breaks a run that is going on", yes=yes)
    agree(f"is no run of {stack} going on anywhere?", yes=yes)
    removed = open_engine(cwd).cancel(stack)
    none = f"there was no lock of {stack} in {Project.find(cwd).root}"
    click.echo(f"removed {removed} lock(s) of {stack}" if removed else none, err=True)
