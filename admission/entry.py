"""CRY-002 in CEL: what leads into the cluster speaks TLS, whatever the category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admission.cel import Ruling, array
from policies.checks.encrypted_entry import HTTPS_PORT, OUTSIDE, PROTOCOLS, REDIRECTS

if TYPE_CHECKING:
    from collections.abc import Iterator


def rulings() -> Iterator[Ruling]:
    """Ingresses, listeners of gateways, and the ports of services that are open to the outside."""
    yield Ruling("cry-002-ingresses", "CRY-002", {"networking.k8s.io": ("ingresses",)}, _ingresses())
    yield Ruling("cry-002-gateways", "CRY-002", {"gateway.networking.k8s.io": ("gateways",)}, _gateways())
    yield Ruling("cry-002-services", "CRY-002", {"": ("services",)}, _services())


def _ingresses() -> str:
    tls = "object.spec.?tls.orValue([])"
    covered = f"has(r.host) && {tls}.exists(t, t.?hosts.orValue([]).exists(h, h == r.host))"
    return (
        f"{tls}.filter(t, !has(t.hosts)).map(t, 'spec.tls.hosts: got nothing, allowed a list of hosts')"
        f" + object.spec.?rules.orValue([]).filter(r, !({covered}))"
        ".map(r, 'spec.rules.host: got ' + r.?host.orValue('nothing') + ', allowed a host that spec.tls names')"
        # It answers for hosts nobody named, so for hosts without a certificate.
        " + (has(object.spec.defaultBackend) ? ['spec.defaultBackend: allowed nothing: rules for hosts that spec.tls names'] : [])"  # noqa: E501 - one CEL expression
        f" + {array(REDIRECTS)}.filter(k, object.metadata.?annotations[?k].orValue('true') != 'true')"
        ".map(k, 'metadata.annotations[' + k + ']: allowed true or nothing')"
    )


def _gateways() -> str:
    listeners = "object.spec.?listeners.orValue([])"
    return (
        f"{listeners}.filter(l, !(l.?protocol.orValue('') in ['HTTPS', 'TLS']))"
        ".map(l, 'spec.listeners.protocol: got ' + l.?protocol.orValue('nothing') + ', allowed HTTPS or TLS')"
        f" + {listeners}.filter(l, size(l.?tls.orValue({{}})) == 0)"
        ".map(l, 'spec.listeners.tls: got nothing, allowed the certificate of the listener, or passthrough')"
    )


def _services() -> str:
    protocols = array(PROTOCOLS)
    lawful = f"p.?appProtocol.orValue('') in {protocols} || !has(p.appProtocol) && p.port == {HTTPS_PORT}"
    return (
        f"!(object.spec.?type.orValue('') in {array(OUTSIDE)}) ? [] :"
        f" object.spec.?ports.orValue([]).filter(p, !({lawful})).map(p, 'spec.ports: got ' + string(p.port)"
        f" + ', allowed appProtocol {' or '.join(PROTOCOLS)}, or port {HTTPS_PORT}')"
    )
