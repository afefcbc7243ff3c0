"""The pod of every workload, hardened to the restricted Pod Security Standard.

No root, no privilege, no capability, no writable image, no token of the cluster. What a container may write is `/tmp`
and its declared volumes. Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ (restricted).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from components.workload import ExecProbe
from inventories.faults import Fault
from inventories.image_name import parse_image
from inventories.labels import DEDICATED_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pulumi

    from components._configuration import Configuration
    from components.governance import Governance
    from components.workload import Container, Probe, Workload
    from inventories.models import Category, Register

NAME_LABEL: Final = "app.kubernetes.io/name"
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"

# A user that no image defines: files of the image are not its own, and volumes are handed to its group.
_USER: Final = 65532
_TMP: Final = "/tmp"  # noqa: S108 - a path in the container
_TMP_SIZE: Final = "64Mi"


def image_faults(workload: Workload, category: Category, register: Register, country: str) -> list[Fault]:
    """What the category has against the workload's images."""
    return [
        fault
        for container in workload.containers
        for fault in _image_faults(container, category, _image_hosts(register, country), country)
    ]


def pod_labels(workload: Workload, governance: Governance) -> dict[str, str]:
    """The labels of a workload's pods."""
    return {NAME_LABEL: workload.name, MANAGED_BY_LABEL: "onshore", **governance.labels}


def pod_spec(
    workload: Workload,
    governance: Governance,
    configuration: Configuration,
    *,
    service_account: str,
    restart: str = "Always",
) -> dict[str, Any]:
    """The `spec` of the pod, in the API's own field names."""
    spec: dict[str, Any] = {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": restart,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(container, workload, configuration) for container in workload.containers],
        "volumes": [*_volumes(workload), *configuration.volumes()],
    }
    if governance.category.rule.dedicated_nodes:
        department = governance.department.id
        spec["nodeSelector"] = {DEDICATED_LABEL: department}
        spec["tolerations"] = [
            {"key": DEDICATED_LABEL, "operator": "Equal", "value": department, "effect": "NoSchedule"}
        ]
    return spec


def claim_name(workload: Workload, volume: str) -> str:
    """The name of the claim behind a persistent volume."""
    return f"{workload.name}-{volume}"


def _image_faults(container: Container, category: Category, hosts: list[str], country: str) -> Iterator[Fault]:
    rule, name = category.rule, parse_image(container.image)
    where = container.written or f"containers.{container.name}.image"
    if name is None and (rule.image_digest or rule.image_registry_in_country):
        yield Fault(where, "not the name of an image", container.image, fix="write HOST/NAME@sha256:…")
        return
    if name is not None and rule.image_digest and not name.pinned:
        why = f"images of {category.id} workloads are named by digest, so that what was judged is what runs"
        fix = "write NAME@sha256:… (the registry shows the digest of a tag)"
        yield Fault(where, "an image without digest", container.image, why, fix)
    if name is not None and rule.image_registry_in_country and name.registry not in hosts:
        what = f"an image from {name.registry}, which is no registry of the register in {country}"
        why = f"images of {category.id} workloads come from registries in the country"
        fix = f"copy it to {' or '.join(hosts)}" if hosts else "the register lists a registry in the country"
        yield Fault(where, what, container.image, why, fix)


def _image_hosts(register: Register, country: str) -> list[str]:
    sites = {site.id for provider in register.providers for site in provider.sites if site.country == country}
    return sorted(registry.host for registry in register.image_registries if registry.site in sites)


def _container(container: Container, workload: Workload, configuration: Configuration) -> dict[str, Any]:
    resources = container.resources
    mounts: list[dict[str, pulumi.Input[Any]]] = [
        {
            "name": f"volume-{mount.volume}",
            "mountPath": mount.path,
            **({"subPath": mount.sub_path} if mount.sub_path else {}),
            **({"readOnly": True} if mount.read_only else {}),
        }
        for mount in container.mounts
    ]
    if all(mount.path.rstrip("/") != _TMP for mount in container.mounts):
        mounts.insert(0, {"name": "tmp", "mountPath": _TMP})
    spec: dict[str, Any] = {
        "name": container.name,
        "image": container.image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": {
            "requests": {"cpu": resources.cpu_request, "memory": resources.memory_request},
            "limits": {"cpu": resources.cpu_limit, "memory": resources.memory_limit},
        },
        "volumeMounts": [*mounts, *configuration.mounts(container)],
    }
    readiness = _probe(container.readiness)
    if len(workload.containers) == 1:
        if workload.ports:
            spec["ports"] = [{"containerPort": port.target, "protocol": port.protocol} for port in workload.ports]
        # With several containers nobody says which one answers at a port.
        answering = [port.target for port in workload.ports if port.protocol == "TCP"]
        if readiness is None and answering:
            readiness = {"tcpSocket": {"port": answering[0]}}
    optional = {
        "command": list(container.command),
        "args": list(container.args),
        "env": configuration.env(container),
        "livenessProbe": _probe(container.liveness),
        "readinessProbe": readiness,
    }
    return {**spec, **{key: value for key, value in optional.items() if value}}


def _probe(probe: Probe | None) -> dict[str, Any] | None:
    if probe is None:
        return None
    if isinstance(probe, ExecProbe):
        return {"exec": {"command": list(probe.command)}}
    get: dict[str, Any] = {"path": probe.path, "port": probe.port, "scheme": probe.scheme}
    if probe.headers:
        get["httpHeaders"] = [{"name": name, "value": value} for name, value in probe.headers]
    return {"httpGet": get}


def _volumes(workload: Workload) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": _TMP_SIZE}}]
    for volume in workload.volumes:
        source: dict[str, Any] = (
            {"emptyDir": {"sizeLimit": volume.size}}
            if volume.ephemeral
            else {"persistentVolumeClaim": {"claimName": claim_name(workload, volume.name)}}
        )
        volumes.append({"name": f"volume-{volume.name}", **source})
    return volumes
