"""NET-001: a namespace that holds data of an internal category denies all traffic that nothing admits.

Which policies a namespace has is known only when the program has ended: this is a stack check, judged in every
preview; at `up` it comes after the fact, which is why the gate asks for a preview.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.placed import category_of
from policies.subject import Concern, Violation
from policies.values import UNKNOWN, Marker, at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policies.objects import KubeObject
    from policies.subject import Subject

_BOTH: Final = frozenset({"Ingress", "Egress"})
_ALLOWED: Final = "a NetworkPolicy for all its pods with policy types Ingress and Egress and no rules"

CONCERN = Concern(kinds=frozenset({"NetworkPolicy"}))


def check(subject: Subject) -> Iterator[Violation]:
    """A policy that admits everything undoes the denial beside it."""
    for found in subject.objects:
        if found.expected.kind != "NetworkPolicy" or category_of(subject, found).rule.exposure != "internal":
            continue
        for direction in ("ingress", "egress"):
            rules = at(found.body, "spec", direction)
            if rules is None:
                continue
            if not isinstance(rules, list):
                yield Violation(found.inside("spec", direction), rules, "a list of rules")
                continue
            for i, rule in enumerate(rules):
                if not isinstance(rule, dict) or not any(_narrows(value) for value in rule.values()):
                    got = rule if rule is UNKNOWN else "a rule that admits everything"
                    yield Violation(
                        f"{found.inside('spec', direction)}[{i}]", got, "peers or ports", public=rule is not UNKNOWN
                    )


def check_stack(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """Namespaces that the stack makes or puts pods into, each against the denials the stack makes."""
    denied: dict[str, set[str]] = {}
    for subject in subjects:
        for found in subject.objects:
            if found.expected.kind == "NetworkPolicy" and not found.expected.is_patch:
                for key in _namespace_keys(subject, found, subjects):
                    denied.setdefault(key, set()).update(_denials(found))
    reported: set[str] = set()
    for subject in subjects:
        for found in subject.objects:
            if not (found.pods or found.expected.kind == "Namespace"):
                continue
            if category_of(subject, found).rule.exposure != "internal":
                continue
            keys = _namespace_keys(subject, found, subjects)
            if any(denied.get(key, set()) >= _BOTH for key in keys) or reported & set(keys):
                continue
            reported.update(keys)
            name = next((key for key in keys if not key.startswith("urn:")), "not known yet")
            yield subject.urn, Violation("namespace", f"{name} without default-deny", _ALLOWED, public=True)


def _namespace_keys(subject: Subject, found: KubeObject, subjects: Sequence[Subject]) -> list[str]:
    """What identifies an object's namespace: its name, or the URN of the Namespace that its name comes from."""
    if found.expected.kind == "Namespace":
        name = at(found.body, "metadata", "name")
        return [subject.urn, name] if isinstance(name, str) else [subject.urn]
    name = at(found.body, "metadata", "namespace")
    if isinstance(name, Marker):
        return [
            other.urn for other in subjects if other.urn in subject.sources.get("metadata", ()) and _is_namespace(other)
        ] or [subject.urn]
    return [name] if isinstance(name, str) and name else ["default"]


def _is_namespace(subject: Subject) -> bool:
    return any(found.expected.kind == "Namespace" for found in subject.objects)


def _denials(found: KubeObject) -> frozenset[str]:
    """The directions in which a policy denies everything for all pods of its namespace."""
    spec = found.body.get("spec")
    selector = at(spec, "podSelector")
    if not isinstance(selector, dict) or any(_narrows(value) for value in selector.values()):
        return frozenset()
    types = at(spec, "policyTypes")
    named = {kind for kind in types if isinstance(kind, str)} if isinstance(types, list) else set()
    return frozenset(kind for kind in named & _BOTH if at(spec, kind.lower()) in (None, []))


def _narrows(value: Any) -> bool:
    return isinstance(value, Marker) or bool(value)
