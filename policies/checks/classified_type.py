"""OPQ-002: every resource is of a type that somebody has classified, and is what its type says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.subject import KUBERNETES_PROVIDER, PROVIDER_PREFIX, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.objects import KubeObject
    from policies.subject import Subject

_CLASSIFIED: Final = "a type listed in inventories/resource_types"


def check(subject: Subject) -> Iterator[Violation]:
    """Opaque types are OPQ-001's; a component without a provider makes nothing itself."""
    if not _is_classified(subject):
        yield Violation("type", subject.type, _CLASSIFIED, public=True)
    kind = subject.facts.types.kinds.get(subject.type)
    if kind and kind.is_list:
        yield from _agrees("apiVersion", subject.props.get("apiVersion"), kind.api_version)
        yield from _agrees("kind", subject.props.get("kind"), f"{kind.kind}List")
    for found in subject.objects:
        yield from _object(found)


def _is_classified(subject: Subject) -> bool:
    types = subject.facts.types
    if subject.type in types.kinds or subject.type in types.engine or subject.type in types.component_types:
        return True
    if subject.type in types.opaque_types or subject.package in types.opaque_packages:
        return True
    facts = types.cloud.facts(subject.type)
    if facts and facts.kind != "unclassified":
        return True
    if subject.is_provider:
        known = types.cloud.package(subject.package) is not None
        return known or subject.type == KUBERNETES_PROVIDER or subject.package in types.component_packages
    if subject.package == "kubernetes" or types.cloud.package(subject.package):
        return False
    # Only components come without a provider, and what they hold comes to the checks by itself.
    return (subject.provider is None and not subject.custom) or (
        subject.provider is not None
        and subject.package in types.component_packages
        and subject.provider.type == f"{PROVIDER_PREFIX}{subject.package}"
    )


def _object(found: KubeObject) -> Iterator[Violation]:
    """The API server goes by kind and apiVersion: these must say what the type token says."""
    yield from _agrees(found.inside("apiVersion"), found.api_version, found.expected.api_version)
    yield from _agrees(found.inside("kind"), found.kind, found.expected.kind)


def _agrees(path: str, got: Any, expected: str) -> Iterator[Violation]:
    if got != expected:
        yield Violation(path, got, f"{expected}, as the type says")
