"""CRY-001 for storage in Kubernetes, two-way."""

from __future__ import annotations

from typing import Any

from tests.policies.asking import UNKNOWN, Resource, World, changed, deployment, made, pod_spec, table


def claim(name: Any, **more: Any) -> Resource:
    return made("PersistentVolumeClaim", "v1", spec={"storageClassName": name}, **more)


def stateful(*classes: Any) -> Resource:
    claims = [{"metadata": {"name": "data"}, "spec": {"storageClassName": name}} for name in classes]
    template = {"metadata": deployment().props["spec"]["template"]["metadata"], "spec": pod_spec()}
    return made("StatefulSet", "apps/v1", spec={"template": template, "volumeClaimTemplates": claims})


def ephemeral(spec: Any) -> Resource:
    return deployment("volumes", to=[{"name": "tmp", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}])


@table(
    {
        "an encrypted class": (claim("encrypted"),),
        "claims of a StatefulSet": (stateful("encrypted", "encrypted"),),
        "a StatefulSet without claims": (stateful(),),
        "a pod's own claim": (ephemeral({"storageClassName": "encrypted"}),),
        "another class": (claim("fast"), "CRY-001"),
        "the cluster's default class": (claim(None), "CRY-001"),
        "no class at all": (claim(""), "CRY-001"),
        "a class that is a list": (claim(["encrypted"]), "CRY-001"),
        "a class not known yet": (claim(UNKNOWN), "UNK-001"),
        "one claim of two": (stateful("encrypted", "fast"), "CRY-001"),
        "a claim of a StatefulSet not known yet": (stateful(UNKNOWN), "UNK-001"),
        "claims that are no list": (
            Resource(
                stateful().type,
                changed(stateful().props, "spec", "volumeClaimTemplates", to="all"),
                stateful().provider,
            ),
            "CRY-001",
        ),
        "a pod's own claim of another class": (ephemeral({"storageClassName": "fast"}), "CRY-001"),
        "a pod's own claim that says nothing": (ephemeral(None), "CRY-001"),
        "a class of the stack's own": (
            made("StorageClass", "storage.k8s.io/v1", provisioner="x"),
            "CRY-001",
            "CRY-003",
        ),
        "a volume of the stack's own": (made("PersistentVolume", "v1", spec={}), "CRY-001"),
    }
)
def test_storage_of_a_stack(asked: Resource, refusing: set[str]) -> None:
    assert World().refused_by(asked) == refusing


def test_open_data_may_lie_on_any_storage() -> None:
    for name in ("fast", None):
        assert World("open").refused_by(claim(name, category="open")) == set()


def test_stricter_data_in_an_open_stack_is_encrypted() -> None:
    assert "CRY-001" in World("open").refused_by(claim("fast", category="restricted"))
