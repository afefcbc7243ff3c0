"""PIN-002: a provider reaches a cluster of the register, over verified TLS, and runs nothing on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policies.subject import KUBERNETES_PROVIDER, Violation
from policies.values import SEALED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Destination, Subject

_PATH = "kubeconfig"
_REGISTERED = "server and CA certificate of a cluster of the register"


def check(subject: Subject) -> Iterator[Violation]:
    """All faults on the provider; on its resources, one line each that they have nowhere lawful to go."""
    destination = subject.destination
    if destination is None:
        return
    if subject.type == KUBERNETES_PROVIDER:
        yield from _provider(destination)
        yield from _named(subject.props.get("clusterIdentifier"), destination)
    elif destination.access.state == "unknown":
        yield Violation("provider.kubeconfig", UNKNOWN, _REGISTERED)
    elif destination.cluster is None:
        yield Violation(
            "provider.kubeconfig", "a provider that reaches no cluster of the register", _REGISTERED, public=True
        )


def _provider(destination: Destination) -> Iterator[Violation]:
    access = destination.access
    if access.state == "sealed" and destination.cluster is None:
        yield Violation(_PATH, SEALED, "a clusterIdentifier that is the id of a cluster of the register")
    if access.state != "content":
        return
    for weakness in access.weaknesses:
        yield Violation(weakness.path, weakness.got, weakness.allowed, public=True)
    if destination.cluster is None:
        got = f"server {access.server or 'unreadable'} with CA sha256 {access.ca_sha256[:12] or 'unreadable'}"
        yield Violation(_PATH, got, _REGISTERED, public=True)


def _named(given: Any, destination: Destination) -> Iterator[Violation]:
    """A provider is named after the cluster it reaches: where its kubeconfig is sealed, the name is all there is."""
    reached = destination.cluster
    if given is not None and reached is not None and given != reached.id:
        yield Violation("clusterIdentifier", given, f"{reached.id}, which its kubeconfig reaches, or none")
