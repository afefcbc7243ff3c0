"""A creation whose answer was lost: one that is there after all is not made again."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from engine.providers.kubernetes import cluster as module
from engine.providers.kubernetes.client import ApiError, UnreachableError
from engine.providers.kubernetes.cluster import Cluster

LOST = UnreachableError("no answer from s: reset", unknown_outcome=True)
REFUSED = UnreachableError("no answer from s: refused")
GONE, BUSY = ApiError(404, {}), ApiError(500, {})
LIVE = {"kind": "ConfigMap", "metadata": {"name": "web-1a2b3c4d", "uid": "u"}}


def creating(monkeypatch: pytest.MonkeyPatch, *answers: Any, named: bool = True, upsert: bool = False) -> Any:
    monkeypatch.setattr(module, "_RETRY_DELAYS_S", (0.0, 0.0, 0.0))
    left, asked = list(answers), []

    def request(method: str, *_: Any, **__: Any) -> Any:
        asked.append(method)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    parts: Any = SimpleNamespace(
        request=request,
        mapping=lambda *_: SimpleNamespace(path=lambda *_: "/configmaps"),
        stopped=threading.Event(),
        log=lambda *_, **__: None,
    )
    made = Cluster(parts, parts, parts, parts, "default")
    annotations = {"pulumi.com/autonamed": "true"} if named else {}
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-1a2b3c4d", "annotations": annotations}}
    try:
        return made.create(obj, "m", "urn:web", upsert=upsert, force=False, preview=False), asked
    except UnreachableError as error:
        return error, asked


def test_one_that_is_there_is_taken_as_made(monkeypatch: pytest.MonkeyPatch) -> None:
    assert creating(monkeypatch, LOST, REFUSED, BUSY, LIVE) == (LIVE, ["POST", "GET", "GET", "GET"])


@pytest.mark.parametrize(
    ("answers", "how", "asked"),
    [
        ((LOST, GONE), {}, ["POST", "GET"]),
        ((LOST, REFUSED, REFUSED, REFUSED), {}, ["POST", "GET", "GET", "GET"]),
        ((LOST,), {"named": False}, ["POST"]),
        ((LOST,), {"upsert": True}, ["PATCH"]),
        ((REFUSED,), {}, ["POST"]),
    ],
)
def test_else_the_failure_stands(monkeypatch: pytest.MonkeyPatch, answers: Any, how: Any, asked: list[str]) -> None:
    assert creating(monkeypatch, *answers, **how) == (answers[0], asked)
