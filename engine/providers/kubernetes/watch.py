"""Live copies of collections, shared: one list and watch per kind and namespace, however many operations look at it."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final

from engine.provider import ProviderError
from engine.providers.kubernetes.objects import metadata_text, pluck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.providers.kubernetes.client import Client
    from engine.providers.kubernetes.discovery import Mapping
    from engine.providers.kubernetes.objects import Object

_WATCH_S: Final = 60
_RETRY_S: Final = 1.0


class Feed:
    """The objects of one collection by name, kept current by a thread of its own while somebody subscribes."""

    def __init__(self, client: Client, mapping: Mapping, namespace: str) -> None:
        self._client = client
        self._mapping = mapping
        self._path = mapping.path(namespace)
        self._lock = threading.Lock()
        self._objects: dict[str, Object] = {}
        self._gone: set[str] = set()
        self.subscribers: list[threading.Event] = []
        self.synced = False
        self.error: ProviderError | None = None
        self.changed_at = time.monotonic()

    def get(self, name: str) -> Object | None:
        """The object of that name as last seen."""
        return self._objects.get(name)

    def all(self) -> tuple[Object, ...]:
        """All objects as last seen."""
        with self._lock:
            return tuple(self._objects.values())

    def saw_end_of(self, uid: str) -> bool:
        """Whether the object with this uid was seen to go."""
        return uid in self._gone

    def wake(self) -> None:
        """Let everybody look again."""
        for event in list(self.subscribers):
            event.set()

    def follow(self) -> bool:
        """One round: list when needed, then watch until the server ends it. False when it could not."""
        try:
            version = self._list()
        except ProviderError as error:
            self.error, self.synced = error, True
            self.wake()
            return False
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(_WATCH_S)}
        while version and self.subscribers:
            began, version = version, ""
            with contextlib.suppress(ProviderError):  # list again, which reports what lasts
                events = self._client.stream(self._path, {**query, "resourceVersion": began}, idle_s=_WATCH_S + 15)
                version = self._take(events, began)
        return True

    def _list(self) -> str:
        document = self._client.request("GET", self._path)
        items = {metadata_text(item, "name"): self._typed(item) for item in document.get("items") or []}
        with self._lock:
            uids = {pluck(item, "metadata", "uid") for item in items.values()}
            self._gone |= {
                uid for item in self._objects.values() if (uid := pluck(item, "metadata", "uid")) not in uids
            }
            self._objects = items
        self.error, self.synced, self.changed_at = None, True, time.monotonic()
        self.wake()
        return metadata_text(document, "resourceVersion")

    def _take(self, events: Iterator[Object], version: str) -> str:
        """The version to go on from; "" when the server no longer knows it or the stream broke."""
        ended = time.monotonic() + _WATCH_S - 1
        for event in events:
            obj, kind = event.get("object") or {}, event.get("type")
            if kind == "ERROR" or kind is None:
                return ""
            version = metadata_text(obj, "resourceVersion") or version
            if kind != "BOOKMARK":
                self._record(self._typed(obj), gone=kind == "DELETED")
        return version if time.monotonic() >= ended else ""

    def _record(self, obj: Object, *, gone: bool) -> None:
        name = metadata_text(obj, "name")
        with self._lock:
            if gone:
                self._gone.add(metadata_text(obj, "uid"))
                self._objects.pop(name, None)
            else:
                self._objects[name] = obj
        self.changed_at = time.monotonic()
        self.wake()

    def _typed(self, item: Object) -> Object:
        return {"apiVersion": self._mapping.api_version, "kind": self._mapping.kind, **item}


class Watches:
    """All feeds of one API server; thread-safe."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._feeds: dict[tuple[str, str], Feed] = {}
        self.stopped = threading.Event()

    def subscribe(self, mapping: Mapping, namespace: str, wake: threading.Event) -> Feed:
        """The feed of a collection; `wake` is set on each change until `unsubscribe`."""
        key = (mapping.path(), namespace)
        with self._lock:
            feed = self._feeds.get(key)
            if feed is None:
                feed = self._feeds[key] = Feed(self._client, mapping, namespace)
                feed.subscribers.append(wake)
                name = f"watch {mapping.plural} {namespace}"
                threading.Thread(target=self._run, args=(key, feed), name=name, daemon=True).start()
            else:
                feed.subscribers.append(wake)
            return feed

    def unsubscribe(self, feed: Feed, wake: threading.Event) -> None:
        """No more changes for this subscriber; an unused feed ends with its current watch."""
        with self._lock:
            feed.subscribers.remove(wake)

    def stop(self) -> None:
        """End all feeds and wake everybody who waits."""
        self.stopped.set()
        self._client.stop_streams()
        with self._lock:
            feeds = list(self._feeds.values())
        for feed in feeds:
            feed.wake()

    def _run(self, key: tuple[str, str], feed: Feed) -> None:
        while not self.stopped.is_set():
            if not feed.follow():
                self.stopped.wait(_RETRY_S)
            with self._lock:
                if not feed.subscribers:
                    del self._feeds[key]
                    return
