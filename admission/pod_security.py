"""POD-001 in CEL: the pack's own tables of the Pod Security Standards, for pods, namespaces and volumes of the host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from admission.cel import (
    POD_RESOURCES,
    RELABELLED,
    SYSTEM_NAMESPACES,
    Ruling,
    array,
    context,
    pod_context,
    text,
    way,
)
from policies.pod_standards import (
    APPARMOR_ANNOTATION,
    APPARMOR_VALUES,
    BASELINE_CAPABILITIES,
    BASELINE_FIELDS,
    HANDLERS,
    LEVELS,
    PROFILES,
    RESTRICTED_CAPABILITIES,
    SYSCTLS,
    VOLUMES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UNSET: Final = (None, False)
_ENFORCE: Final = "pod-security.kubernetes.io/enforce"


def rulings() -> Iterator[Ruling]:
    """Pods by their fields, namespaces by their labels, persistent volumes by their source."""
    strict = "variables.rule.podSecurity == 'restricted'"
    baseline, restricted = " + ".join(_baseline()), " + ".join(_restricted())
    found = f"{baseline} + (variables.strict ? {restricted} : [])"
    variables = {**context(), **pod_context(), "strict": strict}
    yield Ruling("pod-001", "POD-001", POD_RESOURCES, found, variables)
    outside = (*SYSTEM_NAMESPACES, "default")
    labels = {**context(of_namespace=True), "strict": strict}
    namespaces = {"": ("namespaces", "namespaces/status", "namespaces/finalize")}
    yield Ruling("pod-001-namespaces", "POD-001", namespaces, _levels(), labels, exempt=outside, when=RELABELLED)
    sources = " + ".join(
        f"(has(object.spec.{key}) ? ['spec.{key}: got a mapping, allowed a volume that is not the host\\'s'] : [])"
        for key in ("hostPath", "local")
    )
    yield Ruling("pod-001-volumes", "POD-001", {"": ("persistentvolumes",)}, sources, exempt=())


def _levels() -> str:
    """The level that a namespace enforces, and by which version of it."""
    enforced, version = (f"object.metadata.?labels[?'{_ENFORCE}{suffix}']" for suffix in ("", "-version"))
    strict, mild = LEVELS[LEVELS.index("restricted") :], LEVELS[LEVELS.index("baseline") :]
    return (
        f"({enforced}.orValue('') in (variables.strict ? {array(strict)} : {array(mild)}) ? [] :"
        f" ['metadata.labels[{_ENFORCE}]: allowed ' + (variables.strict ? '{' or '.join(strict)}' : '{' or '.join(mild)}')])"  # noqa: E501 - one CEL expression
        f" + ({version}.orValue('latest') == 'latest' ? [] : ['metadata.labels[{_ENFORCE}-version]: allowed latest or nothing'])"  # noqa: E501 - as above
    )


def _baseline() -> Iterable[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        yield _of_pod((key,), _UNSET)
    for *keys, lawful in BASELINE_FIELDS:
        yield _of_pod(("securityContext", *keys), lawful)
        yield _of_containers(("securityContext", *keys), lawful)
    yield _of_containers(("securityContext", "privileged"), _UNSET)
    yield _of_containers(("securityContext", "procMount"), (None, "Default"))
    yield _added(BASELINE_CAPABILITIES)
    yield _containers("c.?ports.orValue([]).exists(p, p.?hostPort.orValue(0) != 0)", "ports.hostPort", "nothing")
    for handler in HANDLERS:
        for action in ("httpGet", "tcpSocket"):
            yield _of_containers((*handler, action, "host"), (None, ""))
    yield "variables.volumes.filter(v, has(v.hostPath)).map(v, 'volumes[' + v.name + '].hostPath: got a mapping, allowed a volume that is not the host\\'s')"  # noqa: E501 - one CEL expression
    yield (
        f"variables.pod.?securityContext.?sysctls.orValue([]).filter(s, !(s.name in {array(sorted(SYSCTLS))}))"
        ".map(s, 'securityContext.sysctls[' + s.name + ']: got it, allowed a sysctl of the level baseline')"
    )
    lawful = " || ".join(
        f"dyn(variables.template).metadata.annotations[k].startsWith({text(v)})" for v in APPARMOR_VALUES
    )
    yield (
        f"dyn(variables.template).?metadata.?annotations.orValue({{}}).filter(k, k.startsWith({text(APPARMOR_ANNOTATION)}) && !({lawful}))"  # noqa: E501 - one CEL expression
        ".map(k, 'metadata.annotations[' + k + ']: allowed runtime/default or localhost/…')"
    )


def _restricted() -> Iterable[str]:
    kinds = array(["name", "hostPath", *sorted(VOLUMES)])
    yield f"variables.volumes.filter(v, v.exists(k, !(k in {kinds}))).map(v, 'volumes[' + v.name + ']: allowed a kind of volume of the level restricted')"  # noqa: E501 - one CEL expression
    yield _of_containers(("securityContext", "allowPrivilegeEscalation"), (False,))
    for keys, lawful in ((("runAsNonRoot",), (True,)), (("seccompProfile", "type"), PROFILES)):
        own, inherited = way("c", ("securityContext", *keys)), way("variables.pod", ("securityContext", *keys))
        yield _containers(
            _unlawful(f"{own}.or({inherited})", lawful), ".".join(("securityContext", *keys)), _named(lawful)
        )
    yield _added(RESTRICTED_CAPABILITIES)
    dropped = "c.?securityContext.?capabilities.?drop.orValue([])"
    yield _containers(f"!('ALL' in {dropped})", "securityContext.capabilities.drop", "a list with ALL")
    user = "securityContext.?runAsUser.orValue(1) < 1"
    yield f"(variables.pod.?{user} ? ['securityContext.runAsUser: allowed nothing or a user above 0'] : [])"
    yield _containers(f"c.?{user}", "securityContext.runAsUser", "nothing or a user above 0")


def _of_pod(keys: tuple[str, ...], lawful: tuple[Any, ...]) -> str:
    said = text(f"{'.'.join(keys)}: allowed {_named(lawful)}")
    return f"({_unlawful(way('variables.pod', keys), lawful)} ? [{said}] : [])"


def _of_containers(keys: tuple[str, ...], lawful: tuple[Any, ...]) -> str:
    return _containers(_unlawful(way("c", keys), lawful), ".".join(keys), _named(lawful))


def _containers(bad: str, path: str, allowed: str) -> str:
    said = text(f"].{path}: allowed {allowed}")
    return f"variables.containers.filter(c, {bad}).map(c, 'containers[' + c.name + {said})"


def _added(lawful: frozenset[str]) -> str:
    names = sorted(lawful)
    bad = f"c.?securityContext.?capabilities.?add.orValue([]).exists(a, !(a in {array(names)}))"
    return _containers(bad, "securityContext.capabilities.add", f"of all capabilities only {', '.join(names)}")


def _unlawful(optional: str, lawful: tuple[Any, ...]) -> str:
    values = array([one for one in lawful if one is not None])
    absent = f"{optional}.hasValue() &&" if None in lawful else f"!{optional}.hasValue() ||"
    return f"({absent} !({optional}.value() in {values}))"


def _named(lawful: tuple[Any, ...]) -> str:
    shown = ("nothing" if one is None else json.dumps(one).strip('"') for one in lawful if one != "")
    return " or ".join(shown)
