"""The API server ends in the middle of an up and comes back: that up or the next finishes, nothing is made twice."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from engine import EmbeddedEngine, Options
from engine.provider import CallOptions
from engine.testing import Ran
from engine.urn import name_of
from tests.engine.kubernetes.conftest import Stack as Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox import ClusterInfo

pytestmark = pytest.mark.cluster
MAPS = 6
APP = {"app": "outage"}


@dataclass
class Server:
    """A sandbox cluster of its own, whose API server can be ended and brought back."""

    home: Path
    kubectl: Path
    info: ClusterInfo

    def end(self) -> None:
        """End the API server at once: asked politely it would wait a minute for watches to end."""
        handle = os.pidfd_open(self.info.pids["kube-apiserver"])
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            assert select.select([handle], [], [], 60)[0], "the API server does not end"
        finally:
            os.close(handle)

    def return_(self) -> None:
        from sandbox import cluster_up

        self.info = cluster_up("outage", home=self.home, nodes=1, progress=lambda _: None)

    def objects(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        """What is there of our own, as kubectl sees it."""
        found: list[dict[str, Any]] = json.loads(
            self.run("get", kind, "-n", namespace, "-l", "app=outage", "-o", "json")
        )["items"]
        return found

    def run(self, *arguments: str) -> str:
        """What kubectl prints."""
        done = subprocess.run(
            [self.kubectl, f"--kubeconfig={self.info.kubeconfig}", *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, programs: dict[str, Path]) -> Iterator[Server]:
    from sandbox import cluster_remove, cluster_up

    home = tmp_path_factory.mktemp("outage")
    try:
        yield Server(home, programs["kubectl"], cluster_up("outage", home=home, nodes=1, progress=lambda _: None))
    finally:
        cluster_remove("outage", home=home)


def program(kubeconfig: str, namespace: str) -> Callable[[], None]:
    """A chain of maps with names of their own, and a rollout to wait for."""

    def run() -> None:
        cluster = k8s.Provider("cluster", kubeconfig=kubeconfig)
        on: dict[str, Any] = {"provider": cluster}
        ns = k8s.core.v1.Namespace("ns", metadata={"name": namespace}, opts=pulumi.ResourceOptions(**on))
        before: Any = ns
        for number in range(MAPS):
            before = k8s.core.v1.ConfigMap(
                f"map-{number}",
                metadata={"namespace": namespace, "labels": APP},
                data={"number": str(number)},
                opts=pulumi.ResourceOptions(depends_on=[before], **on),
            )
        container = {"name": "c", "image": "registry.example/web:1"}
        k8s.apps.v1.Deployment(
            "web",
            metadata={"namespace": namespace, "labels": APP},
            spec={
                "replicas": 2,
                "selector": {"match_labels": APP},
                "template": {"metadata": {"labels": APP}, "spec": {"containers": [container]}},
            },
            opts=pulumi.ResourceOptions(depends_on=[before], **on),
        )

    return run


class Fault:
    """Ends the API server when a step begins or ends, and brings it back at once beside the run."""

    def __init__(self, server: Server, event: str, name: str) -> None:
        self._server, self._event, self._name = server, event, name
        self.back: threading.Thread | None = None

    def __call__(self, event: dict[str, Any]) -> None:
        body = event.get(self._event)
        if self.back is None and body and name_of(body["metadata"]["urn"]) == self._name:
            self._server.end()
            self.back = threading.Thread(target=self._server.return_)
            self.back.start()


def test_what_is_waited_for_while_the_server_is_away_is_still_seen(server: Server) -> None:
    stack = Provider(str(server.info.kubeconfig), "default")
    waiting = {"pulumi.com/waitFor": "jsonpath={.metadata.labels.done}=yes"}
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(stack.up, "kubernetes:core/v1:ConfigMap", "wait", {"data": {}}, annotations=waiting)
        assert said(stack, "does not hold")
        server.end()
        assert said(stack, "Waiting for the API server: no answer from")
        server.return_()
        server.run("label", "configmap", "wait", "done=yes")
        resource, inputs, outputs = coming.result(timeout=60)
        server.run("patch", "configmap", "wait", "--type=merge", '-p={"metadata":{"finalizers":["a.example/x"]}}')
        going = pool.submit(stack.provider.delete, resource, inputs, outputs, CallOptions())
        assert said(stack, "its finalizers: a.example/x")
        server.end()
        server.return_()
        server.run("patch", "configmap", "wait", "--type=merge", '-p={"metadata":{"finalizers":null}}')
        going.result(timeout=60)
    assert stack.provider.read(resource, inputs, outputs).id == ""
    stack.provider.close()


def said(stack: Provider, text: str) -> bool:
    """Whether a status line with this text was or is said within some seconds."""
    pause = threading.Event()
    for _ in range(400):
        if any(text in message for _, message, ephemeral in list(stack.said) if ephemeral):
            return True
        pause.wait(0.05)
    return False


FAULTS = {
    "between two creations": ("resOutputsEvent", "map-2"),
    "while a creation is sent": ("resourcePreEvent", "map-4"),
    "while a rollout is asked for": ("resourcePreEvent", "web"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_up_or_the_next_one_finishes(name: str, server: Server, tmp_path: Path) -> None:
    namespace = f"outage-{list(FAULTS).index(name)}"
    (tmp_path / "Pulumi.yaml").write_text("name: outage\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.test.yaml").write_text("config: {}\n", encoding="utf-8")
    engine = EmbeddedEngine(
        tmp_path,
        backend_url=f"file://{tmp_path / 'state'}",
        passphrase="for tests only",  # noqa: S106 - it guards nothing
        program=program(server.info.kubeconfig.read_text(encoding="utf-8"), namespace),
    )
    fault = Fault(server, *FAULTS[name])
    first = Ran(engine.up("test", Options(on_event=fault)), ())
    assert fault.back is not None
    fault.back.join()
    assert first.ok or "no answer from" in "\n".join(first.errors), first.errors

    second = Ran(engine.up("test", Options()), ())
    assert second.ok, second.errors
    (unsure,) = [event["summaryEvent"]["maybeCorrupt"] for event in first.result.events if "summaryEvent" in event]
    deployment = engine.export_state("test")["deployment"]
    known = {one["id"] for one in deployment["resources"] if one.get("id")}
    maps = server.objects("configmap", namespace)
    names = [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in maps]
    assert {one for one in known if "/map-" in one} <= set(names)
    assert len([one for one in known if "/map-" in one]) == MAPS
    # one whose answer was lost may be there, and then the run said that the state may be wrong
    assert len(set(names) - known) <= unsure
    assert [one["status"]["readyReplicas"] for one in server.objects("deployment", namespace)] == [2]
    assert set(Ran(engine.up("test", Options()), ()).changes) == {"same"}
