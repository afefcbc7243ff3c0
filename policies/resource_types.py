"""Which resource types somebody has classified (`inventories/resource_types/`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from inventories.faults import Fault, OnshoreError
from policies.cloud_types import CloudTypes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class KubeKind:
    """What a Kubernetes type token stands for; `is_list` has `items` of the kind, `is_patch` holds a part of one."""

    api_version: str
    kind: str
    namespaced: bool
    is_list: bool = False
    is_patch: bool = False


@dataclass(frozen=True, slots=True)
class ResourceTypes:
    """Classified types: Kubernetes objects by token, the engine's own, components by type or package, opaque steps."""

    kinds: Mapping[str, KubeKind]
    engine: frozenset[str]
    component_types: frozenset[str]
    component_packages: frozenset[str]
    opaque_types: frozenset[str]
    opaque_packages: frozenset[str]
    cloud: CloudTypes


def load_resource_types(directory: Path) -> ResourceTypes:
    """Read `kubernetes.yaml` and `pulumi.yaml`; raises OnshoreError when one is missing or not of their form."""
    try:
        objects = _read(directory / "kubernetes.yaml")
        others = _read(directory / "pulumi.yaml")
        kinds: dict[str, KubeKind] = {}
        for namespaced, part in ((True, "namespaced"), (False, "cluster_scoped")):
            for group, names in objects[part].items():
                for name in names:
                    kinds |= _tokens(group, name, namespaced=namespaced, custom=group in objects["custom_groups"])
        sets = {
            key: frozenset(others[key]) for key in ResourceTypes.__dataclass_fields__ if key not in ("kinds", "cloud")
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        fault = Fault(directory.name, "the classified resource types cannot be read", got=type(error).__name__)
        raise OnshoreError("the classified resource types cannot be used", [fault]) from error
    return ResourceTypes(kinds, cloud=CloudTypes(directory), **sets)


def _read(path: Path) -> Any:
    return yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe


def _tokens(group: str, name: str, *, namespaced: bool, custom: bool) -> dict[str, KubeKind]:
    """The tokens of one kind: itself, its list and its patch (a custom kind has no list)."""
    api_version = group.removeprefix("core/")
    token = f"kubernetes:{group}:{name}"
    made = {
        token: KubeKind(api_version, name, namespaced),
        f"{token}Patch": KubeKind(api_version, name, namespaced, is_patch=True),
    }
    return made if custom else made | {f"{token}List": KubeKind(api_version, name, namespaced, is_list=True)}
