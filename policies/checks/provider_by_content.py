"""PIN-003: a provider is configured by content that can be read here, not by a path, the environment or a switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.subject import KUBERNETES_PROVIDER, Concern, Violation
from policies.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.cloud_types import ProviderForm
    from policies.subject import Subject

_CONTENT: Final = "the content of the register cluster's kubeconfig"
_OVERRIDES: Final = ("context", "cluster")
_SWITCHES: Final = ("deleteUnreachable", "skipUpdateUnreachable")
_OFF: Final = (None, False, "false")
_PEM: Final = "-----BEGIN "

CONCERN = Concern(providers=True)


def check(subject: Subject) -> Iterator[Violation]:
    """The kubeconfig alone says which cluster it is, and an unreachable cluster is never passed over."""
    package = subject.facts.types.cloud.package(subject.package) if subject.is_provider else None
    if package and package.provider.credentials:
        yield from _cloud(subject, package.provider)
        yield from _told(subject, package.provider)
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


def _cloud(subject: Subject, form: ProviderForm) -> Iterator[Violation]:
    """Credentials and place are written here: no file, profile or environment variable of some machine decides."""
    if all(subject.props.get(key) in (None, "") for key in form.credentials):
        allowed = f"one of {', '.join(form.credentials)}"
        yield Violation("credentials", "nothing, so that the environment decides", allowed, public=True)
    for key in form.refused:
        if subject.props.get(key) not in (None, False, "false", ""):
            yield Violation(key, subject.props[key], "nothing: it leads elsewhere, or weakens the way there")


def _told(subject: Subject, form: ProviderForm) -> Iterator[Violation]:
    """What is not said here, the provider takes from the environment; and a file is not what stands here."""
    for key in form.required:
        if subject.props.get(key) in (None, ""):
            yield Violation(key, "nothing, so that the environment decides", "it, as the register has it", public=True)
    for keys in form.one_of:
        if all(subject.props.get(key) in (None, "") for key in keys):
            allowed = f"one of {', '.join(keys)}"
            yield Violation(keys[0], "nothing, so that the environment decides", allowed, public=True)
    for key in form.contents:
        value = subject.props.get(key)
        if value is UNKNOWN:
            yield Violation(key, UNKNOWN, "the content itself")
        elif value not in (None, "") and not (isinstance(value, str) and value.lstrip().startswith(_PEM)):
            yield Violation(key, "a path or other text", "the content itself, PEM", public=True)
