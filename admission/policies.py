"""All policies of one cluster, with their bindings: the objects that are applied."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from admission import category, exposure, images, lawful, pod_security
from admission.cel import Ruling, text
from inventories.labels import CLUSTER_LABEL, GOVERNANCE_LABEL_PREFIX, REGISTER_ANNOTATION

if TYPE_CHECKING:
    from inventories.models import Cluster, Provider, RuleMeta
    from policies.subject import Facts

DIGEST_ANNOTATION: Final = GOVERNANCE_LABEL_PREFIX + "admission"
PROBE: Final = "onshore-probe-"
_API: Final = "admissionregistration.k8s.io/v1"
_ACTIONS: Final = {"": "Deny", "-warn": "Warn"}


def compile_policies(facts: Facts, provider: Provider, cluster: Cluster) -> tuple[str, list[dict[str, Any]]]:
    """(digest, objects) for one cluster, in the order in which they are to be applied.

    The digest is over all of them; each carries it, and a ConfigMap named `onshore-probe-<digest>` is refused by the
    last of them, which shows that the API server has taken them up.
    """
    rulings = [
        *pod_security.rulings(facts.profile),
        *exposure.rulings(facts.profile, cluster.ingress_classes),
        *images.rulings(facts.profile),
        *lawful.rulings(facts, provider, cluster),
        *category.rulings(facts.profile),
    ]
    stated = json.dumps([_policy(ruling, facts.rules[ruling.rule]) for ruling in rulings], sort_keys=True)
    digest = hashlib.sha256(stated.encode()).hexdigest()[:12]
    rulings.append(_probe(digest))
    objects = [_policy(ruling, facts.rules[ruling.rule]) for ruling in rulings]
    objects += [_binding(ruling, suffix) for ruling in rulings for suffix in _ACTIONS]
    for each in objects:
        each["metadata"]["annotations"] = {
            DIGEST_ANNOTATION: digest,
            REGISTER_ANNOTATION: f"{facts.register.version}@{facts.register.digest[:12]}",
            CLUSTER_LABEL: cluster.id,
        }
    return digest, objects


def _probe(digest: str) -> Ruling:
    name = f"object.metadata.name == {text(PROBE + digest)}"
    said = f"[{text(f'the rules {digest} are in force')}]"
    return Ruling("probe", "ACC-004", {"": ("configmaps",)}, said, exempt=(), when=name)


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
    metadata = {"name": name + suffix}
    return {"apiVersion": _API, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": spec}
