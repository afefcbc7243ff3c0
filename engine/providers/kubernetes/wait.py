"""Waiting until an object is ready or gone: shared watches in, a verdict out, and a clear picture of a stall."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from engine.provider import ProviderError
from engine.providers.kubernetes.client import ApiError, UnreachableError
from engine.providers.kubernetes.discovery import NoSuchKindError
from engine.providers.kubernetes.leaving import held_by
from engine.providers.kubernetes.objects import annotation, annotation_true, metadata_text, pluck
from engine.providers.kubernetes.pods import owned_by
from engine.providers.kubernetes.readiness import RULES, Rule
from engine.providers.kubernetes.verdict import Pod, ReplicaSet, Surroundings, Verdict
from engine.providers.kubernetes.waitfor import judge_expectations, parse_wait_for

if TYPE_CHECKING:
    from engine.provider import Log
    from engine.providers.kubernetes.client import Client
    from engine.providers.kubernetes.discovery import Discovery, Mapping
    from engine.providers.kubernetes.objects import Object
    from engine.providers.kubernetes.watch import Feed, Watches

_DEFAULT_TIMEOUT_S: Final = 600.0
_LOOK_AROUND_S: Final = 10.0  # how often a stalled object's events are read
_POLL_S: Final = 2.0  # the same where no watch is allowed, and the first look
_TICK_S: Final = 1.0  # rests that no event announces, such as settled endpoints, are seen this soon
_SKIPS_DELETE_WAIT: Final = {
    "v1/Namespace", "v1/Pod", "v1/ReplicationController", "apps/v1/DaemonSet", "apps/v1/Deployment",
    "apps/v1/StatefulSet", "batch/v1/Job",
}  # fmt: skip


class NotReadyError(ProviderError):
    """The object did not become what was asked for: the last live object, and every reason known."""

    def __init__(self, message: str, live: Object, reasons: tuple[str, ...]) -> None:
        super().__init__(message)
        self.live = live
        self.reasons = reasons


def rule_for(obj: Object) -> Rule | None:
    """How to judge this object: its annotation, else its kind's rule; None when it is ready at once."""
    if annotation_true(obj, "pulumi.com/skipAwait"):
        return None
    if text := annotation(obj, "pulumi.com/waitFor"):
        expectations = parse_wait_for(text)
        return Rule(lambda live, _: judge_expectations(live, expectations))
    return RULES.get(f"{obj.get('apiVersion')}/{obj.get('kind')}")


def timeout_of(obj: Object, timeout_s: float, default_s: float = _DEFAULT_TIMEOUT_S) -> float:
    """Seconds to wait: the resource option, else the annotation, else the kind's default."""
    if timeout_s:
        return timeout_s
    text = annotation(obj, "pulumi.com/timeoutSeconds")
    return float(text) if text.isdigit() else default_s


@dataclass(frozen=True, slots=True)
class Waiter:
    """Waits on one API server's objects."""

    client: Client
    discovery: Discovery
    watches: Watches
    log: Log

    def until_ready(self, inputs: Object, live: Object, urn: str, timeout_s: float) -> Object:
        """The live object once it is ready. Raises NotReadyError when it fails, the time is up, or on `cancel`."""
        rule = rule_for(inputs)
        if rule is None or rule.judge(live, Surroundings(unchanged_s=0.0)).ready:
            return live
        with _Subscriptions(self.watches, live) as feeds:
            mapping = self.discovery.mapping(str(live["apiVersion"]), str(live["kind"]))
            own = feeds.add(mapping)
            near = {kind: feeds.add(found) for kind in rule.needs if (found := self._mapping(kind)) is not None}
            watched = _Watched(own, near, live, rule)
            verdict = self._wait(feeds.wake, watched, urn, timeout_of(inputs, timeout_s, rule.timeout_s), mapping)
            if verdict.ready:
                return watched.live
            raise NotReadyError(verdict.status, watched.live, verdict.reasons)

    def _wait(self, wake: threading.Event, watched: _Watched, urn: str, timeout_s: float, mapping: Mapping) -> Verdict:
        """The last verdict; when it is not ready its status is the message of the failure."""
        began = time.monotonic()
        look_at, said = began + _POLL_S, ""
        name = metadata_text(watched.live, "name")
        while True:
            wake.clear()
            verdict = watched.judge()
            if verdict.ready:
                self._say(urn, verdict.status or "Ready", said)
            if verdict.ready or verdict.failed:
                return verdict
            now = time.monotonic()
            if self.watches.stopped.is_set():
                return _stuck(f'Resource operation was cancelled for "{name}"', verdict, ())
            if now >= began + timeout_s:
                return _stuck(f"'{name}' timed out waiting to be Ready", verdict, self._events(watched))
            said = self._say(urn, _picture(verdict), said)
            if now >= look_at:
                look_at = now + (_POLL_S if watched.blind else _LOOK_AROUND_S)
                if not self._still_there(mapping, watched):
                    return _stuck(f"'{name}' was deleted while waiting for it to be Ready", verdict, ())
                for line in self._events(watched)[-2:]:
                    self.log("info", line, urn=urn, ephemeral=True)
            wake.wait(min(_TICK_S, max(0.0, began + timeout_s - now)))

    def _say(self, urn: str, line: str, said: str) -> str:
        if line and line != said:
            self.log("info", line, urn=urn, ephemeral=True)
        return line

    def _mapping(self, kind: tuple[str, str]) -> Mapping | None:
        try:
            return self.discovery.mapping(*kind)
        except NoSuchKindError:
            return None

    def _still_there(self, mapping: Mapping, watched: _Watched) -> bool:
        """Look at the object itself: for feeds we may not read, and for objects that vanished."""
        live = watched.live
        try:
            found = self.client.request(
                "GET", mapping.path(metadata_text(live, "namespace"), metadata_text(live, "name"))
            )
        except ApiError as error:
            return error.code != 404
        except UnreachableError:  # an API server that is restarted comes back, or the time is up
            return True
        watched.take(found)
        return True

    def _events(self, watched: _Watched) -> tuple[str, ...]:
        """Warnings about the object and what it owns, oldest first, said once each."""
        live = watched.live
        namespace = metadata_text(live, "namespace") or "default"
        try:
            document = self.client.request(
                "GET", f"/api/v1/namespaces/{namespace}/events", query={"fieldSelector": "type=Warning", "limit": "500"}
            )
        except ProviderError:
            return ()
        uids = watched.family()
        events = [e for e in document.get("items") or [] if pluck(e, "involvedObject", "uid") in uids]
        events.sort(key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))
        lines = (
            f"[{pluck(e, 'involvedObject', 'kind')} {pluck(e, 'involvedObject', 'name')}]: "
            f"[{e.get('reason')}] {str(e.get('message') or '').strip()}"
            for e in events
        )
        return tuple(dict.fromkeys(lines))

    def verdict_now(self, inputs: Object, live: Object) -> Verdict:
        """How the object stands at this instant, for a read; kinds that a read does not judge are ready."""
        rule = rule_for(inputs)
        if rule is None or not rule.on_read:
            return Verdict(ready=True)
        namespace = metadata_text(live, "namespace")
        objects: dict[tuple[str, str], tuple[Object, ...]] = {}
        for kind in rule.needs:
            if (mapping := self._mapping(kind)) is not None:
                try:
                    found = self.client.request("GET", mapping.path(namespace if mapping.namespaced else ""))
                except ApiError:
                    continue
                objects[kind] = tuple(found.get("items") or ())
        return rule.judge(live, Surroundings(objects))

    def until_gone(self, inputs: Object, live: Object, urn: str, timeout_s: float) -> None:
        """Return once the object is gone. Raises ProviderError when the time is up, or on `cancel`."""
        kind = f"{live.get('apiVersion')}/{live.get('kind')}"
        if annotation_true(inputs, "pulumi.com/skipAwait") and kind in _SKIPS_DELETE_WAIT:
            return
        name, uid = metadata_text(live, "name"), metadata_text(live, "uid")
        mapping = self.discovery.mapping(str(live["apiVersion"]), str(live["kind"]))
        path = mapping.path(metadata_text(live, "namespace"), name)
        with _Subscriptions(self.watches, live) as feeds:
            feed = feeds.add(mapping)
            until = time.monotonic() + timeout_of(inputs, timeout_s)
            look_at, said = time.monotonic() + _TICK_S, ""
            while not feed.saw_end_of(uid):
                feeds.wake.clear()
                seen, now = feed.get(name), time.monotonic()
                if (feed.synced and metadata_text(seen or {}, "uid") != uid) or now >= look_at:
                    look_at = now + _LOOK_AROUND_S
                    if self._is_gone(path, uid):
                        return
                if self.watches.stopped.is_set():
                    raise ProviderError(f'Resource operation was cancelled for "{name}"')
                if now >= until:
                    held = "; ".join(held_by(seen)) or "nothing says what holds it"
                    self.log("warning", f"finalizers might be preventing deletion ({held})", urn=urn)
                    raise ProviderError(f"'{name}' timed out waiting to be deleted; {held}")
                if held_now := held_by(seen):
                    said = self._say(urn, f"Waiting to be deleted: {'; '.join(held_now)}", said)
                if not feed.saw_end_of(uid):
                    feeds.wake.wait(_TICK_S)

    def _is_gone(self, path: str, uid: str) -> bool:
        try:
            found = self.client.request("GET", path)
        except ApiError as error:
            if error.code == 404:
                return True
            raise
        except UnreachableError:  # as above: an answer is waited for until the time is up
            return False
        return bool(uid) and metadata_text(found, "uid") != uid


def _picture(verdict: Verdict) -> str:
    """What is waited for and the innermost cause, in one line; reasons go from the object to its containers."""
    cause = verdict.reasons[-1] if verdict.reasons else ""
    return f"{verdict.status}: {cause}" if verdict.status and cause and cause != verdict.status else verdict.status


def _stuck(message: str, verdict: Verdict, events: tuple[str, ...]) -> Verdict:
    told = [event for event in events if not any(event.partition("] ")[2] in reason for reason in verdict.reasons)]
    return Verdict(ready=False, status=message, reasons=(*verdict.reasons, *told[-5:]))


class _Watched:
    """One object under judgement, its feed and the feeds around it."""

    def __init__(self, own: Feed, near: dict[tuple[str, str], Feed], live: Object, rule: Rule) -> None:
        self.live = live
        self._own = own
        self._near = near
        self._rule = rule
        self._began = time.monotonic()

    def judge(self) -> Verdict:
        """The verdict on the newest state seen."""
        seen = self._own.get(metadata_text(self.live, "name"))
        if seen is not None:
            self.take(seen)
        if isinstance(self._own.error, UnreachableError):
            return Verdict(ready=False, status="Waiting for the API server", reasons=(self._own.error.message,))
        if not self._own.synced or not all(feed.synced for feed in self._near.values()):
            return Verdict(ready=False)
        changed = max([self._began, *(feed.changed_at for feed in self._near.values())])
        return self._rule.judge(self.live, Surroundings(self._objects(), time.monotonic() - changed))

    @property
    def blind(self) -> bool:
        """Whether the collection may not be watched."""
        return self._own.error is not None

    def take(self, seen: Object) -> None:
        """Go on from this state, unless it is another object or an older state than the one known."""
        if metadata_text(seen, "uid") == metadata_text(self.live, "uid") and _version(seen) >= _version(self.live):
            self.live = seen

    def family(self) -> set[str]:
        """The uids of the object and of what it owns, two generations deep."""
        members = [self.live]
        for kind in (ReplicaSet, Pod):
            feed = self._near.get(kind)
            members += [obj for obj in (feed.all() if feed else ()) if any(owned_by(obj, owner) for owner in members)]
        return {metadata_text(obj, "uid") for obj in members}

    def _objects(self) -> dict[tuple[str, str], tuple[Object, ...]]:
        return {kind: feed.all() for kind, feed in self._near.items()}


def _version(obj: Object) -> int:
    text = metadata_text(obj, "resourceVersion")
    return int(text) if text.isdigit() else 0


class _Subscriptions:
    """Feeds held for the time of one wait."""

    def __init__(self, watches: Watches, live: Object) -> None:
        self.wake = threading.Event()
        self._watches = watches
        self._namespace = metadata_text(live, "namespace")
        self._feeds: list[Feed] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for feed in self._feeds:
            self._watches.unsubscribe(feed, self.wake)

    def add(self, mapping: Mapping) -> Feed:
        """Subscribe to a collection, in the object's namespace where there is one."""
        feed = self._watches.subscribe(mapping, self._namespace if mapping.namespaced else "", self.wake)
        self._feeds.append(feed)
        return feed
