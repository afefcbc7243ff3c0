"""CRY-002: what leads into the cluster speaks TLS; a plain-text way in is refused for every category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.subject import Violation
from policies.values import at, join, mapping, sequence

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from policies.objects import KubeObject
    from policies.subject import Subject

# Whether a controller sends plain-text requests on to TLS; where one of these says no, it answers them itself.
REDIRECTS: Final = (
    "nginx.ingress.kubernetes.io/ssl-redirect",
    "ingress.kubernetes.io/ssl-redirect",
    "haproxy-ingress.github.io/ssl-redirect",
    "haproxy.org/ssl-redirect",
    "nginx.org/redirect-to-https",
)
OUTSIDE: Final = ("LoadBalancer", "NodePort")
PROTOCOLS: Final = ("https", "kubernetes.io/wss")
HTTPS_PORT: Final = 443


def check(subject: Subject) -> Iterator[Violation]:
    """Ingresses, listeners of gateways, and the ports of services that are open to the outside."""
    for found in subject.objects:
        if found.expected.kind == "Ingress":
            yield from _ingress(found)
        elif found.expected.kind == "Gateway":
            yield from _gateway(found)
        elif found.expected.kind == "Service":
            yield from _service(found)


def _ingress(found: KubeObject) -> Iterator[Violation]:
    covered = yield from _covered(found)
    rules = at(found.body, "spec", "rules")
    if rules is not None and not isinstance(rules, list):
        yield Violation(found.inside("spec", "rules"), rules, "a list of rules")
    for i, rule in enumerate(sequence(rules)):
        host = at(rule, "host")
        if not (isinstance(host, str) and host in covered):
            yield Violation(f"{found.inside('spec', 'rules')}[{i}].host", host, "a host that spec.tls names")
    for key in ("defaultBackend", "backend"):
        backend = at(found.body, "spec", key)
        if backend is not None:
            # It answers for hosts nobody named, so for hosts without a certificate.
            yield Violation(found.inside("spec", key), backend, "nothing: rules for hosts that spec.tls names")
    for name in REDIRECTS:
        value: Any = at(found.body, "metadata", "annotations", name)
        if value not in (None, "true"):
            yield Violation(join(found.inside("metadata", "annotations"), name), value, "true or nothing")


def _covered(found: KubeObject) -> Generator[Violation, None, set[str]]:
    """The hosts that TLS is set up for, by name; what of `spec.tls` cannot be read is refused."""
    hosts: set[str] = set()
    path, entries = found.inside("spec", "tls"), at(found.body, "spec", "tls")
    if entries is not None and not isinstance(entries, list):
        yield Violation(path, entries, "a list with the hosts of the certificates")
    for i, entry in enumerate(sequence(entries)):
        named = at(entry, "hosts")
        if not isinstance(named, list):
            yield Violation(f"{path}[{i}].hosts", named, "a list of hosts")
        for j, host in enumerate(sequence(named)):
            if not isinstance(host, str):
                yield Violation(f"{path}[{i}].hosts[{j}]", host, "a host")
            else:
                hosts.add(host)
    return hosts


def _gateway(found: KubeObject) -> Iterator[Violation]:
    path, listeners = found.inside("spec", "listeners"), at(found.body, "spec", "listeners")
    if listeners is not None and not isinstance(listeners, list):
        yield Violation(path, listeners, "a list of listeners")
    for i, listener in enumerate(sequence(listeners)):
        protocol = at(listener, "protocol")
        if protocol not in ("HTTPS", "TLS"):
            yield Violation(f"{path}[{i}].protocol", protocol, "HTTPS or TLS")
        tls = at(listener, "tls")
        if not isinstance(tls, dict) or not tls:
            yield Violation(f"{path}[{i}].tls", tls, "the certificate of the listener, or passthrough")


def _service(found: KubeObject) -> Iterator[Violation]:
    kind: Any = at(found.body, "spec", "type")
    if kind not in OUTSIDE:
        return
    path, ports = found.inside("spec", "ports"), at(found.body, "spec", "ports")
    if ports is not None and not isinstance(ports, list):
        yield Violation(path, ports, "a list of ports")
    for i, port in enumerate(sequence(ports)):
        protocol = at(port, "appProtocol")
        if protocol is None and mapping(port).get("port") == HTTPS_PORT:
            continue
        if protocol not in PROTOCOLS:
            got = protocol if protocol is not None else at(port, "port")
            allowed = f"appProtocol {' or '.join(PROTOCOLS)}, or port {HTTPS_PORT}"
            yield Violation(f"{path}[{i}]", got, allowed)
