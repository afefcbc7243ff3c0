"""PIN-003: a provider is configured by content that can be read here, not by a path, the environment or a switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.subject import KUBERNETES_PROVIDER, Concern, Violation
from policies.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.subject import Subject

_CONTENT: Final = "the content of the register cluster's kubeconfig"
_OVERRIDES: Final = ("context", "cluster")
_SWITCHES: Final = ("deleteUnreachable", "skipUpdateUnreachable")
_OFF: Final = (None, False, "false")

CONCERN = Concern(types=frozenset({KUBERNETES_PROVIDER}))


def check(subject: Subject) -> Iterator[Violation]:
    """The kubeconfig alone says which cluster it is, and an unreachable cluster is never passed over."""
    if subject.type != KUBERNETES_PROVIDER or subject.destination is None:
        return
    state = subject.destination.access.state
    if state == "unknown":
        yield Violation("kubeconfig", UNKNOWN, _CONTENT)
    elif state == "absent":
        yield Violation("kubeconfig", "nothing, so that the environment decides", _CONTENT, public=True)
    elif state == "path":
        yield Violation("kubeconfig", "a path or other text", _CONTENT, public=True)
    for key in _OVERRIDES:
        if subject.props.get(key) is not None:
            yield Violation(key, subject.props[key], "nothing: the kubeconfig has one context")
    for key in _SWITCHES:
        if subject.props.get(key) not in _OFF:
            yield Violation(key, subject.props[key], "nothing: state and cluster must not part")
