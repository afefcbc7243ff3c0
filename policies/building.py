"""From the engine's requests to subjects; kubeconfigs and providers are read once per content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from policies.kubeconfig import Access, read
from policies.objects import read_objects
from policies.placed import targets
from policies.subject import KUBERNETES_PROVIDER, Destination, Facts, ProviderFacts, StackFacts, Subject
from policies.values import SEALED
from policies.wire import plain

if TYPE_CHECKING:
    from pulumi.runtime.proto.analyzer_pb2 import AnalyzeRequest, AnalyzerProviderResource, AnalyzerResource


@dataclass(slots=True)
class Builder:
    """Makes the subjects of one run; `plugin_urls`: by provider URN, where its program is to be fetched from."""

    facts: Facts
    stack: StackFacts
    plugin_urls: dict[str, Any] = field(default_factory=dict)
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
            destination: Destination | None = self.destination(props)
        else:
            destination = provider.destination if provider else None
        reached = targets(destination, objects, self.stack.category, self.facts, is_provider=is_provider)
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
            targets=tuple(reached),
            malformed=malformed,
            secrets=secrets,
        )

    def _provider(self, message: AnalyzerProviderResource) -> ProviderFacts:
        # The same few providers come with every resource: the digest of their bytes finds them again, and keeps no key.
        key = hashlib.sha256(message.SerializeToString(deterministic=True)).digest()
        if (known := self._providers.get(key)) is None:
            destination = (
                self.destination(plain(message.properties)[0]) if message.type == KUBERNETES_PROVIDER else None
            )
            known = self._providers[key] = ProviderFacts(
                message.type, message.urn, _name(message.urn, message.name), destination
            )
        return known

    def destination(self, props: dict[str, Any]) -> Destination:
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
