"""The admission policies on a live cluster: bringing them there, asking whether they hold, taking them away."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from admission.policies import DIGEST_ANNOTATION, PROBE, compile_policies
from cli.reaching import client_of, in_register
from engine.provider import ProviderError
from engine.providers.kubernetes.client import ApiError, Client
from inventories import Fault, OnshoreError
from policies.facts import load_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.project import Project

IN_FORCE, STALE, MISSING = "in force", "stale", "missing"
_API: Final = "/apis/admissionregistration.k8s.io/v1"
_PLURALS: Final = {
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
}
_APPLY: Final = "application/apply-patch+yaml"
_WAIT_S: Final = 60.0
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """A cluster of the register, a client of it, and what is to be in force there."""

    cluster: str
    client: Client
    digest: str
    objects: list[Object]


def way_to(project: Project, cluster: str) -> Way:
    """By a kubeconfig that leads to that very cluster; raises OnshoreError."""
    facts = load_facts(project.root)
    found = in_register(facts.register, cluster)
    digest, objects = compile_policies(facts, *found)
    with _in_words(cluster):
        return Way(cluster, client_of(project, found[1]), digest, objects)


def apply_all(way: Way) -> Iterator[tuple[str, Object]]:
    """(created, changed, unchanged or removed; object) for each, and then waits until the API server goes by them."""
    with _in_words(way.cluster):
        for obj in way.objects:
            before = _get(way.client, obj)
            live = _patch(way.client, obj)
            change = "created" if before is None else "unchanged" if _said(before) == _said(live) else "changed"
            yield change, obj
        kept = {_path(obj) for obj in way.objects}
        for obj in _ours(way.client):
            if _path(obj) not in kept:  # of an earlier issue of the rules
                way.client.request("DELETE", _path(obj))
                yield "removed", obj
        _wait(way, in_force=True)


def standing(way: Way) -> tuple[str, list[tuple[str, Object]]]:
    """The state of the whole, and of each object: missing, stale (not as it would be applied today), or in force."""
    with _in_words(way.cluster):
        parts = [(_state(way, obj), obj) for obj in way.objects]
        states = {state for state, _ in parts}
        if states == {IN_FORCE} and way.digest not in _probed(way):
            return STALE, parts
    whole = MISSING if MISSING in states else STALE if STALE in states else IN_FORCE
    return whole, parts


def remove_all(way: Way) -> list[Object]:
    """Bindings go first: a policy without one refuses nothing, a binding without its policy may."""
    with _in_words(way.cluster):
        found = list(_ours(way.client))
        for obj in found:
            way.client.request("DELETE", _path(obj))
        _wait(way, in_force=False)
    return found


def _wait(way: Way, *, in_force: bool) -> None:
    """Until the API server, which takes changes of policies up by and by, goes by the rules or does so no more."""
    deadline = time.monotonic() + _WAIT_S
    while (way.digest in _probed(way)) != in_force:
        if time.monotonic() > deadline:
            fix = f"look at `onshore admission status {way.cluster}`, and do it again: it is safe to repeat"
            fault = Fault(way.cluster, f"the API server has not taken the change up after {_WAIT_S:.0f} s", fix=fix)
            raise OnshoreError(f"{way.cluster} does not go by what was changed", [fault])
        time.sleep(0.1)


def _probed(way: Way) -> str:
    """What the API server says to an object that only the rules of this digest refuse; nothing is kept of it."""
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": PROBE + way.digest}}
    try:
        way.client.request("POST", "/api/v1/namespaces/kube-system/configmaps", probe, query={"dryRun": "All"})
    except ApiError as error:
        if error.code in (401, 403) and "ValidatingAdmissionPolicy" not in error.message:
            raise
        return error.message
    return ""


def _state(way: Way, obj: Object) -> str:
    live = _get(way.client, obj)
    if live is None:
        return MISSING
    return IN_FORCE if _said(_patch(way.client, obj, dryRun="All")) == _said(live) else STALE


def _said(live: Object) -> tuple[Any, ...]:
    """What of a live object counts: its controllers write a status besides."""
    return live.get("spec"), (live["metadata"].get("annotations") or {}).get(DIGEST_ANNOTATION)


def _ours(client: Client) -> Iterator[Object]:
    """Every binding, then every policy, that carries a digest of ours."""
    for kind, plural in _PLURALS.items():
        for item in client.request("GET", f"{_API}/{plural}").get("items", []):
            if DIGEST_ANNOTATION in (item["metadata"].get("annotations") or {}):
                yield {**item, "kind": kind}


def _get(client: Client, obj: Mapping[str, Any]) -> Object | None:
    try:
        return client.request("GET", _path(obj))
    except ApiError as error:
        if error.code == 404:
            return None
        raise


def _patch(client: Client, obj: Object, **query: str) -> Object:
    how = {"fieldManager": "onshore-admission", "force": "true", **query}
    return client.request("PATCH", _path(obj), obj, query=how, content_type=_APPLY)


def _path(obj: Mapping[str, Any]) -> str:
    return f"{_API}/{_PLURALS[obj['kind']]}/{obj['metadata']['name']}"


@contextmanager
def _in_words(cluster: str) -> Iterator[None]:
    """What the API server answers, or that it does not, as faults of the cluster."""
    try:
        yield
    except ApiError as error:
        fix = "use a kubeconfig whose user may change admission policies" if error.code in (401, 403) else ""
        fault = Fault(cluster, "the API server refuses", error.message, fix=fix)
        raise OnshoreError(f"{cluster} does not do what was asked", [fault]) from None
    except ProviderError as error:
        fix = "see that the cluster runs and can be reached, and do it again: it is safe to repeat"
        raise OnshoreError(f"{cluster} cannot be asked", [Fault(cluster, error.message, fix=fix)]) from None
