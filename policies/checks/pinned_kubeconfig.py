"""PIN-002: a provider reaches a cluster or region of the register, over verified TLS, and runs nothing on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policies.kubeconfig import authority_sha256
from policies.subject import KUBERNETES_PROVIDER, Violation
from policies.values import SEALED, UNKNOWN, Marker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Destination, Subject

_PATH = "kubeconfig"
_REGISTERED = "server and CA certificate of a cluster of the register"


def check(subject: Subject) -> Iterator[Violation]:
    """All faults on the provider; on its resources, one line each that they have nowhere lawful to go."""
    destination = subject.destination
    package = subject.facts.types.cloud.package(subject.package) if subject.is_provider else None
    if package and package.provider.authority:
        yield from _authority(subject, package.provider.authority)
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


def _authority(subject: Subject, path: str) -> Iterator[Violation]:
    """The CA certificate is the one that the register knows the region by; where no region is reached, others speak."""
    region, given = subject.place.region if subject.place else None, subject.props.get(path)
    if region is None or given in (None, ""):
        return
    if isinstance(given, Marker):
        yield Violation(path, given, f"the CA certificate of {region.id}")
    elif region.openstack is None:
        got = f"{region.id}, of which the register names no CA certificate"
        yield Violation(path, got, "a region that the register knows by its CA certificate", public=True)
    elif (digest := authority_sha256(given)) != region.openstack.ca_sha256:
        got = f"CA sha256 {digest[:12] or 'unreadable'}"
        allowed = f"the CA certificate of {region.id}, sha256 {region.openstack.ca_sha256[:12]}"
        yield Violation(path, got, allowed, public=True)


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
