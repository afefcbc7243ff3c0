"""Object storage by Swift's own API: containers and the objects in them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from engine.provider import ProviderError
from engine.providers.openstack.calls import Call, Made
from engine.providers.openstack.cloud import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTAINER: Final = {
    "containerRead": "X-Container-Read",
    "containerWrite": "X-Container-Write",
    "containerSyncTo": "X-Container-Sync-To",
    "containerSyncKey": "X-Container-Sync-Key",
    "contentType": "Content-Type",
}
_ONLY_AT_FIRST: Final = {"storagePolicy": "X-Storage-Policy", "storageClass": "X-Object-Storage-Class"}
_LEGACY: Final = {"versions": "X-Versions-Location", "history": "X-History-Location"}
_OBJECT: Final = {
    "contentType": "Content-Type",
    "contentDisposition": "Content-Disposition",
    "contentEncoding": "Content-Encoding",
    "objectManifest": "X-Object-Manifest",
    "deleteAfter": "X-Delete-After",
}


class Containers:
    """Containers; the name is the id, and making one twice is making it once."""

    def create(self, call: Call) -> Made:
        """Make it."""
        name = str(call.inputs["name"])
        first = {header: str(call.inputs[key]) for key, header in _ONLY_AT_FIRST.items() if call.inputs.get(key)}
        call.cloud.call("object_store", "PUT", _path(name), headers=self._headers(call) | first)
        return self._told(call, name, self._head(call, name) or {})

    def read(self, call: Call) -> Made | None:
        """As its headers tell."""
        headers = self._head(call, call.id)
        return None if headers is None else self._told(call, call.id, headers)

    def update(self, call: Call) -> Made:
        """Set its headers; of its versions first what goes, then what comes."""
        headers = dict.fromkeys(_CONTAINER.values(), "") | self._headers(call)
        if not headers["Content-Type"]:
            del headers["Content-Type"]
        if "versioningLegacy" in call.changed and not call.inputs.get("versioningLegacy"):
            headers |= dict.fromkeys(("X-Remove-Versions-Location", "X-Remove-History-Location"), "true")
        gone = (call.olds.get("metadata") or {}).keys() - (call.inputs.get("metadata") or {}).keys()
        headers |= {f"X-Remove-Container-Meta-{key}": "x" for key in gone}
        call.cloud.call("object_store", "POST", _path(call.id), headers=headers, once=True)
        return self._told(call, call.id, self._head(call, call.id) or {})

    def delete(self, call: Call) -> None:
        """Delete it; with what is in it where that was asked for."""
        try:
            call.cloud.call("object_store", "DELETE", _path(call.id))
        except ApiError as error:
            if error.code == 404:
                return
            if error.code != 409 or not call.olds.get("forceDestroy"):
                raise
            self._empty(call)
            call.cloud.call("object_store", "DELETE", _path(call.id))

    def _headers(self, call: Call) -> dict[str, str]:
        inputs = call.inputs
        headers = {header: str(inputs[key]) for key, header in _CONTAINER.items() if inputs.get(key)}
        if inputs.get("versioning") is not None and (inputs["versioning"] or "versioning" in call.changed):
            headers["X-Versions-Enabled"] = str(bool(inputs["versioning"])).lower()
        if legacy := inputs.get("versioningLegacy"):
            headers[_LEGACY.get(str(legacy.get("type")), "X-Versions-Location")] = str(legacy.get("location"))
        return headers | {f"X-Container-Meta-{key}": value for key, value in (inputs.get("metadata") or {}).items()}

    def _head(self, call: Call, name: str) -> dict[str, str] | None:
        try:
            answer = call.cloud.call("object_store", "HEAD", _path(name))
        except ApiError as error:
            if error.code == 404:
                return None
            raise
        return _lower(answer.headers)

    def _told(self, call: Call, name: str, headers: Mapping[str, str]) -> Made:
        kept = {key: value for key, value in {**call.olds, **call.inputs}.items() if key in call.facts.inputs}
        told: dict[str, Any] = {
            "name": name,
            "region": call.region,
            "containerRead": headers.get("x-container-read", ""),
            "containerWrite": headers.get("x-container-write", ""),
            "storagePolicy": headers.get("x-storage-policy", ""),
            "storageClass": headers.get("x-storage-class", ""),
            "versioning": headers.get("x-versions-enabled", "false").lower() == "true",
        }
        return Made(name, kept | told)

    def _empty(self, call: Call) -> None:
        for query in ({"format": "json"}, {"format": "json", "versions": "true"}):
            if query.get("versions") and not call.olds.get("versioning"):
                return
            while items := call.cloud.call("object_store", "GET", _path(call.id), query=query).document.get("items"):
                for each in items:
                    version = {"version-id": each["version_id"]} if each.get("version_id") not in (None, "null") else {}
                    path = _path(call.id, str(each["name"]))
                    try:
                        call.cloud.call("object_store", "DELETE", path, query=version)
                    except ApiError as error:
                        if error.code != 404:
                            raise


class Objects:
    """Objects; the id is `container/name`, and putting one twice is putting it once."""

    def create(self, call: Call) -> Made:
        """Put it."""
        container, name = str(call.inputs["containerName"]), str(call.inputs["name"])
        self._put(call, container, name)
        return self._told(call, container, name, self._head(call, container, name) or {})

    def read(self, call: Call) -> Made | None:
        """As its headers tell."""
        container, _, name = call.id.partition("/")
        headers = self._head(call, container, name)
        return None if headers is None else self._told(call, container, name, headers)

    def update(self, call: Call) -> Made:
        """Put it again: what is in it, and what is said of it."""
        container, _, name = call.id.partition("/")
        self._put(call, container, name)
        return self._told(call, container, name, self._head(call, container, name) or {})

    def delete(self, call: Call) -> None:
        """Delete it."""
        container, _, name = call.id.partition("/")
        try:
            call.cloud.call("object_store", "DELETE", _path(container, name))
        except ApiError as error:
            if error.code != 404:
                raise

    def _put(self, call: Call, container: str, name: str) -> None:
        inputs = call.inputs
        headers = {header: str(inputs[key]) for key, header in _OBJECT.items() if inputs.get(key)}
        headers |= {f"X-Object-Meta-{key}": value for key, value in (inputs.get("metadata") or {}).items()}
        if inputs.get("deleteAt"):
            headers["X-Delete-At"] = str(_seconds(str(inputs["deleteAt"])))
        if inputs.get("detectContentType"):
            headers["X-Detect-Content-Type"] = "true"
        content = _content(inputs)
        if inputs.get("copyFrom"):
            headers["X-Copy-From"] = quote(str(inputs["copyFrom"]))
        if content:
            # the store compares, so that what a broken connection left is never taken for the whole
            headers["ETag"] = hashlib.md5(content, usedforsecurity=False).hexdigest()
        call.cloud.call("object_store", "PUT", _path(container, name), headers=headers, data=content)

    def _head(self, call: Call, container: str, name: str) -> dict[str, str] | None:
        try:
            return _lower(call.cloud.call("object_store", "HEAD", _path(container, name)).headers)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def _told(self, call: Call, container: str, name: str, headers: Mapping[str, str]) -> Made:
        kept = {key: value for key, value in {**call.olds, **call.inputs}.items() if key in call.facts.inputs}
        told: dict[str, Any] = {
            "containerName": container,
            "name": name,
            "region": call.region,
            "etag": headers.get("etag", "").strip('"'),
            "contentLength": int(headers.get("content-length") or 0),
            "contentType": headers.get("content-type", ""),
            "contentDisposition": headers.get("content-disposition", ""),
            "contentEncoding": headers.get("content-encoding", ""),
            "objectManifest": headers.get("x-object-manifest", ""),
            "lastModified": headers.get("last-modified", ""),
            "date": headers.get("date", ""),
            "transId": headers.get("x-trans-id", ""),
            "deleteAt": headers.get("x-delete-at", ""),
        }
        return Made(f"{container}/{name}", kept | told)


def _content(inputs: Mapping[str, Any]) -> bytes:
    if inputs.get("source"):
        try:
            return Path(str(inputs["source"])).expanduser().read_bytes()
        except OSError as error:
            raise ProviderError(f"source: {inputs['source']}: {error.strerror or error}") from None
    return str(inputs.get("content") or "").encode()


def _seconds(text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ProviderError(f"deleteAt is a time in RFC 3339, got {text!r}") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def _path(*parts: str) -> str:
    return "/" + "/".join(quote(part, safe="") if at == 0 else quote(part) for at, part in enumerate(parts))


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in headers.items()}
