"""Uniform resource names (`sdk/go/common/resource/urn/urn.go`)."""

from __future__ import annotations

from typing import Final

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_TYPE_PREFIX: Final = "pulumi:providers:"
_PREFIX: Final = "urn:pulumi:"


def make_urn(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """The URN of a resource; the parent's whole type chain is part of it, except the root stack's."""
    chain = "" if not parent else qualified_type(parent)
    qualified = f"{chain}${type_}" if chain and chain != STACK_TYPE else type_
    return f"{_PREFIX}{stack}::{project}::{qualified}::{name}"


def qualified_type(urn: str) -> str:
    """The type chain: `a:b:C$d:e:F`."""
    return urn.split("::", 3)[2]


def type_of(urn: str) -> str:
    """The resource's own type."""
    return qualified_type(urn).rpartition("$")[2]


def name_of(urn: str) -> str:
    """The logical name; it may itself contain `::`."""
    return urn.split("::", 3)[3]


def is_valid(urn: str) -> bool:
    """Whether the text has all four parts of a URN."""
    return urn.startswith(_PREFIX) and urn.count("::") >= 3


def is_provider_type(type_: str) -> bool:
    """Whether resources of this type are providers."""
    return type_.startswith(PROVIDER_TYPE_PREFIX)


def package_of(type_: str) -> str:
    """The package that serves a type or a function token; a provider's own package for provider types."""
    if is_provider_type(type_):
        return type_.removeprefix(PROVIDER_TYPE_PREFIX).partition(":")[0]
    return type_.partition(":")[0]


def is_default_provider(urn: str) -> bool:
    """Whether the engine itself made this provider (`pkg/resource/deploy/providers/registry.go`)."""
    name = name_of(urn)
    return is_provider_type(type_of(urn)) and (name == "default" or name.startswith("default_"))


def split_reference(reference: str) -> tuple[str, str]:
    """A provider reference `<urn>::<id>` as (urn, id)."""
    urn, _, id_ = reference.rpartition("::")
    return urn, id_
