"""The admission policies on a live cluster: bringing them there, asking whether they hold, taking them away."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from admission.cel import PLATFORM_GROUPS
from admission.parameters import API_VERSION, KIND, PLURAL
from admission.policies import DIGEST_ANNOTATION, PARAMETERS_PROBE, PROBE, AdmissionRules, compile_rules
from cli.reaching import client_of, in_register
from engine.provider import ProviderError
from engine.providers.kubernetes.client import ApiError, Client
from inventories import Fault, OnshoreError
from policies.facts import load_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cli.project import Project

IN_FORCE, STALE, MISSING = "in force", "stale", "missing"
_API: Final = "/apis/admissionregistration.k8s.io/v1"
_CRD: Final = "CustomResourceDefinition"
# In the order in which they are taken away: without a binding a policy refuses nothing.
_PLURALS: Final = {
    "ValidatingAdmissionPolicyBinding": f"{_API}/validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicy": f"{_API}/validatingadmissionpolicies",
    KIND: f"/apis/{API_VERSION}/{PLURAL}",
    _CRD: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}
_APPLY: Final = "application/apply-patch+yaml"
_WAIT_S: Final = 60.0
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """A cluster of the register, a client of it, and what is to be in force there."""

    cluster: str
    client: Client
    rules: AdmissionRules


def way_to(project: Project, cluster: str) -> Way:
    """By a kubeconfig that leads to that very cluster; raises OnshoreError."""
    facts = load_facts(project.root)
    found = in_register(facts.register, cluster)
    rules = compile_rules(facts, *found)
    with _in_words(cluster):
        return Way(cluster, client_of(project, found[1]), rules)


def apply_all(way: Way) -> Iterator[tuple[str, Object]]:
    """(created, changed, unchanged or removed; object) for each, and then waits until the API server goes by them.

    Raises OnshoreError before anything is changed, where the rules would not let the same user change them again.
    """
    with _in_words(way.cluster):
        _check_user(way)
        stirred = False
        for obj in way.rules.objects:
            before = _get(way.client, obj)
            live = _patch(way.client, obj)
            change = "created" if before is None else "unchanged" if _said(before) == _said(live) else "changed"
            stirred |= change == "changed"
            yield change, obj
            _settle(way, obj)
        kept = {_path(obj) for obj in way.rules.objects}
        for obj in _ours(way.client):
            if _path(obj) not in kept:  # of an earlier issue of the rules
                way.client.request("DELETE", _path(obj))
                stirred = True
                yield "removed", obj
        if stirred:
            _ask_anew(way)
        _until(way, lambda: way.rules.in_force in _probed(way))


def standing(way: Way) -> tuple[str, list[tuple[str, Object]]]:
    """The state of the whole, and of each object: missing, stale (not as it would be applied today), or in force."""
    with _in_words(way.cluster):
        parts = [(_state(way, obj), obj) for obj in way.rules.objects]
        states = {state for state, _ in parts}
        if states == {IN_FORCE} and way.rules.in_force not in _probed(way):
            return STALE, parts
    whole = MISSING if MISSING in states else STALE if STALE in states else IN_FORCE
    return whole, parts


def parameters_there(way: Way) -> dict[str, str]:
    """Digest and register of the parameters that the cluster holds; empty where it holds none."""
    with _in_words(way.cluster):
        live = _get(way.client, way.rules.parameters) or {"spec": {}}
    return {name: str(live["spec"].get(name)) for name in ("digest", "register") if live["spec"]}


def remove_all(way: Way) -> list[Object]:
    """Parameters go when no policy asks for them any more: one that does not find them refuses everything."""
    with _in_words(way.cluster):
        _check_user(way)
        found = list(_ours(way.client))
        policies = [obj for obj in found if obj["kind"] not in (KIND, _CRD)]
        for obj in policies:
            way.client.request("DELETE", _path(obj))
        _until(way, lambda: not _probed(way))
        for obj in found[len(policies) :]:
            way.client.request("DELETE", _path(obj))
            _until(way, partial(_is_gone, way.client, obj))
    return found


def _check_user(way: Way) -> None:
    """The rules let the platform's people only change the parameters: whoever brings them has to be one of those."""
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = way.client.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", asked)
    user = answer["status"]["userInfo"]
    if set(user.get("groups") or ()).isdisjoint(PLATFORM_GROUPS):
        groups = " or ".join(PLATFORM_GROUPS)
        fix = f"use a kubeconfig whose user is in one of these groups: {groups}"
        fault = Fault(way.cluster, "a user who is not of the platform", user.get("username", ""), fix=fix)
        raise OnshoreError(f"the rules of {way.cluster} are the platform's to change", [fault], refused=True)


def _ask_anew(way: Way) -> None:
    """The probe may have been answered before the change was taken up: it goes, and comes again after it."""
    last = next(
        obj for obj in way.rules.objects if obj["kind"].endswith("Binding") and obj["metadata"]["name"] == PROBE
    )
    way.client.request("DELETE", _path(last))
    _until(way, lambda: not _probed(way))
    _patch(way.client, last)


def _settle(way: Way, obj: Object) -> None:
    """Wait where what comes next would be refused, or would refuse everything, before the API server knows this."""
    if obj["kind"] == _CRD:
        _until(way, lambda: _is_served(way))
    elif obj["kind"].endswith("Binding") and obj["metadata"]["name"] == PARAMETERS_PROBE:
        _until(way, lambda: way.rules.parameters_known in _probed(way, PARAMETERS_PROBE))


def _is_served(way: Way) -> bool:
    try:
        way.client.request("GET", _PLURALS[KIND])
    except ApiError as error:
        if error.code == 404:
            return False
        raise
    return True


def _is_gone(client: Client, obj: Object) -> bool:
    return _get(client, obj) is None


def _until(way: Way, holds: Callable[[], bool]) -> None:
    """Wait for the API server, which takes changes up by and by."""
    deadline = time.monotonic() + _WAIT_S
    while not holds():
        if time.monotonic() > deadline:
            fix = f"look at `onshore admission status {way.cluster}`, and do it again: it is safe to repeat"
            fault = Fault(way.cluster, f"the API server has not taken the change up after {_WAIT_S:.0f} s", fix=fix)
            raise OnshoreError(f"{way.cluster} does not go by what was changed", [fault])
        time.sleep(0.1)


def _probed(way: Way, name: str = PROBE) -> str:
    """What the API server says to an object that only the rules refuse; nothing is kept of it."""
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
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
    """Everything that carries a digest of ours, in the order in which it is taken away."""
    for kind, plural in _PLURALS.items():
        try:
            items = client.request("GET", plural).get("items", [])
        except ApiError as error:
            if error.code != 404:  # the kind of the parameters is not there
                raise
            continue
        for item in items:
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
    return f"{_PLURALS[obj['kind']]}/{obj['metadata']['name']}"


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
