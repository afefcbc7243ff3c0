"""Asking a person before something is done that cannot be taken back."""

from __future__ import annotations

import sys

import click


class DeclinedError(Exception):
    """The person said no."""


def check_askable(what: str, *, yes: bool) -> None:
    """Raise click.UsageError when a yes is wanted and nobody is there to give it; `what` would be done."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(f"{what} and nobody is there to ask: add --yes")


def agree(question: str, *, yes: bool) -> None:
    """Ask, unless the yes is given already; raises DeclinedError for a no."""
    if not yes and not click.confirm(question, err=True):
        raise DeclinedError
