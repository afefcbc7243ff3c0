"""Reads what a cluster of the register holds, for an audit: lists only, in pages, and no Secret's content."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from engine.provider import ProviderError
from inventories import Fault, OnshoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.providers.kubernetes.client import Client


Object = dict[str, Any]
_PAGE: Final = 500
_SYSTEM: Final = frozenset({"kube-system", "kube-public", "kube-node-lease"})
# What the control plane itself writes, of what is judged where it is declared.
_DERIVED: Final = frozenset({"Event", "Endpoints", "EndpointSlice", "Lease", "ControllerRevision"})
_GIVEN: Final = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})


def namespaces(client: Client) -> Iterator[tuple[Object, Iterator[Object]]]:
    """Each namespace with its objects, but for those of the cluster itself; any step raises OnshoreError."""
    kinds = list(_kinds(client))
    for namespace in _listed(client, "/api/v1/namespaces", "v1", "Namespace"):
        name = namespace["metadata"]["name"]
        if name in _SYSTEM:
            continue
        objects = _objects(client, kinds, name)
        if name == "default":  # every cluster has it: it says something only when it is used
            first = next(objects, None)
            if first is None:
                continue
            objects = chain([first], objects)
        yield namespace, objects


def _asked(client: Client, path: str, query: dict[str, str] | None = None) -> Object:
    try:
        return client.request("GET", path, query=query)
    except ProviderError as error:
        fix = "see that the cluster answers and the kubeconfig's user may list every namespaced kind"
        fault = Fault(f"{client.server}{path}", str(error), fix=fix)
        raise OnshoreError("the cluster cannot be read whole", [fault]) from None


def _kinds(client: Client) -> Iterator[tuple[str, str, str, str]]:
    """(path, apiVersion, kind, plural) of each namespaced kind that the server lists, in its preferred version."""
    groups = [g["preferredVersion"]["groupVersion"] for g in _asked(client, "/apis").get("groups") or ()]
    for version, path in [("v1", "/api/v1"), *((group, f"/apis/{group}") for group in groups)]:
        for found in _asked(client, path).get("resources") or ():
            if not found["namespaced"] or "/" in found["name"] or "list" not in found["verbs"]:
                continue
            if found["kind"] not in _DERIVED:
                yield path, version, found["kind"], found["name"]


def _objects(client: Client, kinds: list[tuple[str, str, str, str]], namespace: str) -> Iterator[Object]:
    for path, version, kind, plural in kinds:
        for found in _listed(client, f"{path}/namespaces/{namespace}/{plural}", version, kind):
            name = found["metadata"]["name"]
            if (kind, name) not in _GIVEN and (namespace, kind, name) != ("default", "Service", "kubernetes"):
                yield found


def _listed(client: Client, path: str, version: str, kind: str) -> Iterator[Object]:
    """Page after page; a list that the server forgets under way ends in its error."""
    query = {"limit": str(_PAGE)}
    while True:
        page = _asked(client, path, query)
        for found in page.get("items") or ():
            found["metadata"].pop("managedFields", None)
            if kind == "Secret":
                found = {key: value for key, value in found.items() if key not in ("data", "stringData")}  # noqa: PLW2901
            yield {**found, "apiVersion": version, "kind": kind}
        further = page.get("metadata", {}).get("continue")
        if not further:
            return
        query = {"limit": str(_PAGE), "continue": further}
