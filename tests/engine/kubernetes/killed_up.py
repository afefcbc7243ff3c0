"""An up in a process of its own that is killed: `... FOLDER KUBECONFIG NAMESPACE DATA WHEN NAME`.

It dies `before` or `after` the server is asked to make the object whose name begins so.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from engine.providers.kubernetes import KubernetesProvider, client
from engine.testing import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

NAMED, UNNAMED = ("named-1", "named-2"), ("unnamed-1", "unnamed-2")


def program(kubeconfig: str, namespace: str, data: str) -> Callable[[], None]:
    """Maps with a name of the program's and without one; other data is another object."""

    def run() -> None:
        opts = pulumi.ResourceOptions(provider=k8s.Provider("cluster", kubeconfig=kubeconfig))
        for name in (*NAMED, *UNNAMED):
            given = {"name": name} if name in NAMED else {}
            k8s.core.v1.ConfigMap(name, metadata={"namespace": namespace, **given}, data={"k": data}, opts=opts)

    return run


def stack_in(folder: Path) -> Stack:
    return Stack(folder, providers={"kubernetes": KubernetesProvider})


def main(folder: str, kubeconfig: str, namespace: str, data: str, when: str, name: str) -> None:
    ask = client.Client.request

    def request(self: Any, method: str, path: str, body: Any = None, **rest: Any) -> Any:
        dies = method == "POST" and body["metadata"]["name"].startswith(name) and "dryRun" not in rest["query"]
        if dies and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = ask(self, method, path, body, **rest)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    client.Client.request = request  # type: ignore[method-assign]
    stack_in(Path(folder)).up(program(kubeconfig, namespace, data))


if __name__ == "__main__":
    main(*sys.argv[1:7])
