"""Lists that stand for many questions: one of each kind for a run's reads, one for what an earlier run left."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from engine.providers.openstack.marks import carries

if TYPE_CHECKING:
    from engine.providers.openstack.cloud import Cloud
    from engine.providers.openstack.kinds import Kind
    from engine.providers.openstack.shapes import Object

_FEW: Final = 2  # up to here single questions are cheaper
_FRESH_S: Final = 60.0


class Lists:
    """Of one run; thread-safe. A kind is listed by one thread while the others that ask for it wait."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._found: dict[str, tuple[float, dict[str, Object]]] = {}
        self._asked: Counter[str] = Counter()

    def read(self, kind: Kind, id_: str) -> Object | None:
        """One object as it is now: from the list of its kind, once there is one or it pays; None where it is gone."""
        with self._lock:
            self._asked[kind.path] += 1
            many = self._asked[kind.path] > _FEW
        if many:
            listed = self._all(kind, max_age_s=_FRESH_S)
            with self._lock:
                found = listed.get(id_)
            if found is not None:
                return found
        # what is not in a list is asked for: lists may leave out what another project made
        return self._cloud.get(kind, id_)

    def left(self, kind: Kind, mark: str, recorded: tuple[str, ...]) -> Object | None:
        """What an earlier run made with the mark and no state has; the list may be as old as the run."""
        listed = self._all(kind, max_age_s=None)
        with self._lock:
            objects = list(listed.items())
        return next((obj for id_, obj in objects if id_ not in recorded and carries(kind.mark, obj, mark)), None)

    def forget(self, kind: Kind, id_: str | None = None) -> None:
        """An object was changed here; None: the whole list is of no use any more."""
        with self._lock:
            if id_ is None:
                self._found.pop(kind.path, None)
            elif kind.path in self._found:
                self._found[kind.path][1].pop(id_, None)

    def _all(self, kind: Kind, *, max_age_s: float | None) -> dict[str, Object]:
        with self._lock:
            lock = self._locks.setdefault(kind.path, threading.Lock())
        with lock:
            with self._lock:
                found = self._found.get(kind.path)
            if found is None or (max_age_s is not None and time.monotonic() - found[0] > max_age_s):
                key = "name" if kind.by_name else "id"
                listed = {str(obj[key]): obj for obj in self._cloud.list(kind)}
                found = (time.monotonic(), listed)
                with self._lock:
                    self._found[kind.path] = found
            return found[1]
