"""Which resource types somebody has classified (`inventories/resource_types/`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

import inventories
from inventories.faults import OnshoreError
from policies.cloud_types import CloudTypes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

RESOURCE_TYPES: Final = Path(inventories.__file__).parent / "resource_types"
_KUBERNETES: Final = frozenset({"custom_groups", "namespaced", "cluster_scoped"})
_OTHERS: Final = frozenset({"engine", "component_types", "component_packages", "opaque_types", "opaque_packages"})


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
    """Read `kubernetes.yaml` and `pulumi.yaml`.

    Raises OnshoreError with every fault of the folder when one is missing or not of their form.
    """
    path = directory / "kubernetes.yaml"
    try:
        objects = _read(path, _KUBERNETES)
        kinds: dict[str, KubeKind] = {}
        for namespaced, part in ((True, "namespaced"), (False, "cluster_scoped")):
            for group, names in objects[part].items():
                for name in names:
                    kinds |= _tokens(group, name, namespaced=namespaced, custom=group in objects["custom_groups"])
        path = directory / "pulumi.yaml"
        sets = {key: frozenset(listed) for key, listed in _read(path, _OTHERS).items()}
    except (OSError, yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        from policies.type_forms import not_read  # noqa: PLC0415 - only what cannot be read is looked at again

        raise not_read(directory, error, path) from error
    return ResourceTypes(kinds, cloud=CloudTypes(directory), **sets)


def check_resource_types(directory: Path) -> None:
    """Raise OnshoreError with every fault of every file of classified types."""
    from policies.type_forms import form_faults  # noqa: PLC0415 - as above

    if faults := form_faults(directory):
        raise OnshoreError("the classified resource types cannot be used", faults)
    cloud = load_resource_types(directory).cloud
    for name in cloud.names():
        cloud.package(name)


def _read(path: Path, fields: AbstractSet[str]) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    said = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - both are safe
    if said.keys() != fields:
        raise ValueError("a field that nobody knows, or one too few")
    return said


def _tokens(group: str, name: str, *, namespaced: bool, custom: bool) -> dict[str, KubeKind]:
    """The tokens of one kind: itself, its list and its patch (a custom kind has no list)."""
    api_version = group.removeprefix("core/")
    token = f"kubernetes:{group}:{name}"
    made = {
        token: KubeKind(api_version, name, namespaced),
        f"{token}Patch": KubeKind(api_version, name, namespaced, is_patch=True),
    }
    return made if custom else made | {f"{token}List": KubeKind(api_version, name, namespaced, is_list=True)}
