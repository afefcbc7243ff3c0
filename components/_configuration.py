"""A workload's variables and files as a ConfigMap and a Secret.

Whatever holds a value of the stack's environment that is an Output (secret values are) stands in the Secret, all else
in the ConfigMap. Both are immutable, and the provider names them (`<name>-<8 hex digits>`): a change makes new ones,
which rolls the pods, and no name ever comes back, not even when a change is taken back that stopped halfway.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_kubernetes as k8s

from components.workload import EnvironmentKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.workload import Container, Template, Workload

_NOT_KEY: Final = re.compile(r"[^-._a-zA-Z0-9]")
_NOT_LABEL: Final = re.compile(r"[^-a-z0-9]")


@dataclass
class Configuration:
    """What a workload's containers read; `names` are the objects' names once they are built."""

    plain: dict[str, str] = field(default_factory=dict)
    binary: dict[str, str] = field(default_factory=dict)
    secret: dict[str, pulumi.Output[str]] = field(default_factory=dict)
    file_modes: dict[str, int | None] = field(default_factory=dict)
    config_name: pulumi.Input[str] = ""
    secret_name: pulumi.Input[str] = ""

    def env(self, container: Container) -> list[dict[str, Any]]:
        """The container's `env`: every variable by reference, so that nothing in a value is expanded."""
        return [
            {"name": name, "valueFrom": self._reference(f"{container.name}.{name}")} for name, _ in container.variables
        ]

    def mounts(self, container: Container) -> list[dict[str, Any]]:
        """The container's `volumeMounts` of files, one each."""
        return [
            {
                "name": "secrets" if (key := file_key(container, file.path)) in self.secret else "config",
                "mountPath": file.path,
                "subPath": key,
                "readOnly": True,
            }
            for file in container.files
        ]

    def volumes(self) -> list[dict[str, Any]]:
        """The pod's `volumes` that hold the files."""
        volumes: list[dict[str, Any]] = []
        for name, kind, named, holder in (
            ("config", "configMap", "name", self.config_name),
            ("secrets", "secret", "secretName", self.secret_name),
        ):
            keys = [key for key in self.file_modes if (key in self.secret) == (name == "secrets")]
            items = [
                {"key": key, "path": key, **({"mode": mode} if (mode := self.file_modes[key]) is not None else {})}
                for key in keys
            ]
            if items:
                volumes.append({"name": name, kind: {named: holder, "items": items}})
        return volumes

    def _reference(self, key: str) -> dict[str, Any]:
        if key in self.secret:
            return {"secretKeyRef": {"name": self.secret_name, "key": key}}
        return {"configMapKeyRef": {"name": self.config_name, "key": key}}


def render(template: Template, environment: Mapping[str, pulumi.Input[str]]) -> str | pulumi.Output[str]:
    """Text with the stack's values filled in; an Output when one of them is."""
    parts = [environment[part.key] if isinstance(part, EnvironmentKey) else part for part in template]
    plain = [part for part in parts if isinstance(part, str)]
    return "".join(plain) if len(plain) == len(parts) else pulumi.Output.concat(*parts)


def configuration(workload: Workload, environment: Mapping[str, pulumi.Input[str]]) -> Configuration:
    """The variables and files of all containers, sorted by where they may stand."""
    result = Configuration()
    for container in workload.containers:
        values: dict[str, Template | bytes] = {f"{container.name}.{name}": value for name, value in container.variables}
        for file in container.files:
            key = file_key(container, file.path)
            values[key] = file.content
            result.file_modes[key] = file.mode
        for key, value in values.items():
            if isinstance(value, bytes):
                result.binary[key] = base64.b64encode(value).decode()
            elif isinstance(rendered := render(value, environment), str):
                result.plain[key] = rendered
            else:
                result.secret[key] = rendered
    return result


def register(
    name: str,
    workload: Workload,
    environment: Mapping[str, pulumi.Input[str]],
    metadata: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
) -> tuple[Configuration, list[pulumi.Resource]]:
    """Register the ConfigMap and the Secret that the workload needs; either is left out when it would be empty."""
    result = configuration(workload, environment)
    label = _NOT_LABEL.sub("-", name.lower()).strip("-") or workload.name  # objects are named after their resources
    objects: list[pulumi.Resource] = []
    if result.plain or result.binary:
        config_map = k8s.core.v1.ConfigMap(
            f"{label}-config",
            metadata={**metadata},
            data=result.plain or None,
            binary_data=result.binary or None,
            immutable=True,
            opts=opts,
        )
        result.config_name = _made_up_name(config_map)
        objects.append(config_map)
    if result.secret:
        values: pulumi.Output[dict[str, str]] = pulumi.Output.secret(pulumi.Output.all(**result.secret))
        secret = k8s.core.v1.Secret(
            f"{label}-secret",
            metadata={**metadata},
            data=values.apply(lambda found: {key: base64.b64encode(v.encode()).decode() for key, v in found.items()}),
            immutable=True,
            opts=opts,
        )
        result.secret_name = _made_up_name(secret)
        objects.append(secret)
    return result, objects


def file_key(container: Container, path: str) -> str:
    """The key under which a container's file stands; the digest keeps alike paths apart."""
    readable = _NOT_KEY.sub("-", f"{container.name}{path}")
    return f"{readable[:180]}-{hashlib.sha256(path.encode()).hexdigest()[:6]}"


def _made_up_name(made: k8s.core.v1.ConfigMap | k8s.core.v1.Secret) -> pulumi.Output[str]:
    name: pulumi.Output[str] = made.metadata.apply(lambda metadata: metadata.name)
    return name
