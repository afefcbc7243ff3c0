"""A configured Kubernetes provider on the sandbox cluster, with the calls the engine would make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from engine.provider import CallOptions, ResourceId
from engine.providers.kubernetes import KubernetesProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REAL = CallOptions()


class Stack:
    """A provider with the calls the engine would make, and what it said meanwhile."""

    def __init__(self, kubeconfig: str, namespace: str = "", **settings: Any) -> None:
        self.said: list[tuple[str, str, bool]] = []
        self.provider = KubernetesProvider(self.log)
        inputs = {"kubeconfig": kubeconfig, **({"namespace": namespace} if namespace else {}), **settings}
        self.provider.configure(ResourceId("urn:provider", "cluster", "pulumi:providers:kubernetes"), inputs)

    def log(self, severity: str, message: str, *, urn: str = "", ephemeral: bool = False) -> None:
        assert urn
        self.said.append((severity, message, ephemeral))

    def up(self, token: str, name: str, fields: dict[str, Any], options: CallOptions = REAL, **metadata: Any) -> Any:
        """Check and create: (resource, inputs, outputs)."""
        version, _, kind = token.removeprefix("kubernetes:").partition(":")
        news = {
            "apiVersion": version.removeprefix("core/"),
            "kind": kind.removesuffix("Patch"),
            "metadata": {"name": name, **metadata},
            **fields,
        }
        resource = ResourceId(f"urn:{name}", name, token)
        inputs = self.provider.check(resource, None, news, b"seed").inputs
        made = self.provider.create(resource, inputs, options)
        return ResourceId(resource.urn, name, token, made.id), inputs, made.outputs


@pytest.fixture(scope="module")
def namespace(kubectl: Callable[..., Any]) -> Iterator[str]:
    name = f"kprov-{uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def stack(cluster: Any, namespace: str) -> Iterator[Stack]:
    made = Stack(str(cluster.kubeconfig), namespace, enableConfigMapMutable="true")
    yield made
    made.provider.close()
