"""kill -9 of an up beside a real API server: the next one ends where an undisturbed one does, nothing is made twice."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.urn import name_of
from tests.engine.kubernetes.killed_up import NAMED, UNNAMED, program, stack_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.testing import Ran, Stack

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[3]
WHEN = ("before", "after")
DIES = ("named-1", "unnamed-1")


@pytest.fixture
def place(kubectl: Callable[..., Any], namespace: str) -> Any:
    """The namespace, empty again afterwards; nothing of an earlier case is in it."""
    yield namespace
    kubectl("delete", "configmap", "--all", "-n", namespace)


def killed(stack: Stack, kubeconfig: str, namespace: str, *how: str) -> None:
    command = [sys.executable, "-m", "tests.engine.kubernetes.killed_up", str(stack.folder), kubeconfig, namespace]
    died = subprocess.run([*command, *how], cwd=ROOT, check=False, capture_output=True, timeout=120)
    assert died.returncode == -9, died.stderr
    stack.engine().cancel(stack.name)


def pending(stack: Stack) -> dict[str, str]:
    """Names of objects whose creation is pending, by resource."""
    latest = json.loads(stack.state_file.read_text())["checkpoint"]["latest"]
    found = [one["resource"] for one in latest.get("pending_operations") or []]
    return {name_of(one["urn"]): one["inputs"]["metadata"]["name"] for one in found}


def maps(kubectl: Callable[..., Any], namespace: str) -> dict[str, str]:
    found = kubectl("get", "configmap", "-n", namespace)["items"]
    return {one["metadata"]["name"]: one["data"].get("k", "") for one in found if "k" in one["data"]}


def check_whole(again: Ran, stack: Stack, kubectl: Callable[..., Any], namespace: str, data: str) -> None:
    """Each resource is there once, as the program has it, and the state says which it is."""
    assert again.ok, again.errors
    there = maps(kubectl, namespace)
    assert set(there.values()) == {data}
    assert len(there) == len(NAMED) + len(UNNAMED), there
    records = {name: again.resource(name) for name in (*NAMED, *UNNAMED)}
    assert {f"{namespace}/{name}" for name in there} == {record.id for record in records.values()}
    assert set(stack.up().changes) == {"same"}


@pytest.mark.parametrize(("when", "name", "then"), [*itertools.product(WHEN, DIES, ("1", "2"))])
def test_what_a_killed_up_was_creating_is_there_once(
    cluster: Any, kubectl: Callable[..., Any], place: str, tmp_path: Path, when: str, name: str, then: str
) -> None:
    """`then`: what the program says the next time."""
    stack, kubeconfig = stack_in(tmp_path), str(cluster.kubeconfig)
    killed(stack, kubeconfig, place, "1", when, name)
    tried = pending(stack)[name]
    again = stack.up(program(kubeconfig, place, then))
    assert again.resource(name).id == f"{place}/{tried}"
    check_whole(again, stack, kubectl, place, then)


@pytest.mark.parametrize(("when", "name"), [*itertools.product(WHEN, DIES)])
def test_what_a_killed_up_was_replacing_is_there_once(
    cluster: Any, kubectl: Callable[..., Any], place: str, tmp_path: Path, when: str, name: str
) -> None:
    stack, kubeconfig = stack_in(tmp_path), str(cluster.kubeconfig)
    assert stack.up(program(kubeconfig, place, "1")).ok
    for data in ("2", "3"):  # what was pending before is said still, and taken for nothing else
        killed(stack, kubeconfig, place, data, when, name)
        again = stack.up(program(kubeconfig, place, data))
        check_whole(again, stack, kubectl, place, data)


def test_an_object_of_somebody_else_is_not_taken_for_what_was_interrupted(
    cluster: Any, kubectl: Callable[..., Any], place: str, tmp_path: Path
) -> None:
    stack, kubeconfig = stack_in(tmp_path), str(cluster.kubeconfig)
    killed(stack, kubeconfig, place, "1", "before", "named-1")
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "named-1", "namespace": place}}
    kubectl("apply", "-f", "-", stdin={**theirs, "data": {"k": "1"}})
    again = stack.up(program(kubeconfig, place, "1"))
    assert any("already exists" in error for error in again.errors), again.errors
