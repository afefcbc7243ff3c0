"""Judges what a cluster holds, namespace by namespace; each stands for a stack by its own labels."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from audit.judging import Found, judge_records
from audit.ownership import owner
from audit.values import text
from inventories.labels import CATEGORY_LABEL, DEPARTMENT_LABEL
from policies.building import Builder
from policies.subject import KUBERNETES_PROVIDER, STACK_TYPE
from policies.values import at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from policies.dispatcher import Catalogue
    from policies.subject import Facts

_HIDDEN: Final = "[secret]"


def audit_namespace(
    cluster: str, namespace: Mapping[str, Any], objects: Iterable[Mapping[str, Any]], facts: Facts, checks: Catalogue
) -> Found:
    """What the rules refuse in one namespace.

    `cluster`: the id in the register, as proven by whoever asked it. An object without category or department label is
    refused as it is at preview; `objects` carry `apiVersion` and `kind`, and no Secret's content.
    """
    name = text(at(namespace, "metadata", "name"))
    labels = at(namespace, "metadata", "labels")
    config = {
        f"onshore:{key}": value
        for key, label in (("category", CATEGORY_LABEL), ("department", DEPARTMENT_LABEL))
        if isinstance(value := at(labels, label), str)
    }
    records = _records(cluster, name, namespace, objects)
    builder = Builder(facts, owner([next(records)], config, facts))
    return judge_records(f"{cluster}/{name}", records, builder, checks)


def _records(
    cluster: str, name: str, namespace: Mapping[str, Any], objects: Iterable[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """As a state file would hold them; the first comes twice, once to say whose they are."""
    start = f"urn:pulumi:{name}::{cluster}::"
    stack = {"urn": f"{start}{STACK_TYPE}::{cluster}-{name}", "type": STACK_TYPE}
    yield stack
    yield stack
    provider = f"{start}{KUBERNETES_PROVIDER}::{cluster}"
    access = {"kubeconfig": _HIDDEN, "clusterIdentifier": cluster}
    yield {"urn": provider, "type": KUBERNETES_PROVIDER, "id": cluster, "inputs": access}
    for body in chain([namespace], objects):
        version, kind = text(body.get("apiVersion")), text(body.get("kind"))
        token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{kind}"
        own = text(at(body, "metadata", "name"))
        inputs = {key: value for key, value in body.items() if key != "status"}
        yield {
            "urn": f"{start}{token}::{own}",
            "type": token,
            "provider": f"{provider}::{cluster}",
            "inputs": inputs,
        }
