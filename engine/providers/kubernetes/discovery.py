"""Which kinds the API server serves, where, and whether they live in namespaces.

Asked per group and version when first needed (one small request each) and kept; a kind that is not there is asked
for again, since a program may have just made its CustomResourceDefinition.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from engine.provider import ProviderError
from engine.providers.kubernetes.client import ApiError
from engine.providers.kubernetes.normalise import known_types

if TYPE_CHECKING:
    from engine.providers.kubernetes.client import Client
    from engine.providers.kubernetes.objects import Object


class NoSuchKindError(ProviderError):
    """The API server does not serve this kind (yet)."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')


@dataclass(frozen=True, slots=True)
class Mapping:
    """Where the objects of a kind are found."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of the collection, or of one object."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        if self.namespaced and namespace:
            root += f"/namespaces/{quote(namespace, safe='')}"
        return f"{root}/{self.plural}/{quote(name, safe='')}" if name else f"{root}/{self.plural}"


class Discovery:
    """Kinds of one API server; thread-safe."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._kinds: dict[str, dict[str, Mapping]] = {}

    def mapping(self, api_version: str, kind: str) -> Mapping:
        """Where objects of a kind are. Raises NoSuchKindError."""
        if (found := self._kinds.get(api_version, {}).get(kind)) is not None:
            return found
        with self._lock:
            if kind not in self._kinds.get(api_version, {}):
                self._kinds[api_version] = self._fetch(api_version)
            found = self._kinds[api_version].get(kind)
        if found is None:
            raise NoSuchKindError(api_version, kind)
        return found

    def exists(self, api_version: str, kind: str) -> bool:
        """Whether the kind is served now."""
        try:
            self.mapping(api_version, kind)
        except NoSuchKindError:
            return False
        return True

    def _fetch(self, api_version: str) -> dict[str, Mapping]:
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            document = self._client.request("GET", root)
        except ApiError as error:
            if error.code == 404:
                return {}
            raise
        return {
            item["kind"]: Mapping(api_version, item["kind"], item["name"], bool(item["namespaced"]))
            for item in document.get("resources") or []
            if "/" not in item["name"]
        }


def api_version_and_kind(token: str) -> tuple[str, str]:
    """What `kubernetes:<group>/<version>:<Kind>` is to the API server; a Patch resource is the kind it patches."""
    api_version, _, kind = token.partition(":")[2].partition(":")
    api_version = api_version.removeprefix("core/")
    patched = kind.removesuffix("Patch")
    return api_version, patched if f"{api_version}/{patched}" in known_types()["kinds"] else kind


def is_namespaced(obj: Object, discovery: Discovery | None) -> bool:
    """Whether an object lives in a namespace; built-in kinds are known, of an unknown kind it is assumed."""
    api_version, kind = str(obj.get("apiVersion")), str(obj.get("kind"))
    types = known_types()
    if f"{api_version}/{kind}" in types["kinds"]:
        return f"{api_version}/{kind}" not in types["cluster_scoped"]
    if kind == "CustomResourceDefinition":
        return False
    try:
        return discovery.mapping(api_version, kind).namespaced if discovery is not None else True
    except NoSuchKindError:
        return True
