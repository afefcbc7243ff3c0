"""POD-001 as a ValidatingAdmissionPolicy: the pack's own tables of the Pod Security Standards, written in CEL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from inventories.labels import CATEGORY_LABEL
from policies.objects import POD_TEMPLATES
from policies.pod_standards import (
    APPARMOR_ANNOTATION,
    APPARMOR_VALUES,
    BASELINE_CAPABILITIES,
    BASELINE_FIELDS,
    HANDLERS,
    PROFILES,
    RESTRICTED_CAPABILITIES,
    SYSCTLS,
    VOLUMES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inventories.models import Profile, RuleMeta

NAME: Final = "onshore-pod-001"
SYSTEM_NAMESPACES: Final = ("kube-node-lease", "kube-public", "kube-system")
_API: Final = "admissionregistration.k8s.io/v1"
_RESOURCES: Final = {
    "": ("pods", "pods/ephemeralcontainers", "podtemplates", "replicationcontrollers"),
    "apps": ("daemonsets", "deployments", "replicasets", "statefulsets"),
    "batch": ("cronjobs", "jobs"),
}
_UNSET: Final = (None, False)


def render(profile: Profile, rule: RuleMeta) -> tuple[dict[str, Any], dict[str, Any]]:
    """The policy and its binding; namespaces of an unknown category, or of none, are held to the strictest level."""
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "namespaceSelector": {
                "matchExpressions": [
                    {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(SYSTEM_NAMESPACES)}
                ]
            },
            "resourceRules": [
                {
                    "apiGroups": [group],
                    "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": list(resources),
                }
                for group, resources in _RESOURCES.items()
            ],
        },
        "variables": [{"name": name, "expression": text} for name, text in _variables(profile).items()],
        "validations": [_validation(rule)],
    }
    policy = {"apiVersion": _API, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": NAME}, "spec": spec}
    bound = {"policyName": NAME, "validationActions": ["Deny"]}
    binding = {
        "apiVersion": _API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": NAME},
        "spec": bound,
    }
    return policy, binding


def _validation(rule: RuleMeta) -> dict[str, str]:
    """The refusal in the pack's form; the static text stands in where the found values cannot be shown."""
    source = rule.source
    why = f"{source.instrument}, {source.clause}" if source.clause else source.instrument
    head, tail = f"{rule.id} {rule.severity} · ", f". Why: {why.rstrip('.')}. Fix: {rule.remediation.rstrip('.')}."
    shown = f"{_text(head)} + variables.found.join('; ') + {_text(tail)}"
    static = f"{head}{rule.title}{tail}"
    return {"expression": "size(variables.found) == 0", "message": static, "messageExpression": shown}


def _variables(profile: Profile) -> dict[str, str]:
    mild = [
        name
        for category in profile.categories
        if category.rule.pod_security == "baseline"
        for name in (category.id, *category.aliases)
    ]
    label = f"metadata.?labels[?{_text(CATEGORY_LABEL)}]"
    strict = "true"
    if mild:
        own = f"object.{label}"
        strict = f"!(namespaceObject.{label}.orValue('') in {_list(mild)} && (!{own}.hasValue() || {own}.value() in {_list(mild)}))"  # noqa: E501 - one CEL expression
    baseline, restricted = " + ".join(_baseline()), " + ".join(_restricted())
    return {
        "template": _template(),
        "pod": "dyn(variables.template.spec)",
        "containers": " + ".join(
            f"variables.pod.?{key}.orValue([])" for key in ("containers", "initContainers", "ephemeralContainers")
        ),
        "volumes": "variables.pod.?volumes.orValue([])",
        "strict": strict,
        "found": f"{baseline} + (variables.strict ? {restricted} : [])",
    }


def _template() -> str:
    """Where the pod stands, by kind."""
    text = "dyn(object)"
    for kind, way in POD_TEMPLATES.items():
        if way:
            text = f"object.kind == {_text(kind)} ? dyn(object).{'.'.join(way)} : {text}"
    return text


def _baseline() -> Iterable[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        yield _of_pod((key,), _UNSET)
    for *way, lawful in BASELINE_FIELDS:
        yield _of_pod(("securityContext", *way), lawful)
        yield _of_containers(("securityContext", *way), lawful)
    yield _of_containers(("securityContext", "privileged"), _UNSET)
    yield _of_containers(("securityContext", "procMount"), (None, "Default"))
    yield _added(BASELINE_CAPABILITIES)
    yield _containers("c.?ports.orValue([]).exists(p, p.?hostPort.orValue(0) != 0)", "ports.hostPort", "nothing")
    for handler in HANDLERS:
        for action in ("httpGet", "tcpSocket"):
            yield _of_containers((*handler, action, "host"), (None, ""))
    yield "variables.volumes.filter(v, has(v.hostPath)).map(v, 'volumes[' + v.name + '].hostPath: got a mapping, allowed a volume that is not the host\\'s')"  # noqa: E501 - one CEL expression
    yield (
        f"variables.pod.?securityContext.?sysctls.orValue([]).filter(s, !(s.name in {_list(sorted(SYSCTLS))}))"
        ".map(s, 'securityContext.sysctls[' + s.name + ']: got it, allowed a sysctl of the level baseline')"
    )
    lawful = " || ".join(
        f"dyn(variables.template).metadata.annotations[k].startsWith({_text(v)})" for v in APPARMOR_VALUES
    )
    yield (
        f"dyn(variables.template).?metadata.?annotations.orValue({{}}).filter(k, k.startsWith({_text(APPARMOR_ANNOTATION)}) && !({lawful}))"  # noqa: E501 - one CEL expression
        ".map(k, 'metadata.annotations[' + k + ']: allowed runtime/default or localhost/…')"
    )


def _restricted() -> Iterable[str]:
    kinds = _list(["name", "hostPath", *sorted(VOLUMES)])
    yield f"variables.volumes.filter(v, v.exists(k, !(k in {kinds}))).map(v, 'volumes[' + v.name + ']: allowed a kind of volume of the level restricted')"  # noqa: E501 - one CEL expression
    yield _of_containers(("securityContext", "allowPrivilegeEscalation"), (False,))
    for way, lawful in ((("runAsNonRoot",), (True,)), (("seccompProfile", "type"), PROFILES)):
        own, inherited = _way("c", ("securityContext", *way)), _way("variables.pod", ("securityContext", *way))
        yield _containers(
            _unlawful(f"{own}.or({inherited})", lawful), ".".join(("securityContext", *way)), _named(lawful)
        )
    yield _added(RESTRICTED_CAPABILITIES)
    dropped = "c.?securityContext.?capabilities.?drop.orValue([])"
    yield _containers(f"!('ALL' in {dropped})", "securityContext.capabilities.drop", "a list with ALL")
    user = "securityContext.?runAsUser.orValue(1) < 1"
    yield f"(variables.pod.?{user} ? ['securityContext.runAsUser: allowed nothing or a user above 0'] : [])"
    yield _containers(f"c.?{user}", "securityContext.runAsUser", "nothing or a user above 0")


def _of_pod(way: tuple[str, ...], lawful: tuple[Any, ...]) -> str:
    said = _text(f"{'.'.join(way)}: allowed {_named(lawful)}")
    return f"({_unlawful(_way('variables.pod', way), lawful)} ? [{said}] : [])"


def _of_containers(way: tuple[str, ...], lawful: tuple[Any, ...]) -> str:
    return _containers(_unlawful(_way("c", way), lawful), ".".join(way), _named(lawful))


def _containers(bad: str, path: str, allowed: str) -> str:
    said = _text(f"].{path}: allowed {allowed}")
    return f"variables.containers.filter(c, {bad}).map(c, 'containers[' + c.name + {said})"


def _added(lawful: frozenset[str]) -> str:
    names = sorted(lawful)
    bad = f"c.?securityContext.?capabilities.?add.orValue([]).exists(a, !(a in {_list(names)}))"
    return _containers(bad, "securityContext.capabilities.add", f"of all capabilities only {', '.join(names)}")


def _way(root: str, way: tuple[str, ...]) -> str:
    return root + "".join(f".?{key}" for key in way)


def _unlawful(optional: str, lawful: tuple[Any, ...]) -> str:
    values = _list([one for one in lawful if one is not None])
    absent = f"{optional}.hasValue() &&" if None in lawful else f"!{optional}.hasValue() ||"
    return f"({absent} !({optional}.value() in {values}))"


def _named(lawful: tuple[Any, ...]) -> str:
    shown = ("nothing" if one is None else json.dumps(one).strip('"') for one in lawful if one != "")
    return " or ".join(shown)


def _list(values: Iterable[Any]) -> str:
    return json.dumps(list(values))


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
