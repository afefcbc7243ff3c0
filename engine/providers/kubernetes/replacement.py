"""Which changes need a new object, as data: paths the API server refuses to change, per group, version and kind.

Source: the `forceNew` table of pulumi-kubernetes (`provider/pkg/provider/diff.go`); parity with it decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.paths import parse
from engine.providers.kubernetes.objects import pluck

if TYPE_CHECKING:
    from engine.providers.kubernetes.objects import Object

Path = tuple[str | int, ...]


def _under(prefix: str, fields: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{field}" for field in fields.split())


_IDENTITY: Final = _under("metadata", "name namespace")
_SELECTOR: Final = ("spec.selector",)
_JOB: Final = _under("spec", "completions parallelism selector template")
_ROLE_REF: Final = ("roleRef",)
_STATEFUL_SET: Final = _under(
    "spec", "podManagementPolicy revisionHistoryLimit selector serviceName volumeClaimTemplates"
)
_VOLUME: Final = _under(
    "spec",
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs "
    "hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume",
)
_CLAIM: Final = _under("spec", "accessModes selector storageClassName volumeName")
_CONTAINER: Final = (
    "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources securityContext "
    "stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir"
)
_POD: Final = (
    *_under(
        "spec",
        "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork "
        "hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority priorityClassName "
        "readinessGates restartPolicy runtimeClassName schedulerName securityContext serviceAccount serviceAccountName "
        "shareProcessNamespace subdomain terminationGracePeriodSeconds volumes",
    ),
    *_under("spec.containers[*]", _CONTAINER),
    *_under("spec.initContainers[*]", _CONTAINER),
)
_BY_KIND: Final[dict[str, tuple[str, ...]]] = {
    "apps/v1/DaemonSet": _SELECTOR,
    "apps/v1/Deployment": _SELECTOR,
    "apps/v1/StatefulSet": _STATEFUL_SET,
    "apps/v1beta1/StatefulSet": _STATEFUL_SET,
    "apps/v1beta2/DaemonSet": _SELECTOR,
    "apps/v1beta2/Deployment": _SELECTOR,
    "apps/v1beta2/StatefulSet": _STATEFUL_SET,
    "batch/v1/Job": _JOB,
    "batch/v1beta1/Job": _JOB,
    "batch/v2alpha1/Job": _JOB,
    "policy/v1beta1/PodDisruptionBudget": ("spec",),
    "storage.k8s.io/v1/StorageClass": ("parameters", "provisioner"),
    "v1/PersistentVolume": _VOLUME,
    "v1/PersistentVolumeClaim": _CLAIM,
    "v1/Pod": _POD,
    "v1/ResourceQuota": ("spec.scopes",),
    "v1/Secret": ("type",),
    "v1/Service": ("spec.clusterIP",),
    **{
        f"rbac.authorization.k8s.io/{version}/{kind}": _ROLE_REF
        for version in ("v1", "v1beta1", "v1alpha1")
        for kind in ("ClusterRoleBinding", "RoleBinding")
    },
}


def replacing_paths(obj: Object, *, patch: bool, config_map_mutable: bool, secret_mutable: bool) -> tuple[Path, ...]:
    """The paths of this object that cannot change in place; a Patch resource only has its identity."""
    paths: tuple[str, ...] = _IDENTITY
    kind = f"{obj.get('apiVersion')}/{obj.get('kind')}"
    immutable = pluck(obj, "immutable") is True
    if patch:
        pass
    elif kind == "v1/Secret" and (immutable or not secret_mutable):
        paths += ("type", "stringData", "data")
    elif kind == "v1/ConfigMap" and (immutable or not config_map_mutable):
        paths += ("binaryData", "data")
    else:
        paths += _BY_KIND.get(kind, ())
    return tuple(parse(path) for path in paths)


def touches(change: Path, value: Any, replacing: Path) -> bool:
    """Whether a change at a path, to a new value (None: removed), reaches a replacing path.

    It does when it lies at or below it, or when the new value itself holds something there.
    """
    shared = min(len(change), len(replacing))
    if not all(
        pattern == step or (pattern == "*" and isinstance(step, int))
        for pattern, step in zip(replacing[:shared], change, strict=False)
    ):
        return False
    return _holds(value, replacing[shared:])


def _holds(value: Any, rest: Path) -> bool:
    if not rest:
        return True
    if rest[0] == "*":
        return isinstance(value, list) and any(_holds(item, rest[1:]) for item in value)
    return isinstance(value, dict) and rest[0] in value and _holds(value[str(rest[0])], rest[1:])
