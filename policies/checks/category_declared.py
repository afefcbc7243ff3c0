"""CAT-001: every object says which category of data it holds, and never a lower one than its stack's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inventories.labels import CATEGORY_LABEL
from policies.placed import named
from policies.subject import OWN_TYPES, Violation
from policies.values import at, join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.objects import KubeObject
    from policies.subject import Subject


def check(subject: Subject) -> Iterator[Violation]:
    """The stack by its configuration, components by their input, objects and pod templates by their label."""
    if subject.is_stack:
        yield from _stack(subject)
    if subject.type.startswith(OWN_TYPES):
        yield from _value(subject, "category", subject.props.get("category"))
    for path, label in subject.labels:
        yield from _label(subject, path, label)
    for found in subject.objects:
        if found.expected.namespaced or found.expected.kind == "Namespace":
            yield from _object(subject, found)


def _stack(subject: Subject) -> Iterator[Violation]:
    stack, facts = subject.stack, subject.facts
    for key, known in (
        ("onshore:category", stack.category is not None),
        ("onshore:department", facts.register.department(stack.department) is not None),
    ):
        if known:
            continue
        got: Any = (
            "[secret]" if key in stack.secret_keys else repr(stack.config[key]) if key in stack.config else "nothing"
        )
        allowed = _known_categories(subject) if key == "onshore:category" else "a department of the register"
        name, value = stack.name or "STACK", "CATEGORY" if key == "onshore:category" else "ID"
        fix = f"onshore config set {name} {key} {value}, or write `{key}: {value}` in Pulumi.{name}.yaml"
        yield Violation(f"config {key}", got, allowed, public=True, fix=fix)


def _label(subject: Subject, path: str, label: Any) -> Iterator[Violation]:
    """A cloud's resource need not say it; what lies within another is judged with that, so the label belongs there."""
    yield from _value(subject, path, label)
    facts, own = subject.facts.types.cloud.facts(subject.type), named(subject.facts, label)
    stack = subject.stack.category
    if facts and facts.kind == "derived" and own and stack and own.rank > stack.rank:
        yield Violation(path, label, f"{stack.id}, as the stack's data; label what it lies in stricter")


def _object(subject: Subject, found: KubeObject) -> Iterator[Violation]:
    places = [(found.inside("metadata", "labels"), found.body.get("metadata"))]
    if found.expected.kind != "Pod":
        places += [(join(pod.metadata.path, "labels"), pod.metadata.body) for pod in found.pods]
    for path, metadata in places:
        label = at(metadata, "labels", CATEGORY_LABEL)
        yield from _value(subject, join(path, CATEGORY_LABEL), label)


def _value(subject: Subject, path: str, value: Any) -> Iterator[Violation]:
    category = subject.facts.profile.category(value) if isinstance(value, str) else None
    stack = subject.stack.category
    if category is None:
        yield Violation(path, value, _known_categories(subject))
    elif stack and category.rank < stack.rank:
        yield Violation(path, value, f"{stack.id} or stricter, as the stack's data")


def _known_categories(subject: Subject) -> str:
    return f"one of {', '.join(category.id for category in subject.facts.profile.categories)}"
