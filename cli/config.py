"""`onshore config …`: a stack's configuration."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

import click

from cli.project import Project, json_option, project_option
from cli.stack import SHOW_SECRETS, open_engine

if TYPE_CHECKING:
    from pathlib import Path

    from engine import EmbeddedEngine

_PATH: Final = click.option("--path", "is_path", is_flag=True, help="KEY leads into a structured value: ns:name.part.")


@click.group()
def config() -> None:
    """A stack's configuration; secrets are encrypted with the passphrase."""


@config.command("set")
@click.argument("stack")
@click.argument("key")
@click.argument("value", required=False)
@click.option("--secret", is_flag=True, help="Encrypt the value.")
@_PATH
@project_option
def set_(cwd: Path, stack: str, key: str, value: str | None, *, secret: bool, is_path: bool) -> None:
    """Set KEY of STACK; without VALUE it is read from standard input (a secret in a terminal: asked for, unseen)."""
    engine = _engine(cwd, stack)
    _check_key(key, is_path=is_path)
    engine.set_config(
        stack, key, _asked(key, secret=secret) if value is None else value, secret=secret, is_path=is_path
    )
    click.echo(f"set {key} of {stack}{' (encrypted)' if secret else ''}", err=True)


@config.command("rm")
@click.argument("stack")
@click.argument("key")
@_PATH
@project_option
def remove(cwd: Path, stack: str, key: str, *, is_path: bool) -> None:
    """Remove KEY from STACK's configuration."""
    _engine(cwd, stack).set_config(stack, key, None, is_path=is_path)


@config.command()
@click.argument("stack")
@project_option
@json_option
@SHOW_SECRETS
def show(cwd: Path, stack: str, *, as_json: bool, show_secrets: bool) -> None:
    """Print STACK's configuration."""
    values = _engine(cwd, stack).config(stack, show_secrets=show_secrets)
    if as_json:
        click.echo(json.dumps(values, indent=2))
        return
    for key, value in values.items():
        click.echo(f"{key}: {value}")


def _engine(cwd: Path, stack: str) -> EmbeddedEngine:
    """The engine for a stack that has a file: a name that is mistyped must not become a new stack."""
    from cli.files import check_stack_known  # noqa: PLC0415 - `--help` needs no inventories

    check_stack_known(Project.find(cwd).stack_file(stack), stack)
    return open_engine(cwd, stack)


def _asked(key: str, *, secret: bool) -> str:
    if secret and sys.stdin.isatty():
        answer: str = click.prompt(key, hide_input=True, confirmation_prompt=True, err=True)
        return answer
    return sys.stdin.read().rstrip("\n")


def _check_key(key: str, *, is_path: bool) -> None:
    """Raise OnshoreError for an `onshore:` key that no stack has; other namespaces are the programs' own."""
    from components.deployment import NAMESPACE, StackSpec  # noqa: PLC0415 - as above
    from engine import paths  # noqa: PLC0415
    from inventories import Fault, OnshoreError  # noqa: PLC0415
    from inventories.yaml_source import nearest  # noqa: PLC0415

    try:
        first = str(paths.parse(key)[0]) if is_path else key
    except (ValueError, IndexError):
        return  # the engine says what a path is
    name = first.removeprefix(NAMESPACE)
    if name in ("", first) or name in StackSpec.model_fields:
        return
    fault = Fault(first, "unknown key", name, fix=nearest(name, list(StackSpec.model_fields)))
    raise OnshoreError(f"{first} cannot be set", [fault])
