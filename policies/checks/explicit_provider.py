"""PIN-001: everything is made by a provider that the program names, never by a default one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.subject import KUBERNETES_PROVIDER, PROVIDER_PREFIX, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject

_EXPLICIT: Final = "an explicit provider, pinned to a cluster of the register"
_DEFAULT: Final = "default"


def check(subject: Subject) -> Iterator[Violation]:
    """A default provider is one whose name begins so, as the engine has it; one that only builds components is free."""
    types = subject.facts.types
    if subject.is_provider:
        free = (
            subject.type in types.engine
            or subject.package in types.component_packages
            or _reaches_nothing(subject, subject.package)
        )
        if subject.name.startswith(_DEFAULT) and not free:
            yield Violation("", f"a default provider of {subject.package}", _EXPLICIT, public=True)
        return
    provider = subject.provider
    if provider is None:
        cloud = types.cloud.facts(subject.type)
        if subject.type in types.kinds or (cloud and cloud.kind != "clusterless"):
            yield Violation("provider", "none", _EXPLICIT, public=True)
        return
    if provider.package in types.component_packages or f"{PROVIDER_PREFIX}{provider.package}" in types.engine:
        if subject.type in types.kinds:
            yield Violation("provider", f"a provider of {provider.package}", _EXPLICIT, public=True)
    elif provider.name.startswith(_DEFAULT) and not _reaches_nothing(subject, provider.package):
        yield Violation("provider", f"the default provider of {provider.package}", _EXPLICIT, public=True)
    elif subject.type in types.kinds and provider.type != KUBERNETES_PROVIDER:
        yield Violation("provider", f"a provider of {provider.package}", _EXPLICIT, public=True)


def _reaches_nothing(subject: Subject, name: str) -> bool:
    """Packages of values (random, tls …): whose default provider it is makes no difference to any place."""
    package = subject.facts.types.cloud.package(name)
    return package is not None and package.reaches_nothing
