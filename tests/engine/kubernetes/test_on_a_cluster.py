"""The provider against a real API server: a resource's whole life, refusals, waiting, ownership."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from engine.provider import CallOptions, InitFailedError, ProviderError, ResourceId
from engine.providers.kubernetes import cluster as cluster_module
from engine.providers.kubernetes.client import Client
from engine.values import UNKNOWN, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.cluster
PREVIEW, REAL = CallOptions(preview=True), CallOptions()


CM, DEPLOYMENT = "kubernetes:core/v1:ConfigMap", "kubernetes:apps/v1:Deployment"


def deployment(replicas: int = 1, **pod: Any) -> dict[str, Any]:
    labels = {"app": "web"}
    spec = {"containers": [{"name": "c", "image": "registry.example/web:1"}], **pod}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {"spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}}


def test_a_config_map_lives_and_dies(stack: Any, kubectl: Callable[..., Any], namespace: str) -> None:
    resource, inputs, outputs = stack.up(CM, "life", {"data": {"a": Secret("1")}})
    assert resource.id == f"{namespace}/life"
    assert outputs["data"] == {"a": Secret("1")}
    assert not stack.provider.diff(resource, inputs, outputs, inputs, ()).changes

    news = {**inputs, "data": {"a": "2", "b": "x"}}
    assert stack.provider.diff(resource, inputs, outputs, news, ()).changes
    pretended = stack.provider.update(resource, inputs, outputs, news, PREVIEW)
    assert pretended["data"]["a"] == "2"
    assert kubectl("get", "configmap", "life", "-n", namespace)["data"] == {"a": "1"}
    updated = stack.provider.update(resource, inputs, outputs, news, REAL)
    live = kubectl("get", "configmap", "life", "-n", namespace, "--show-managed-fields")
    assert live["data"] == {"a": "2", "b": "x"}
    assert [entry["manager"] for entry in live["metadata"]["managedFields"]] == [updated["__fieldManager"]]
    assert updated["__fieldManager"] == outputs["__fieldManager"]
    dropped = stack.provider.update(resource, news, updated, {**inputs, "data": {"a": "2"}}, REAL)
    assert dropped["data"] == {"a": "2"}

    read = stack.provider.read(resource, inputs, updated)
    assert read.inputs == {**inputs, "data": Secret({"a": "2"})} or read.inputs == {
        **inputs,
        "data": {"a": Secret("2")},
    }
    stack.provider.delete(resource, inputs, updated, REAL)
    assert kubectl("get", "configmap", "-n", namespace, "--field-selector=metadata.name=life")["items"] == []
    stack.provider.delete(resource, inputs, updated, REAL)
    assert stack.provider.read(resource, inputs, updated).id == ""


def test_a_preview_pretends_where_it_can(stack: Any, kubectl: Callable[..., Any], namespace: str) -> None:
    resource, _, outputs = stack.up(CM, "pretended", {"data": {"a": "1"}}, PREVIEW)
    assert resource.id == ""
    assert outputs["metadata"]["uid"]
    assert "status" not in stack.up(DEPLOYMENT, "pretended", deployment(), PREVIEW)[2]
    assert kubectl("get", "configmap", "-n", namespace, "--field-selector=metadata.name=pretended")["items"] == []


@pytest.mark.parametrize(
    ("token", "fields", "metadata"),
    [
        (CM, {"data": {"a": "1"}}, {"namespace": "kprov-not-there"}),
        (CM, {"data": {"a": UNKNOWN}}, {}),
        ("kubernetes:kprov.example/v1:Thing", {"spec": {"a": 1}}, {}),
    ],
)
def test_a_preview_that_cannot_pretend_gives_the_inputs_back(
    stack: Any, token: str, fields: Any, metadata: Any
) -> None:
    _, inputs, outputs = stack.up(token, "unseen", fields, PREVIEW, **metadata)
    assert outputs == inputs


def test_a_preview_asks_only_once_for_a_namespace_that_is_not_there(
    stack: Any, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    request = Client.request

    def counting(client: Client, method: str, path: str, *args: Any, **more: Any) -> Any:
        asked.append(f"{method} {path}")
        return request(client, method, path, *args, **more)

    monkeypatch.setattr(Client, "request", counting)
    for name in ("one", "two"):
        _, inputs, outputs = stack.up(CM, name, {"data": {}}, PREVIEW, namespace="kprov-nowhere")
        assert outputs == inputs
    assert asked == ["POST /api/v1/namespaces/kprov-nowhere/configmaps"]
    assert stack.up(CM, "three", {"data": {}}, PREVIEW, namespace=namespace)[2]["metadata"]["uid"]
    monkeypatch.setattr(cluster_module, "_RETRY_DELAYS_S", ())
    with pytest.raises(ProviderError, match="kprov-nowhere"):
        stack.up(CM, "four", {"data": {}}, REAL, namespace="kprov-nowhere")


def test_what_the_server_refuses_fails_in_its_words(stack: Any, namespace: str) -> None:
    for options in (PREVIEW, REAL):
        with pytest.raises(ProviderError, match=r'was not successfully created.*"Not_Valid" is invalid') as caught:
            stack.up(CM, "Not_Valid", {"data": {}}, options)
        assert not isinstance(caught.value, InitFailedError)
    stack.up(CM, "taken", {"data": {}})
    with pytest.raises(ProviderError, match=r"already exists(?s:.*)upsertExistingObjects"):
        stack.up(CM, "taken", {"data": {}})
    assert stack.up(CM, "taken", {"data": {}}, PREVIEW)[2]["metadata"]["namespace"] == namespace


def test_a_secret_is_not_repeated_where_the_server_quotes_it(stack: Any) -> None:
    for options in (PREVIEW, REAL):
        with pytest.raises(ProviderError, match=r"Invalid value: \"\[secret\]\"") as caught:
            stack.up(CM, "quoted", {"data": {}}, options, labels={"app": Secret("not a label!")})
        assert "not a label!" not in str(caught.value)
    resource, inputs, outputs = stack.up(CM, "quoted", {"data": {}})
    news = {**inputs, "metadata": {**inputs["metadata"], "labels": {"app": Secret("not a label!")}}}
    with pytest.raises(InitFailedError, match=r"\[secret\]") as partial:
        stack.provider.update(resource, inputs, outputs, news, REAL)
    assert "not a label!" not in "".join(partial.value.reasons)


def test_existing_objects_are_taken_over_where_the_provider_says_so(cluster: Any, namespace: str, stack: Any) -> None:
    stack.up(CM, "upserted", {"data": {"a": "1"}})
    upserting = type(stack)(str(cluster.kubeconfig), namespace, upsertExistingObjects=True, enablePatchForce=True)
    assert upserting.up(CM, "upserted", {"data": {"a": "2"}})[2]["data"] == {"a": "2"}
    upserting.provider.close()


def test_a_refused_update_is_partial_with_the_live_object_and_the_new_inputs(stack: Any) -> None:
    resource, inputs, outputs = stack.up(CM, "partial", {"data": {"a": "1"}})
    news = {**inputs, "metadata": {**inputs["metadata"], "labels": {"app": "not valid!"}}, "data": {"a": "2"}}
    with pytest.raises(InitFailedError, match=r"failed to fully initialize or become live") as caught:
        stack.provider.update(resource, inputs, outputs, news, REAL)
    failed = caught.value
    assert failed.id == resource.id
    assert failed.reasons == (failed.message,)
    assert failed.outputs["data"] == {"a": "1"}
    assert failed.outputs["__inputs"] == news


def test_drift_by_kubectl_conflicts_in_a_preview_and_is_put_back_in_earnest(
    stack: Any, kubectl: Callable[..., Any], namespace: str
) -> None:
    resource, inputs, outputs = stack.up(CM, "drift", {"data": {"a": "1"}})
    outputs = stack.provider.update(resource, inputs, outputs, {**inputs, "data": {"a": "2"}}, REAL)
    inputs = {**inputs, "data": {"a": "2"}}
    kubectl("patch", "configmap", "drift", "-n", namespace, "--type=merge", '-p={"data":{"a":"other","extra":"x"}}')
    read = stack.provider.read(resource, inputs, outputs)
    assert read.inputs is not None
    assert read.inputs["data"] == {"a": "other"}
    assert read.outputs["data"] == {"a": "other", "extra": "x"}
    with pytest.raises(InitFailedError, match=r'field manager "pulumi-kubernetes-.*conflict with "kubectl-patch"'):
        stack.provider.update(resource, read.inputs, read.outputs, inputs, PREVIEW)
    assert stack.provider.update(resource, read.inputs, read.outputs, inputs, REAL)["data"] == {"a": "2"}


def test_an_ignored_field_of_another_owner_stays_theirs(
    stack: Any, kubectl: Callable[..., Any], namespace: str
) -> None:
    resource, inputs, outputs = stack.up(CM, "ignored", {"data": {"a": "1", "b": "1"}})
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ignored", "namespace": namespace}}
    kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=other",
        "-f",
        "-",
        stdin={**theirs, "data": {"a": "9"}},
    )
    news = {**inputs, "data": {"a": "1", "b": "2"}}
    updated = stack.provider.update(resource, inputs, outputs, news, CallOptions(ignore_changes=("data.a",)))
    assert updated["data"] == {"a": "9", "b": "2"}


def test_an_import_describes_the_object_and_an_absent_one_is_gone(
    stack: Any, kubectl: Callable[..., Any], namespace: str
) -> None:
    kubectl("create", "configmap", "foreign", "-n", namespace, "--from-literal=a=1")
    found = stack.provider.read(ResourceId("urn:f", "f", CM, f"{namespace}/foreign"), {}, {})
    assert found.inputs == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "foreign", "namespace": namespace},
        "data": {"a": "1"},
    }
    assert found.outputs["__inputs"] == found.inputs
    assert stack.provider.read(ResourceId("urn:f", "f", CM, f"{namespace}/absent"), {}, {}).id == ""


def test_a_deployment_is_awaited_rolled_out_and_deleted(
    stack: Any, kubectl: Callable[..., Any], namespace: str
) -> None:
    resource, inputs, outputs = stack.up(DEPLOYMENT, "web", deployment(2, hostNetwork=False))
    assert outputs["status"]["readyReplicas"] == 2
    assert not stack.provider.diff(resource, inputs, outputs, inputs, ()).changes
    service = {"spec": {"selector": {"app": "web"}, "ports": [{"port": 80.0, "targetPort": "http"}]}}
    assert stack.up("kubernetes:core/v1:Service", "web", service)[2]["spec"]["clusterIP"]
    changed = deployment(2, containers=[{"name": "c", "image": "registry.example/web:2"}])
    news = {**inputs, **changed}
    assert not stack.provider.diff(resource, inputs, outputs, news, ()).replaces
    rolled = stack.provider.update(resource, inputs, outputs, news, REAL)
    assert rolled["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    stack.provider.delete(resource, news, rolled, REAL)
    assert kubectl("get", "replicasets", "-n", namespace, "-l", "app=web")["items"] == []
    assert all(ephemeral for _, _, ephemeral in stack.said)


def test_a_stuck_deployment_fails_with_what_holds_it(stack: Any) -> None:
    with pytest.raises(InitFailedError, match=r"'stuck' timed out waiting to be Ready") as caught:
        stack.up(
            DEPLOYMENT, "stuck", deployment(nodeSelector={"no": "such"}), annotations={"pulumi.com/timeoutSeconds": "4"}
        )
    text = "\n".join(caught.value.reasons)
    assert "Minimum number of live Pods was not attained" in text
    assert "nodes are available" in text
    assert caught.value.outputs["__inputs"]["kind"] == "Deployment"
    assert any("nodes are available" in message for _, message, ephemeral in stack.said if ephemeral)
    name = caught.value.id.partition("/")[2]
    with pytest.raises(InitFailedError, match=r"'stuck'.*failed to initialize"):
        stack.provider.read(
            ResourceId("urn:stuck", name, DEPLOYMENT, caught.value.id),
            caught.value.outputs["__inputs"],
            caught.value.outputs,
        )


def test_cancelling_ends_a_wait_at_once(stack: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(stack.up, DEPLOYMENT, "endless", deployment(nodeSelector={"no": "such"}))
        waiting = threading.Event()
        for _ in range(200):
            if stack.said or waiting.wait(0.05):
                break
        assert stack.said
        began = time.monotonic()
        stack.provider.cancel()
        with pytest.raises(InitFailedError, match=r'was cancelled for "endless"'):
            running.result(timeout=10)
        assert time.monotonic() - began < 5


def test_many_waits_share_one_watch(stack: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: stack.up("kubernetes:core/v1:Pod", f"pod-{n}", {"spec": POD}), range(8)))
    assert all(outputs["status"]["phase"] == "Running" for _, _, outputs in made)
    threads = [t.name for t in threading.enumerate() if t.name.startswith("watch pods")]
    assert len(threads) == 1


POD = {"containers": [{"name": "c", "image": "registry.example/web:1"}], "restartPolicy": "Always"}


def test_skipping_and_choosing_what_to_wait_for(stack: Any) -> None:
    never = {**POD, "nodeSelector": {"no": "such"}}
    skip = {"pulumi.com/skipAwait": "true"}
    stack.up("kubernetes:core/v1:Pod", "skipped", {"spec": never}, annotations=skip)
    chosen = {"pulumi.com/waitFor": "jsonpath={.status.phase}=Pending"}
    stack.up("kubernetes:core/v1:Pod", "pending", {"spec": never}, annotations=chosen)
    odd = ResourceId("urn:odd", "odd", "kubernetes:core/v1:Pod")
    news = {"apiVersion": "v1", "kind": "Pod", "metadata": {"annotations": {"pulumi.com/waitFor": "delete"}}}
    assert "not supported" in stack.provider.check(odd, None, news, b"seed").failures[0].reason


def test_a_custom_resource_may_follow_its_definition_at_once(stack: Any) -> None:
    group = f"kprov-{uuid4().hex[:8]}.example"
    schema = {"openAPIV3Schema": {"type": "object", "x_kubernetes_preserve_unknown_fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [version],
    }
    crd = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
    definition, crd_inputs, crd_outputs = stack.up(crd, f"things.{group}", {"spec": spec})
    live_schema = crd_outputs["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert live_schema["x_kubernetes_preserve_unknown_fields"] is True
    thing, _, outputs = stack.up(f"kubernetes:{group}/v1:Thing", "first", {"spec": {"a": 1.0}})
    assert outputs["spec"] == {"a": 1}
    assert not stack.provider.diff(definition, crd_inputs, crd_outputs, crd_inputs, ()).changes
    replaced = stack.provider.update(
        definition,
        crd_inputs,
        crd_outputs,
        {**crd_inputs, "metadata": {**crd_inputs["metadata"], "labels": {"a": "b"}}},
        REAL,
    )
    assert replaced["metadata"]["labels"] == {"a": "b"}
    stack.provider.delete(definition, crd_inputs, crd_outputs, REAL)
    stack.provider.delete(thing, {}, outputs, REAL)


def test_a_namespace_that_comes_late_is_waited_for(stack: Any, kubectl: Callable[..., Any]) -> None:
    late = f"kprov-{uuid4().hex[:8]}"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(stack.up, CM, "early", {"data": {}}, REAL, namespace=late)
        pause = threading.Event()
        for _ in range(200):
            if stack.said or pause.wait(0.05):
                break
        kubectl("create", "namespace", late)
        assert running.result(timeout=30)[0].id == f"{late}/early"
    assert "trying again" in stack.said[0][1]
    kubectl("delete", "namespace", late, "--wait=false")


def test_a_patch_resource_changes_fields_and_gives_them_back(
    stack: Any, kubectl: Callable[..., Any], namespace: str
) -> None:
    stack.up(CM, "patched", {"data": {"a": "1"}})
    patch = "kubernetes:core/v1:ConfigMapPatch"
    resource, inputs, outputs = stack.up(patch, "patched", {"data": {"b": "2"}})
    assert outputs["data"] == {"a": "1", "b": "2"}
    updated = stack.provider.update(resource, inputs, outputs, {**inputs, "data": {"b": "3"}}, REAL)
    assert updated["data"] == {"a": "1", "b": "3"}
    stack.provider.delete(resource, inputs, updated, REAL)
    assert kubectl("get", "configmap", "patched", "-n", namespace)["data"] == {"a": "1"}


def test_a_finalizer_that_holds_a_deletion_is_named(stack: Any, kubectl: Callable[..., Any], namespace: str) -> None:
    held = {"finalizers": ["kprov.example/held"]}
    resource, inputs, outputs = stack.up(CM, "held", {"data": {}}, **held)
    with pytest.raises(ProviderError, match=r"timed out waiting to be deleted; its finalizers: .*kprov.example/held"):
        stack.provider.delete(resource, inputs, outputs, CallOptions(timeout_s=1.5))
    kubectl("patch", "configmap", "held", "-n", namespace, "--type=merge", '-p={"metadata":{"finalizers":null}}')
    stack.provider.delete(resource, inputs, outputs, REAL)
    assert stack.provider.read(resource, inputs, outputs).id == ""
