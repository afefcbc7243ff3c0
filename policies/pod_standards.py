"""The Kubernetes Pod Security Standards as predicates on a pod (kubernetes.io/docs/concepts/security)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from policies.objects import is_unreadable
from policies.subject import Violation
from policies.values import UNKNOWN, at, join, mapping, sequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policies.objects import Part, Pod

LEVELS: Final = ("baseline", "restricted")

_UNSET: Final = (None, False)
BASELINE_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
RESTRICTED_CAPABILITIES: Final = frozenset({"NET_BIND_SERVICE"})
_SELINUX_TYPES: Final = (None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
PROFILES: Final = ("RuntimeDefault", "Localhost")
APPARMOR_ANNOTATION: Final = "container.apparmor.security.beta.kubernetes.io/"
APPARMOR_VALUES: Final = ("runtime/default", "localhost/")
SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
    }
)
VOLUMES: Final = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)

HANDLERS: Final = (
    ("livenessProbe",),
    ("readinessProbe",),
    ("startupProbe",),
    ("lifecycle", "postStart"),
    ("lifecycle", "preStop"),
)


def baseline(pod: Pod) -> Iterator[Violation]:
    """What the level baseline forbids."""
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        yield from _one_of(join(pod.path, key), pod.spec.get(key), _UNSET)
    for path, context in _contexts(pod):
        if context is None:
            continue
        for *way, lawful in BASELINE_FIELDS:
            yield from _one_of(".".join([path, *way]), at(context, *way), lawful)
    for part in pod.containers:
        path = f"{part.path}.securityContext"
        yield from _one_of(f"{path}.privileged", at(part.body, "securityContext", "privileged"), _UNSET)
        yield from _one_of(f"{path}.procMount", at(part.body, "securityContext", "procMount"), (None, "Default"))
        yield from _added(part, BASELINE_CAPABILITIES)
        yield from _host_ports(part)
        yield from _probe_hosts(part)
    for volume in pod.volumes:
        if volume.body.get("hostPath") is not None:
            yield Violation(f"{volume.path}.hostPath", volume.body["hostPath"], "a volume that is not the host's")
    yield from _sysctls(pod)
    yield from _apparmor_annotations(pod)


def restricted(pod: Pod) -> Iterator[Violation]:
    """What the level restricted forbids or asks for beyond baseline."""
    for volume in pod.volumes:
        for kind in volume.body:
            if kind not in {"name", "hostPath"} and kind not in VOLUMES and volume.body[kind] is not None:
                yield Violation(f"{volume.path}.{kind}", volume.body[kind], "a kind of volume of the level restricted")
    for part in pod.containers:
        path = f"{part.path}.securityContext"
        escalation = at(part.body, "securityContext", "allowPrivilegeEscalation")
        yield from _one_of(f"{path}.allowPrivilegeEscalation", escalation, (False,))
        yield from _inherited(pod, part, ("runAsNonRoot",), (True,))
        yield from _inherited(pod, part, ("seccompProfile", "type"), PROFILES)
        yield from _added(part, RESTRICTED_CAPABILITIES)
        dropped = at(part.body, "securityContext", "capabilities", "drop")
        if not (isinstance(dropped, list) and "ALL" in dropped):
            yield Violation(f"{path}.capabilities.drop", dropped, "a list with ALL")
    for path, context in _contexts(pod):
        user = at(context, "runAsUser")
        if is_unreadable(user) or (user is not None and not (type(user) is int and user > 0)):
            yield Violation(f"{path}.runAsUser", user, "nothing or a user above 0")


BASELINE_FIELDS: Final[tuple[tuple[Any, ...], ...]] = (
    ("windowsOptions", "hostProcess", _UNSET),
    ("seLinuxOptions", "type", _SELINUX_TYPES),
    ("seLinuxOptions", "user", (None, "")),
    ("seLinuxOptions", "role", (None, "")),
    ("seccompProfile", "type", (None, *PROFILES)),
    ("appArmorProfile", "type", (None, *PROFILES)),
)


def _one_of(path: str, value: Any, lawful: tuple[Any, ...]) -> Iterator[Violation]:
    # `0 == False` in Python, not in Kubernetes: compare types too.
    if not any(value is one or (type(value) is type(one) and value == one) for one in lawful):
        yield Violation(path, value, " or ".join(_named(one) for one in lawful if one != ""))


def _named(value: Any) -> str:
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _contexts(pod: Pod) -> Iterator[tuple[str, Any]]:
    """The pod's security context and those of its containers."""
    yield join(pod.path, "securityContext"), pod.spec.get("securityContext")
    for part in pod.containers:
        yield f"{part.path}.securityContext", part.body.get("securityContext")


def _inherited(pod: Pod, part: Part, way: tuple[str, ...], lawful: tuple[Any, ...]) -> Iterator[Violation]:
    """A field that a container takes from its pod unless it has its own."""
    own = at(part.body, "securityContext", *way)
    value = own if own is not None else at(pod.spec, "securityContext", *way)
    yield from _one_of(".".join([part.path, "securityContext", *way]), value, lawful)


def _added(part: Part, lawful: frozenset[str]) -> Iterator[Violation]:
    path = f"{part.path}.securityContext.capabilities.add"
    added = at(part.body, "securityContext", "capabilities", "add")
    if added is not None and not isinstance(added, list):
        yield Violation(path, added, "a list")
    for i, name in enumerate(sequence(added)):
        if not isinstance(name, str) or name not in lawful:
            yield Violation(f"{path}[{i}]", name, f"of all capabilities only {', '.join(sorted(lawful))}")


def _host_ports(part: Part) -> Iterator[Violation]:
    for i, port in enumerate(sequence(part.body.get("ports"))):
        number = mapping(port).get("hostPort")
        if is_unreadable(number) or number not in (None, 0):
            yield Violation(f"{part.path}.ports[{i}].hostPort", number, "nothing")


def _probe_hosts(part: Part) -> Iterator[Violation]:
    """A probe or hook may call its own pod only."""
    for way in HANDLERS:
        if way[0] not in part.body:
            continue
        for action in ("httpGet", "tcpSocket"):
            host = at(part.body, *way, action, "host")
            yield from _one_of(".".join([part.path, *way, action, "host"]), host, (None, ""))


def _sysctls(pod: Pod) -> Iterator[Violation]:
    path = f"{pod.path}.securityContext.sysctls"
    sysctls = at(pod.spec, "securityContext", "sysctls")
    if sysctls is not None and not isinstance(sysctls, list):
        yield Violation(path, sysctls, "a list")
    for i, entry in enumerate(sequence(sysctls)):
        name = at(entry, "name")
        if not isinstance(name, str) or name not in SYSCTLS:
            yield Violation(f"{path}[{i}].name", name, "a sysctl that the level baseline allows")


def _apparmor_annotations(pod: Pod) -> Iterator[Violation]:
    annotations: Mapping[str, Any] = mapping(pod.metadata.body.get("annotations"))
    for key, value in annotations.items():
        if key.startswith(APPARMOR_ANNOTATION) and not (
            value is not UNKNOWN and isinstance(value, str) and value.startswith(APPARMOR_VALUES)
        ):
            yield Violation(join(join(pod.metadata.path, "annotations"), key), value, "runtime/default or localhost/…")
