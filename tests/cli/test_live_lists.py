"""Lists of an API server: every page, nothing secret, and an error on the way is never a shorter list."""

from __future__ import annotations

from typing import Any

import pytest

from cli.live import namespaces
from engine.providers.kubernetes.client import ApiError
from inventories import OnshoreError


class Server:
    """An API server with a namespace `app` that holds two pages of Secrets; `lost`: the second page is gone."""

    server = "https://192.0.2.1"

    def __init__(self, *, lost: bool = False) -> None:
        self._lost = lost

    def request(self, method: str, path: str, *, query: dict[str, str] | None = None) -> dict[str, Any]:
        assert method == "GET"
        if path == "/apis":
            return {"groups": []}
        if path == "/api/v1":
            verbs = ["get", "list"]
            names = [("secrets", "Secret", verbs), ("events", "Event", verbs), ("bindings", "Binding", ["create"])]
            return {"resources": [{"name": n, "kind": k, "namespaced": True, "verbs": v} for n, k, v in names]}
        if path == "/api/v1/namespaces":
            found = ("kube-system", "default", "app")
            return {"items": [{"metadata": {"name": name, "managedFields": []}} for name in found]}
        if path == "/api/v1/namespaces/default/secrets":
            return {"items": []}
        assert path == "/api/v1/namespaces/app/secrets"
        secret = {"metadata": {"name": "s"}, "data": {"a": "not-to-be-shown"}}
        if not (query or {}).get("continue"):
            return {"metadata": {"continue": "token"}, "items": [secret]}
        if self._lost:
            raise ApiError(410, {"message": "the continue token expired"})
        return {"items": [secret]}


def test_every_page_is_read_without_what_secrets_hold() -> None:
    server: Any = Server()
    ((namespace, objects),) = namespaces(server)
    assert namespace == {"metadata": {"name": "app"}, "apiVersion": "v1", "kind": "Namespace"}
    assert list(objects) == [{"metadata": {"name": "s"}, "apiVersion": "v1", "kind": "Secret"}] * 2


def test_a_page_that_is_lost_is_an_error_in_words() -> None:
    server: Any = Server(lost=True)
    ((_, objects),) = namespaces(server)
    with pytest.raises(OnshoreError) as raised:
        list(objects)
    assert "expired" in raised.value.faults[0].what
