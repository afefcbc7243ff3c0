"""Which providers a component was given: its own options first, then what its parents hand down."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Final

import pulumi

SERVED: Final = ContextVar("served_to_another_program", default=False)
"""Set while a component is built for a program in another language: its providers show nothing of themselves here."""


def providers_for(opts: pulumi.ResourceOptions | None) -> list[pulumi.ProviderResource]:
    """The providers that a component's children can get, the nearest first."""
    if opts is None:
        return []
    given: list[pulumi.ProviderResource] = [opts.provider] if opts.provider else []
    if isinstance(opts.providers, Mapping):
        given += opts.providers.values()
    elif isinstance(opts.providers, Sequence):
        given += opts.providers
    inherited = opts.parent._providers if opts.parent else {}  # noqa: SLF001 - the SDK has no public way to ask
    return [*given, *inherited.values()]
