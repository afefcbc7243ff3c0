"""Whether what a derived resource says it lies in is a resource of its own stack, judged like any other.

A place follows from a parent only where the stack itself holds it: a subnet from its network, a blob container from its
storage account. What an `apply` makes of a parent's name before it is known cannot be seen; once it is known, it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from policies.subject import Violation
from policies.values import UNKNOWN, Marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from policies.cloud_types import TypeFacts
    from policies.subject import Subject

_PLACED: Final = frozenset({"regional", "zonal", "derived", "global"})
_GROUPS: Final = ("resourceGroupName", "project", "subscriptionId")  # names are unique within these only
_GIVEN_BY_CLOUD: Final = ("Id", "Arn")


def names(subject: Subject) -> set[str]:
    """What a resource that others may lie in could be named by; not the names of what it lies in itself."""
    facts = _facts(subject)
    if facts is None or facts.kind not in _PLACED:
        return set()
    own = {key: value for key, value in subject.props.items() if key not in _parents(subject) and key not in _GROUPS}
    return {value for value in own.values() if isinstance(value, str)}


def unplaced(subject: Subject) -> Iterator[Violation]:
    """As far as it can be told when the resource is registered: a plain name that nothing before it has."""
    for key in _parents(subject):
        value = subject.props.get(key)
        if value is UNKNOWN or (isinstance(value, str) and key.endswith(_GIVEN_BY_CLOUD)):
            continue  # the finished stack says what it was computed from
        if not isinstance(value, str) or not _is_named(subject, key, value):
            yield _refused(subject, key, value)


def unplaced_in(subject: Subject, stack: Mapping[str, Subject]) -> Iterator[Violation]:
    """In the finished stack: what was not computed from a parent in it, nor names one."""
    for key in _parents(subject):
        value, sources = subject.props.get(key), subject.sources.get(key, frozenset())
        if not (_computed if sources else _named)(subject, key, value, (stack[urn] for urn in sources if urn in stack)):
            yield _refused(subject, key, value)


def _refused(subject: Subject, key: str, value: Any) -> Violation:
    allowed = f"computed from a resource of this stack, by the same {subject.package} provider, that has a place"
    # What is unknown is refused for where it comes from, not for being unknown.
    return (
        Violation(key, "a value from nowhere in this stack", allowed, public=True)
        if value is UNKNOWN
        else Violation(key, value, allowed)
    )


def _parents(subject: Subject) -> tuple[str, ...]:
    facts = _facts(subject)
    return facts.parents if facts and facts.kind == "derived" else ()


def _facts(subject: Subject) -> TypeFacts | None:
    return subject.facts.types.cloud.facts(subject.type)


def _computed(subject: Subject, key: str, value: Any, sources: Iterable[Subject]) -> bool:
    """From a resource that it can lie in, or that lies there with it."""
    for other in sources:
        if not _fits(subject, key, other, computed=True):
            continue
        if value is UNKNOWN or (isinstance(value, str) and key.endswith(_GIVEN_BY_CLOUD)):
            return True
        if isinstance(value, str) and value.rsplit("/", 1)[-1] in _strings(other):
            return True
    return False


def _named(subject: Subject, key: str, value: Any, _sources: Iterable[Subject]) -> bool:
    """By a plain name; an id that a program spells out may be anybody's."""
    if not isinstance(value, str) or key.endswith(_GIVEN_BY_CLOUD) or "/" in value:
        return False
    return _is_named(subject, key, value)


def _is_named(subject: Subject, key: str, value: str) -> bool:
    return any(_fits(subject, key, other) for other in subject.earlier.get(value.rsplit("/", 1)[-1], ()))


def _fits(subject: Subject, key: str, other: Subject, *, computed: bool = False) -> bool:
    """Whether another resource is of a type that an input can name, by the same provider and in the same group."""
    facts = _facts(other)
    if facts is None or facts.kind not in _PLACED or other.urn == subject.urn:
        return False
    if (other.provider and other.provider.urn) != (subject.provider and subject.provider.urn):
        return False
    if not key.endswith(_GIVEN_BY_CLOUD) and not all(_same(subject, other, group) for group in _GROUPS):
        return False
    module, kind = _module_and_kind(other.type)
    own, _ = _module_and_kind(subject.type)
    if key in other.props and module == own and (computed or facts.kind != "derived"):
        return True
    stem = re.sub(r"(Id|Name|Arn)$", "", key).lower()
    if stem in (kind, module + kind):
        return True
    return module == own and (stem.endswith(kind) or (stem == own and facts.kind != "derived"))


def _same(subject: Subject, other: Subject, group: str) -> bool:
    mine, theirs = subject.props.get(group), other.props.get(group)
    if isinstance(mine, Marker) or isinstance(theirs, Marker):
        return mine is theirs and subject.sources.get(group) in (None, other.sources.get(group))
    return bool(mine == theirs)


def _strings(other: Subject) -> set[str]:
    return {value for value in other.props.values() if isinstance(value, str)}


def _module_and_kind(token: str) -> tuple[str, str]:
    _, module, kind = [*token.split(":"), "", ""][:3]
    return module.split("/")[0].lower(), kind.lower()
