"""Which providers a component was given: its own options first, then what its parents hand down."""

from collections.abc import Mapping, Sequence

import pulumi


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
