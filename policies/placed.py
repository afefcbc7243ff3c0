"""Which data goes where: the categories a resource carries, and the cluster each of them would land on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inventories.labels import CATEGORY_LABEL, CATEGORY_TAG
from inventories.models import Region
from policies.objects import labels_of
from policies.values import UNKNOWN, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from inventories.models import Category, Cluster, Host, Provider
    from policies.cloud_types import CloudPackage
    from policies.location import Place
    from policies.objects import KubeObject
    from policies.subject import Destination, Facts, Subject


@dataclass(frozen=True, slots=True)
class Target:
    """Data of a category on its way to a provider's cluster or region (`cluster`); `path` names the field that says so.

    `service`: the kind of service that holds it, empty where a whole provider is judged. `host`: the one machine of the
    region that it is.
    """

    path: str
    provider: Provider
    cluster: Cluster | Region
    category: Category
    service: str = "kubernetes"
    host: Host | None = None

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that the data may lie at."""
        if self.host:
            return (self.host.site,)
        return self.cluster.sites if isinstance(self.cluster, Region) else (self.cluster.site,)


def targets(
    destination: Destination | None,
    objects: Iterable[KubeObject],
    stack: Category | None,
    facts: Facts,
    *,
    is_provider: bool,
) -> Iterator[Target]:
    """The placements that a resource stands for.

    The stack's own category is judged once, on the provider resource; a resource only where it is labelled stricter.
    """
    if destination is None or destination.cluster is None or destination.provider is None:
        return
    if is_provider and stack:
        yield Target("kubeconfig", destination.provider, destination.cluster, stack)
    for path, label in _labels(objects):
        category = named(facts, label)
        if category and (stack is None or category.rank > stack.rank):
            yield Target(path, destination.provider, destination.cluster, category)


def located(
    place: Place | None, service: str, stack: Category | None, labels: Iterable[tuple[str, Any]], facts: Facts
) -> Iterator[Target]:
    """The placements of a cloud's provider or resource: its stack's data, and stricter data that a label names.

    None where the register lists no such region.
    """
    if not (place and place.region and place.provider):
        return
    if stack:
        yield Target(place.path, place.provider, place.region, stack, service)
    for path, label in labels:
        category = named(facts, label)
        if category and (stack is None or category.rank > stack.rank):
            yield Target(path, place.provider, place.region, category, service)


def cloud_labels(package: CloudPackage | None, props: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The category labels (tags, metadata) that a resource of a cloud carries, with their paths."""
    for key in package.labels if package else ():
        held = props.get(key)
        if held is UNKNOWN:
            yield key, held
        elif isinstance(held, dict):
            yield from ((join(key, name), held[name]) for name in (CATEGORY_LABEL, CATEGORY_TAG) if name in held)
        elif isinstance(held, list):
            pairs = [(i, *text.split("=", 1)) for i, text in enumerate(held) if isinstance(text, str) and "=" in text]
            yield from ((f"{key}[{i}]", value) for i, name, value in pairs if name in (CATEGORY_LABEL, CATEGORY_TAG))


def own_category(subject: Subject) -> Category | None:
    """The category whose rules a resource of a cloud has to keep: its stack's, or its own label's where stricter."""
    stack = subject.stack.category
    found = [category for _, label in subject.labels if (category := named(subject.facts, label))]
    return max([stack, *found], key=lambda category: category.rank) if stack else None


def in_country(subject: Subject) -> bool:
    """Whether what a resource holds must stay in the country; where no category is declared, it must."""
    category = own_category(subject)
    return category is None or category.rule.in_country


def _labels(objects: Iterable[KubeObject]) -> Iterator[tuple[str, Any]]:
    """Every category label that objects and their pods carry, with its path."""
    for found in objects:
        own = labels_of(found.body.get("metadata"))
        if CATEGORY_LABEL in own:
            yield join(found.inside("metadata", "labels"), CATEGORY_LABEL), own[CATEGORY_LABEL]
        if found.expected.kind == "Pod":
            continue
        for pod in found.pods:
            inner = labels_of(pod.metadata.body)
            if CATEGORY_LABEL in inner:
                yield join(join(pod.metadata.path, "labels"), CATEGORY_LABEL), inner[CATEGORY_LABEL]


def named(facts: Facts, label: Any) -> Category | None:
    """The category that a label names."""
    return facts.profile.category(label) if isinstance(label, str) else None


def category_of(subject: Subject, found: KubeObject) -> Category:
    """The category whose rules an object has to keep: its stack's, or its own where that is stricter.

    In a stack without a category it is the strictest there is: what is not declared is not judged mildly.
    """
    stack = subject.stack.category
    if stack is None:
        return max(subject.facts.profile.categories, key=lambda category: category.rank)
    own = named(subject.facts, labels_of(found.body.get("metadata")).get(CATEGORY_LABEL))
    return own if own and own.rank > stack.rank else stack
