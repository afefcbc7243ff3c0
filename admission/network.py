"""NET-001 in CEL: no policy admits everything into, or out of, a namespace of an internal category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admission.cel import Ruling, context

if TYPE_CHECKING:
    from collections.abc import Iterator


def rulings() -> Iterator[Ruling]:
    """Network policies, one by one; that there is one which denies, no policy that sees a single object can ask."""
    found = " + ".join(
        f"object.spec.?{way}.orValue([])"
        f".filter(r, size(r.?{peers}.orValue([])) == 0 && size(r.?ports.orValue([])) == 0)"
        f".map(r, 'spec.{way}: got a rule that admits everything, allowed peers or ports')"
        for way, peers in (("ingress", "from"), ("egress", "to"))
    )
    asks = f"variables.rule.exposure == 'internal' ? {found} : []"
    yield Ruling("net-001", "NET-001", {"networking.k8s.io": ("networkpolicies",)}, asks, context())
