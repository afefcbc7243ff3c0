"""CRY-004: what a machine is told at its start holds no secret: it can be read by all on it, and by its provider."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Final

from inventories.patterns import SENSITIVE_TEXT
from policies.subject import Concern, Violation
from policies.values import Marker, at, join, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policies.subject import Subject

_TOLD: Final[Mapping[str, tuple[str, ...]]] = {
    "openstack:compute/instance:Instance": ("userData", "metadata"),
    "aws:ec2/instance:Instance": ("userData", "userDataBase64"),
    "aws:ec2/launchTemplate:LaunchTemplate": ("userData",),
    "azure-native:compute:VirtualMachine": ("userData", "osProfile.customData"),
    "azure:compute/linuxVirtualMachine:LinuxVirtualMachine": ("userData", "customData"),
    "azure:compute/windowsVirtualMachine:WindowsVirtualMachine": ("userData", "customData"),
    "gcp:compute/instance:Instance": ("metadataStartupScript", "metadata"),
    "gcp:compute/instanceTemplate:InstanceTemplate": ("metadataStartupScript", "metadata"),
}
_PLAIN: Final = "plain text without a secret"
_SECRET: Final = re.compile(SENSITIVE_TEXT)
CONCERN = Concern(types=frozenset(_TOLD))


def check(subject: Subject) -> Iterator[Violation]:
    """A secret of the program, and text that looks like one; what is not known yet may hold one."""
    for path in _TOLD.get(subject.type, ()):
        value = at(subject.props, *path.split("."))
        values = {path: value} if not isinstance(value, dict) else {join(path, key): value[key] for key in value}
        for where, text in values.items():
            yield from _text(subject, where, text)


def _text(subject: Subject, path: str, text: Any) -> Iterator[Violation]:
    if any(secret == path or secret.startswith((f"{path}.", f"{path}[")) for secret in _places(subject)):
        yield Violation(path, "a secret of the program", _PLAIN, public=True)
    elif isinstance(text, Marker):
        yield Violation(path, text, _PLAIN)
    elif text is not None and not isinstance(text, str | bool | int | float):
        yield Violation(path, f"a {'list' if isinstance(text, list) else type(text).__name__}", _PLAIN, public=True)
    elif isinstance(text, str) and any(_SECRET.search(one) for one in (text, _decoded(text))):
        yield Violation(path, "text that looks like a secret", _PLAIN, public=True)


def _places(subject: Subject) -> Iterator[str]:
    """Where secrets stood; one around a whole value counts for all that is in it."""
    for place in subject.secrets:
        yield place
        yield from (join(place, key) for key in mapping(at(subject.props, *place.split("."))))


def _decoded(text: str) -> str:
    """What base64 hides; the text itself where it is none."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return text
