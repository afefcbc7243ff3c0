"""All policies of a profile, their bindings, and the register's word on one cluster: the objects that are applied."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from admission import category, exposure, images, lawful, pod_security
from admission.cel import Ruling, array, text
from inventories.labels import GOVERNANCE_LABEL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inventories.models import Cluster, Profile, Provider, RuleMeta
    from policies.subject import Facts

DIGEST_ANNOTATION: Final = GOVERNANCE_LABEL_PREFIX + "admission"
PROBE: Final = "onshore-probe-"
_API: Final = "admissionregistration.k8s.io/v1"
_ACTIONS: Final = {"": "Deny", "-warn": "Warn"}


def compile_policies(facts: Facts, place: tuple[Provider, Cluster] | None) -> tuple[str, list[dict[str, Any]]]:
    """(digest, objects) for one cluster (None: the policies alone), in the order in which they are to be applied.

    The digest is over all of them; each carries it, and a ConfigMap named `onshore-probe-<digest>` is refused by the
    last of them, which shows that the API server has taken them up.
    """
    digest = _digest(_objects(facts, place, ""))
    objects = _objects(facts, place, digest)
    for each in objects:
        each["metadata"]["annotations"] = {DIGEST_ANNOTATION: digest}
    return digest, objects


def _objects(facts: Facts, place: tuple[Provider, Cluster] | None, digest: str) -> list[dict[str, Any]]:
    found = list(_rulings(facts.profile, digest))
    policies = [_policy(ruling, facts.rules[ruling.rule]) for ruling in found]
    bindings = [_binding(each, suffix) for each in found for suffix in _ACTIONS]
    return [*([lawful.params(facts, *place)] if place else []), *policies, *bindings]


def _rulings(profile: Profile, digest: str) -> Iterator[Ruling]:
    for room in (pod_security, exposure, images, lawful, category):
        yield from room.rulings(profile)
    mine = f"object.metadata.name == {text(lawful.PARAMS_NAME)}"
    said = "['the register\\'s word on this cluster is the platform\\'s to change']"
    platform = f"request.userInfo.groups.exists(g, g in {array(category.PLATFORM_GROUPS)})"
    yield Ruling(
        "params", "ACC-004", {"": ("configmaps",)}, f"{platform} || !({mine}) ? [] : {said}", exempt=(), when="true"
    )
    # It speaks only when the API server holds the register's word of the same digest as well.
    name = f"object.metadata.name == {text(PROBE + digest)}"
    held = f"params.?metadata.?annotations[?{text(DIGEST_ANNOTATION)}].orValue('') == {text(digest)}"
    probe = f"{held} ? [{text(f'the rules {digest} are in force')}] : []"
    yield Ruling("probe", "ACC-004", {"": ("configmaps",)}, probe, with_register=True, exempt=(), when=name)


def _policy(ruling: Ruling, rule: RuleMeta) -> dict[str, Any]:
    matched: dict[str, Any] = {
        "resourceRules": [
            {
                "apiGroups": [group],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"],
                "resources": list(resources),
            }
            for group, resources in ruling.resources.items()
        ]
    }
    if ruling.exempt:
        outside = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(ruling.exempt)}
        matched["namespaceSelector"] = {"matchExpressions": [outside]}
    # The API server itself keeps the service `kubernetes` in the namespace `default`.
    conditions = {"not-the-api-server": "request.userInfo.username != 'system:apiserver'", "asked": ruling.when}
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        "matchConstraints": matched,
        "matchConditions": [{"name": name, "expression": each} for name, each in conditions.items()],
        "variables": [
            {"name": name, "expression": each} for name, each in ({**ruling.variables, "found": ruling.found}).items()
        ],
        "validations": [_validation(ruling, rule)],
    }
    if ruling.with_register:
        spec["paramKind"] = {"apiVersion": "v1", "kind": "ConfigMap"}
    return {
        "apiVersion": _API,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": f"onshore-{ruling.name}"},
        "spec": spec,
    }


def _validation(ruling: Ruling, rule: RuleMeta) -> dict[str, str]:
    """The refusal in the pack's form; the static text stands in where the found values cannot be shown."""
    source = rule.source
    why = f"{source.instrument}, {source.clause}" if source.clause else source.instrument
    head, tail = f"{rule.id} {rule.severity} · ", f". Why: {why.rstrip('.')}. Fix: {rule.remediation.rstrip('.')}."
    shown = f"{text(head)} + variables.found.join('; ') + {text(tail)}"
    if ruling.whole:
        shown = "variables.found.join(' ')"
    static = f"{head}{rule.title}{tail}"
    return {"expression": "size(variables.found) == 0", "message": static, "messageExpression": shown}


def _binding(ruling: Ruling, suffix: str) -> dict[str, Any]:
    """One that refuses, and one that warns: a refusal names the first policy only, the warnings name them all."""
    name = f"onshore-{ruling.name}"
    spec: dict[str, Any] = {"policyName": name, "validationActions": [_ACTIONS[suffix]]}
    if ruling.with_register:
        found = {"name": lawful.PARAMS_NAME, "namespace": lawful.PARAMS_NAMESPACE}
        spec["paramRef"] = {**found, "parameterNotFoundAction": "Deny"}
    metadata = {"name": name + suffix}
    return {"apiVersion": _API, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": spec}


def _digest(value: list[dict[str, Any]] | Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
