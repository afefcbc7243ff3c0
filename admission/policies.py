"""All policies of one cluster, with their parameters and bindings: the objects that are applied."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from admission import category, entry, exposure, guard, images, lawful, mixing, network, pod_security, storage
from admission.cel import Ruling, text
from admission.parameters import API_VERSION, KIND, NAME, definition, parameters
from inventories.labels import CLUSTER_LABEL, GOVERNANCE_LABEL_PREFIX, REGISTER_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inventories.models import Cluster, Provider, RuleMeta
    from policies.subject import Facts

DIGEST_ANNOTATION: Final = GOVERNANCE_LABEL_PREFIX + "admission"
PROBE: Final = "onshore-probe"
PARAMETERS_PROBE: Final = PROBE + "-parameters"
_API: Final = "admissionregistration.k8s.io/v1"
_ACTIONS: Final = {"": "Deny", "-warn": "Warn"}


@dataclass(frozen=True, slots=True)
class AdmissionRules:
    """What is to be in force on one cluster: `objects` in the order in which they are to be applied.

    `rules`: the digest of the policies, which are the same for all clusters and for every issue of the register.
    `digest`: of these and of the parameters. A ConfigMap named `PARAMETERS_PROBE` is refused, in the words of
    `parameters_known`, once the API server finds these parameters; one named `PROBE`, in the words of `in_force`, once
    it has taken up all there is.
    """

    digest: str
    rules: str
    objects: list[dict[str, Any]]

    @property
    def parameters(self) -> dict[str, Any]:
        return next(obj for obj in self.objects if obj["kind"] == KIND)

    @property
    def parameters_known(self) -> str:
        return _KNOWN + self.digest

    @property
    def in_force(self) -> str:
        return _in_force(self.rules) + self.digest


_KNOWN: Final = "the API server knows the parameters "


def _in_force(rules: str) -> str:
    return f"in force are the rules {rules} with the parameters "


def compile_rules(facts: Facts, provider: Provider, cluster: Cluster) -> AdmissionRules:
    """The kind of the parameters, the parameters, the policies, and their bindings, the probe's own last."""
    rulings = list(all_rulings(facts.rules))
    kind, spec = definition(), parameters(facts, provider, cluster)
    stated = [_policy(ruling, facts.rules[ruling.rule]) for ruling in rulings]
    bindings = [_binding(each, suffix) for each in rulings for suffix in _suffixes(facts, each)]
    rules = _digest([kind, stated, bindings])
    digest = _digest([rules, spec])
    first, last = _probes(rules)
    policies = [_policy(first, facts.rules[first.rule]), *stated, _policy(last, facts.rules[last.rule])]
    bindings += [_binding(last, suffix) for suffix in _ACTIONS]
    fixed = [kind, *policies, _binding(first, ""), *bindings]
    for each in fixed:
        each["metadata"]["annotations"] = {DIGEST_ANNOTATION: rules}
    annotations = {DIGEST_ANNOTATION: digest, REGISTER_ANNOTATION: spec["register"], CLUSTER_LABEL: cluster.id}
    given = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": NAME, "annotations": annotations},
        "spec": {"digest": digest, **spec},
    }
    return AdmissionRules(digest, rules, [kind, given, *fixed[1:]])


def all_rulings(rules: Mapping[str, RuleMeta]) -> Iterator[Ruling]:
    """Every rule that is compiled; the guard of the parameters first."""
    yield from guard.rulings()
    yield from pod_security.rulings()
    yield from exposure.rulings()
    yield from entry.rulings()
    yield from images.rulings()
    yield from storage.rulings()
    yield from network.rulings()
    yield from lawful.rulings()
    yield from category.rulings()
    yield from mixing.rulings(rules)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def _suffixes(facts: Facts, ruling: Ruling) -> Iterator[str]:
    """A rule that binds from a later day warns until then: `onshore admission apply` makes it refuse."""
    binds = ruling.always or facts.rules[ruling.rule].effective_on <= facts.on
    return (suffix for suffix in _ACTIONS if suffix or binds)


def _probes(rules: str) -> tuple[Ruling, Ruling]:
    """Two that refuse one ConfigMap each, and say what the API server goes by."""
    words = {PARAMETERS_PROBE: _KNOWN, PROBE: _in_force(rules)}
    first, last = (
        Ruling(
            name.removeprefix("onshore-"),
            "ACC-004",
            {"": ("configmaps",)},
            f"[{text(said)} + params.spec.digest]",
            whole=True,
            exempt=(),
            when="true",
            names=(name,),
        )
        for name, said in words.items()
    )
    return first, last


def _policy(ruling: Ruling, rule: RuleMeta) -> dict[str, Any]:
    # The API server itself keeps the service `kubernetes` in the namespace `default`.
    conditions = {"not-the-api-server": "request.userInfo.username != 'system:apiserver'", "asked": ruling.when}
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        "matchConstraints": _matched(ruling),
        "matchConditions": [{"name": name, "expression": each} for name, each in conditions.items()],
        "variables": [
            {"name": name, "expression": each} for name, each in ({**ruling.variables, "found": ruling.found}).items()
        ],
        "validations": [_validation(ruling, rule)],
    }
    if ruling.reads_parameters:
        spec["paramKind"] = {"apiVersion": API_VERSION, "kind": KIND}
    return {
        "apiVersion": _API,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": f"onshore-{ruling.name}"},
        "spec": spec,
    }


def _matched(ruling: Ruling) -> dict[str, Any]:
    shared: Mapping[str, Any] = {"apiVersions": ["*"], "operations": list(ruling.operations)}
    named = {"resourceNames": list(ruling.names)} if ruling.names else {}
    matched: dict[str, Any] = {
        "resourceRules": [
            {"apiGroups": [group], **shared, "resources": list(resources), **named}
            for group, resources in ruling.resources.items()
        ]
    }
    if ruling.exempt:
        outside = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(ruling.exempt)}
        matched["namespaceSelector"] = {"matchExpressions": [outside]}
    return matched


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
    if ruling.reads_parameters:
        spec["paramRef"] = {"name": NAME, "parameterNotFoundAction": "Deny"}
    metadata = {"name": name + suffix}
    return {"apiVersion": _API, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": spec}
