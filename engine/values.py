"""Property values as the engine, the providers and the state files exchange them.

Plain JSON values (None, bool, int, float, str, list, dict) stand for themselves; what JSON cannot say is one of the
classes below. Signatures and sentinels are the Pulumi wire format (`sdk/go/common/resource/properties.go`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a wire constant
UNKNOWN_SENTINEL: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """A value that only exists once its resource does; there is one: `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, _memo: object) -> Unknown:
        return self

    def __copy__(self) -> Unknown:
        return self

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is encrypted in state and never shown."""

    value: Any

    def __repr__(self) -> str:
        return "Secret([secret])"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file's content: exactly one of text, path, uri; `hash` is its sha256 in hex."""

    hash: str = ""
    text: str | None = None
    path: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """Many files: exactly one of assets (name -> Asset or Archive), path, uri."""

    hash: str = ""
    assets: dict[str, Any] | None = None
    path: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class ResourceReference:
    """A resource as a value; a component has no id."""

    urn: str
    id: str | Unknown | None = None
    package_version: str = ""


Value: TypeAlias = Any
PropertyMap: TypeAlias = dict[str, Value]
