"""What holds an object up on a real API server: told while it is waited for, and when that is given up."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from engine.provider import CallOptions, InitFailedError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.cluster
REAL = CallOptions()
CM, DEPLOYMENT, POD_KIND = ("kubernetes:core/v1:ConfigMap", "kubernetes:apps/v1:Deployment", "kubernetes:core/v1:Pod")
CRD, NAMESPACE = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "kubernetes:core/v1:Namespace"
POD = {"nodeSelector": {"no": "such"}, "containers": [{"name": "c", "image": "registry.example/web:1"}]}
FORM = {"openAPIV3Schema": {"type": "object", "x_kubernetes_preserve_unknown_fields": True}}


def short(seconds: float = 4) -> dict[str, str]:
    return {"pulumi.com/timeoutSeconds": str(int(seconds))}


def deployment(**pod: Any) -> dict[str, Any]:
    labels = {"app": "web"}
    spec = {"containers": [{"name": "c", "image": "registry.example/web:1"}], **pod}
    return {
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        }
    }


def seen(stack: Any, text: str) -> bool:
    """Whether a status line with this text was or is said within some seconds."""
    pause = threading.Event()
    for _ in range(400):
        if any(text in message for _, message, ephemeral in list(stack.said) if ephemeral):
            return True
        pause.wait(0.05)
    return False


STATES = {
    "ImagePullBackOff": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
    "exit code 3 (Error)": {"terminated": {"exitCode": 3, "reason": "Error", "message": "boom"}},
}


@pytest.mark.parametrize("cause", STATES)
def test_a_container_that_does_not_start_is_told_at_once_and_at_the_end(
    stack: Any, kubectl: Callable[..., Any], namespace: str, cause: str
) -> None:
    name = f"held-{uuid4().hex[:6]}"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(stack.up, POD_KIND, name, {"spec": POD}, REAL, annotations=short(15))
        assert seen(stack, "[Unschedulable] 0/")
        status = {"containerStatuses": [{"name": "c", "image": "x", "imageID": "", "ready": False, "restartCount": 4,
                                         "state": STATES[cause]}]}  # fmt: skip
        patch = json.dumps({"status": status})
        kubectl("patch", "pod", name, "-n", namespace, "--subresource=status", "--type=merge", f"-p={patch}")
        assert seen(stack, cause)
        with pytest.raises(InitFailedError, match="timed out waiting to be Ready") as caught:
            running.result(timeout=60)
    assert any(f"[Pod {namespace}/{name}]: container 'c'" in reason for reason in caught.value.reasons)
    assert any(cause in reason for reason in caught.value.reasons)


def test_a_quota_that_lets_no_pod_in_is_told(stack: Any, namespace: str) -> None:
    quota = {"spec": {"hard": {"pods": "0"}, "scopes": ["BestEffort"]}}
    stack.up("kubernetes:core/v1:ResourceQuota", "none", quota)
    with pytest.raises(InitFailedError) as caught:
        stack.up(DEPLOYMENT, "refused", deployment(), REAL, annotations=short())
    assert any("exceeded quota: none" in reason for reason in caught.value.reasons)
    assert seen(stack, "exceeded quota: none")
    assert namespace


def definition(group: str, plural: str) -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "schema": FORM}
    names = {"plural": plural, "kind": "Thing"}
    return {"spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}}


def test_a_definition_is_awaited_and_one_whose_names_are_taken_says_so(stack: Any) -> None:
    group = f"kprov-{uuid4().hex[:8]}.example"
    first, inputs, outputs = stack.up(CRD, f"things.{group}", definition(group, "things"))
    states = {c["type"]: c["status"] for c in outputs["status"]["conditions"]}
    assert (states["NamesAccepted"], states["Established"]) == ("True", "True")
    with pytest.raises(InitFailedError, match="timed out") as caught:
        stack.up(CRD, f"others.{group}", definition(group, "others"), REAL, annotations=short(3))
    assert any("Thing" in reason and "already in use" in reason for reason in caught.value.reasons)
    stack.provider.delete(type(first)("urn:o", "o", CRD, caught.value.id), {}, caught.value.outputs, REAL)
    stack.provider.delete(first, inputs, outputs, REAL)


def test_a_namespace_that_cannot_go_names_what_is_left_in_it(stack: Any, kubectl: Callable[..., Any]) -> None:
    name = f"kprov-{uuid4().hex[:8]}"
    resource, inputs, outputs = stack.up(NAMESPACE, name, {})
    holding = {"namespace": name, "finalizers": ["kprov.example/held"]}
    stack.up(CM, "held", {"data": {}}, REAL, **holding)
    with pytest.raises(ProviderError, match=r"timed out waiting to be deleted; .*configmaps\. has 1 resource"):
        stack.provider.delete(resource, inputs, outputs, CallOptions(timeout_s=8))
    assert seen(stack, "Waiting to be deleted: ")
    kubectl("patch", "configmap", "held", "-n", name, "--type=merge", '-p={"metadata":{"finalizers":null}}')
    stack.provider.delete(resource, inputs, outputs, REAL)
    assert stack.provider.read(resource, inputs, outputs).id == ""


def test_a_namespace_that_skips_waiting_is_left_to_go_by_itself(stack: Any, kubectl: Callable[..., Any]) -> None:
    name = f"kprov-{uuid4().hex[:8]}"
    resource, inputs, outputs = stack.up(NAMESPACE, name, {}, REAL, annotations={"pulumi.com/skipAwait": "true"})
    stack.up(CM, "held", {"data": {}}, REAL, namespace=name, finalizers=["kprov.example/held"])
    stack.provider.delete(resource, inputs, outputs, REAL)
    assert kubectl("get", "namespace", name)["status"]["phase"] == "Terminating"
    kubectl("patch", "configmap", "held", "-n", name, "--type=merge", '-p={"metadata":{"finalizers":null}}')


def test_a_field_of_another_tool_is_a_conflict_until_it_is_insisted_on(
    stack: Any, kubectl: Callable[..., Any], namespace: str
) -> None:
    resource, inputs, outputs = stack.up(CM, "shared", {"data": {"a": "1"}})
    outputs = stack.provider.update(resource, inputs, outputs, {**inputs, "data": {"a": "2"}}, REAL)
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared", "namespace": namespace}}
    theirs["data"] = {"a": "9"}
    kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=other", "-f", "-", stdin=theirs)
    news = {**inputs, "data": {"a": "3"}}
    with pytest.raises(InitFailedError) as caught:
        stack.provider.update(resource, inputs, outputs, news, REAL)
    assert '  .data.a is held by "other"' in caught.value.message
    assert "pulumi.com/patchForce" in caught.value.message
    assert kubectl("get", "configmap", "shared", "-n", namespace)["data"] == {"a": "9"}
    insisting = {**news, "metadata": {**news["metadata"], "annotations": {"pulumi.com/patchForce": "true"}}}
    assert stack.provider.update(resource, inputs, outputs, insisting, REAL)["data"] == {"a": "3"}


def test_a_wait_for_that_comes_true_later_ends_the_wait(
    stack: Any, kubectl: Callable[..., Any], namespace: str
) -> None:
    wanted = {"pulumi.com/waitFor": '["jsonpath={.metadata.labels.done}=yes", "jsonpath={.data.a}"]'}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(stack.up, CM, "later", {"data": {"a": "1"}}, REAL, annotations=wanted)
        assert seen(stack, "{.metadata.labels.done}=yes does not hold")
        kubectl("label", "configmap", "later", "-n", namespace, "done=yes")
        assert running.result(timeout=30)[2]["metadata"]["labels"] == {"done": "yes"}
