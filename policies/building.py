"""From the engine's requests to subjects; kubeconfigs and providers are read once per content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from policies.derived import names
from policies.hosts import hosted
from policies.kubeconfig import Access, read
from policies.location import Place, provider_place, resource_place
from policies.objects import read_objects
from policies.placed import cloud_labels, located, targets
from policies.subject import (
    KUBERNETES_PROVIDER,
    PROVIDER_PREFIX,
    Destination,
    Facts,
    ProviderFacts,
    StackFacts,
    Subject,
)
from policies.values import SEALED
from policies.wire import plain

if TYPE_CHECKING:
    from pulumi.runtime.proto.analyzer_pb2 import AnalyzeRequest, AnalyzerProviderResource, AnalyzerResource


@dataclass(slots=True)
class Builder:
    """Makes the subjects of one run.

    `plugin_urls`: by provider URN, where its program is to be fetched from. `seen`: the subjects so far, by URN.
    """

    facts: Facts
    stack: StackFacts
    plugin_urls: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Subject] = field(default_factory=dict)
    _by_name: dict[str, list[Subject]] = field(default_factory=dict)
    _providers: dict[bytes, ProviderFacts] = field(default_factory=dict)

    def subject(self, request: AnalyzeRequest | AnalyzerResource) -> Subject:
        """One resource as a subject; `request` is what Analyze gets, or one item of AnalyzeStack."""
        props, secrets = plain(request.properties)
        if request.urn in self.plugin_urls:
            props["pluginDownloadURL"] = self.plugin_urls[request.urn]
        provider = self._provider(request.provider) if request.HasField("provider") else None
        name, parent = _name(request.urn, request.name), request.options.parent
        return self.recorded(
            request.urn, request.type, props, name=name, secrets=secrets, provider=provider, parent=parent
        )

    def recorded(
        self,
        urn: str,
        type_: str,
        props: dict[str, Any],
        *,
        name: str = "",
        secrets: frozenset[str] = frozenset(),
        provider: ProviderFacts | None = None,
        parent: str = "",
    ) -> Subject:
        """One resource as a subject, from plain values."""
        kind = self.facts.types.kinds.get(type_)
        objects, malformed = read_objects(props, kind) if kind else ((), ())
        is_provider = type_ == KUBERNETES_PROVIDER
        if is_provider:
            destination: Destination | None = self._destination(props)
        else:
            destination = provider.destination if provider else None
        reached = targets(destination, objects, self.stack.category, self.facts, is_provider=is_provider)
        place, service = self._place(type_, props, provider)
        labels = tuple(cloud_labels(self.facts.types.cloud.package(type_.partition(":")[0]), props))
        return Subject(
            urn=urn,
            type=type_,
            name=name or _name(urn, ""),
            props=props,
            stack=self.stack,
            facts=self.facts,
            parent=parent,
            provider=provider,
            destination=destination,
            objects=objects,
            targets=(
                *reached,
                *located(place, service, self.stack.category, labels, self.facts),
                *hosted(type_, props, self.stack.category, self.facts),
            ),
            labels=labels,
            place=place,
            place_endpoint=self._endpoint(type_, provider),
            malformed=malformed,
            secrets=secrets,
            earlier=self._by_name,
        )

    def remember(self, subject: Subject) -> None:
        """Keep a subject for those that come after it."""
        self.seen[subject.urn] = subject
        for name in names(subject):
            self._by_name.setdefault(name, []).append(subject)

    def _provider(self, message: AnalyzerProviderResource) -> ProviderFacts:
        # The same few providers come with every resource: the digest of their bytes finds them again, and keeps no key.
        key = hashlib.sha256(message.SerializeToString(deterministic=True)).digest()
        if (known := self._providers.get(key)) is None:
            props, _ = plain(message.properties)
            is_kubernetes = message.type == KUBERNETES_PROVIDER
            package = self.facts.types.cloud.package(message.type.removeprefix(PROVIDER_PREFIX))
            known = self._providers[key] = ProviderFacts(
                message.type,
                message.urn,
                _name(message.urn, message.name),
                self._destination(props) if is_kubernetes else None,
                provider_place(package, props, self.facts.register) if package else None,
                props if package else {},
            )
        return known

    def provider(self, subject: Subject) -> ProviderFacts:
        """A provider resource, as what is known of it when it makes others."""
        package = self.facts.types.cloud.package(subject.package)
        props = dict(subject.props) if package else {}
        return ProviderFacts(subject.type, subject.urn, subject.name, subject.destination, subject.place, props)

    def _place(self, token: str, props: dict[str, Any], provider: ProviderFacts | None) -> tuple[Place | None, str]:
        """Where a cloud's provider or resource is, and the kind of service it is."""
        types, register = self.facts.types.cloud, self.facts.register
        if token.startswith(PROVIDER_PREFIX):
            package = types.package(token.removeprefix(PROVIDER_PREFIX))
            return (provider_place(package, props, register) if package else None), ""
        package, facts = types.package(token.partition(":")[0]), types.facts(token)
        if package is None or facts is None:
            return None, ""
        # A provider of another package says nothing about this one's place.
        told = provider.props if provider and provider.package == package.name else {}
        return resource_place(package, facts, props, told, register), facts.service

    def _endpoint(self, token: str, provider: ProviderFacts | None) -> str:
        package = self.facts.types.cloud.package(token.partition(":")[0])
        value = provider.props.get(package.provider.endpoint) if package and provider else ""
        return value if isinstance(value, str) else ""

    def _destination(self, props: dict[str, Any]) -> Destination:
        """Where a Kubernetes provider leads; with its kubeconfig sealed, to the cluster that it is named after."""
        if props.get("kubeconfig") is SEALED:
            named = props.get("clusterIdentifier")
            known = self.facts.register.cluster(named) if isinstance(named, str) else None
            return Destination(Access("sealed"), *known) if known else Destination(Access("sealed"))
        access = read(props.get("kubeconfig"))
        found = self.facts.register.cluster_at(access.server, access.ca_sha256)
        return Destination(access, *found) if found else Destination(access)


def _name(urn: str, given: str) -> str:
    """A resource's name by its URN, which the engine itself goes by; a name may hold `::`."""
    parts = urn.split("::", 3)
    return parts[3] if len(parts) == 4 else given
