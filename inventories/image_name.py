"""What the name of a container image says, read as container runtimes read it.

The grammar is the reference implementation's (github.com/distribution/reference): `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.
The first part is a host only where it has a dot, a colon or a capital letter, or is `localhost`; otherwise the image
comes from Docker Hub.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

DOCKER_HUB: Final = "docker.io"
_LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_PART: Final = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_PATH: Final = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_PINNED: Final = re.compile(r"sha256:[0-9a-f]{64}")
_IMAGE_ID: Final = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME: Final = 255
LONGEST: Final = 1024
HOST_PATTERN: Final = _HOST.pattern
PATH_PATTERN: Final = rf"(?:{_PATH.pattern})(?::(?:{_TAG.pattern}))?(?:@(?:{_DIGEST.pattern}))?"
"""What follows the host, for those who judge names where Python does not run: regular expressions that RE2 takes."""


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image's name in full: `registry` is host and port in small letters, tag and digest may be empty."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def pinned(self) -> bool:
        """Whether it names one content for good: by sha256."""
        return _PINNED.fullmatch(self.digest) is not None


def parse_image(text: str) -> ImageName | None:
    """An image's name; None for what no runtime would take as one."""
    if len(text) > LONGEST:
        return None
    head, pinned, digest = text.partition("@")
    first, slash, path = head.partition("/")
    names_host = slash and (first == "localhost" or first != first.lower() or not {".", ":"}.isdisjoint(first))
    host = first if names_host else DOCKER_HUB
    path, tagged, tag = (path if names_host else head).partition(":")
    sound = (
        _HOST.fullmatch(host)
        and _PATH.fullmatch(path)
        and len(host) + len(path) < LONGEST_NAME
        and not (tagged and not _TAG.fullmatch(tag))
        and not (pinned and not _DIGEST.fullmatch(digest))
        and not _IMAGE_ID.fullmatch(head)  # the id of an image on the machine itself, not a name
    )
    if not sound:
        return None
    host = host.lower()
    if host in (DOCKER_HUB, f"index.{DOCKER_HUB}"):
        host, path = DOCKER_HUB, path if "/" in path else f"library/{path}"
    return ImageName(host, path, tag, digest)
