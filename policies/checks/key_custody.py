"""CRY-003: where the category asks for encryption, the key is the department's and is kept in the country."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policies.cloud_law import broken
from policies.keys import key_fault
from policies.placed import category_of
from policies.subject import Violation
from policies.values import at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.objects import KubeObject
    from policies.subject import Subject

PARAMS = {"custody_setting": str, "storage_class_keys": tuple, "storage_class_flags": tuple}


def check(subject: Subject) -> Iterator[Violation]:
    """Storage of clouds by the laws of its type, and the storage classes by which a cluster makes volumes."""
    category = subject.stack.category
    if category is None or category.rule.encryption_at_rest:
        yield from broken(subject, "CRY-003")
    for found in subject.objects:
        if found.expected.kind == "StorageClass" and category_of(subject, found).rule.encryption_at_rest:
            yield from _storage_class(subject, found)


def _storage_class(subject: Subject, found: KubeObject) -> Iterator[Violation]:
    """Only the provisioners listed with the rule say by which key they encrypt."""
    params = subject.facts.rules["CRY-003"].params
    provisioner: Any = found.body.get("provisioner")
    keys, flags = (_pairs(params[name]) for name in ("storage_class_keys", "storage_class_flags"))
    key = keys.get(provisioner) if isinstance(provisioner, str) else None
    if key is None:
        yield Violation(found.inside("provisioner"), provisioner, " or ".join(sorted(keys)))
        return
    yield from key_fault(subject, found.inside("parameters", key), at(found.body, "parameters", key))
    flag = flags.get(provisioner)
    if flag is not None and (value := at(found.body, "parameters", flag)) != "true":
        yield Violation(found.inside("parameters", flag), value, "'true'")


def _pairs(listed: Any) -> dict[str, str]:
    """`provisioner=parameter` each."""
    return dict(entry.split("=", 1) for entry in listed)
