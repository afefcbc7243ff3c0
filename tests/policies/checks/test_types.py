"""OPQ-001 and OPQ-002, two-way; and the classified kinds against the Kubernetes SDK."""

from __future__ import annotations

import re
from pathlib import Path

import pulumi_policy

from tests.policies.asking import DROP, UNKNOWN, Provider, Resource, World, deployment, edited, made, table

CLUSTER = Provider()
SDK = Path(pulumi_policy.__file__).parent.parent / "pulumi_kubernetes"
NOT_OBJECTS = {"helm.sh/v3", "helm.sh/v4", "kustomize/v2", "yaml/v2", "meta/v1"}
# The SDK has no lists of these; that the classification names them opens nothing.
NEVER_MADE = {"kubernetes:core/v1:BindingList", "kubernetes:resource.k8s.io/v1alpha3:ResourceSliceList"}


@table(
    {
        "a chart whose parts are seen": (Resource("kubernetes:helm.sh/v4:Chart", {"chart": "./chart"}, CLUSTER),),
        "files of the project": (Resource("kubernetes:yaml/v2:ConfigGroup", {"files": ["a.yaml"]}, CLUSTER),),
        "a component": (Resource("example:index:Thing", {"anything": 1}),),
        "a helm release": (Resource("kubernetes:helm.sh/v3:Release", {}, CLUSTER), "OPQ-001"),
        "a command": (Resource("command:local:Command", {}, Provider(type="pulumi:providers:command")), "OPQ-001"),
        "a provider of commands": (Resource("pulumi:providers:command", {}), "OPQ-001"),
        "a dynamic resource": (
            Resource("pulumi-python:dynamic:Resource", {}, Provider(type="pulumi:providers:pulumi-python")),
            "OPQ-001",
        ),
        "a chart from elsewhere": (
            Resource("kubernetes:helm.sh/v4:Chart", {"chart": "oci://registry.example/c"}, CLUSTER),
            "OPQ-001",
        ),
        "a repository for a chart": (
            Resource("kubernetes:helm.sh/v4:Chart", {"repositoryOpts": {"repo": "https://charts.example"}}, CLUSTER),
            "OPQ-001",
        ),
        "kustomize from elsewhere": (
            Resource("kubernetes:kustomize/v2:Directory", {"directory": "https://git.example/x//y"}, CLUSTER),
            "OPQ-001",
        ),
        "a file from elsewhere": (
            Resource("kubernetes:yaml/v2:ConfigFile", {"file": "https://files.example/a.yaml"}, CLUSTER),
            "OPQ-001",
        ),
        "a source not known yet": (Resource("kubernetes:yaml/v2:ConfigFile", {"file": UNKNOWN}, CLUSTER), "UNK-001"),
        "a list of sources not known yet": (
            Resource("kubernetes:yaml/v2:ConfigGroup", {"files": ["a", UNKNOWN]}, CLUSTER),
            "UNK-001",
        ),
    }
)
def test_opaque_steps(asked: Resource, refusing: set[str]) -> None:
    assert World().refused_by(asked) == refusing


@table(
    {
        "a kind of Kubernetes": (made("ConfigMap", "v1"),),
        "a custom kind nobody classified": (made("Widget", "widgets.example/v1"), "OPQ-002"),
        "a kind that does not exist": (made("Configmap", "v1"), "OPQ-002"),
        "another cloud": (
            Resource("example:index:Bucket", {}, Provider(type="pulumi:providers:example")),
            "OPQ-002",
        ),
        "another cloud's provider": (Resource("pulumi:providers:example", {}), "OPQ-002"),
        "a package of a long name": (
            Resource(f"{'x' * 300}:index:T", {}, Provider(type=f"pulumi:providers:{'x' * 300}")),
            "OPQ-002",
        ),
        "a package named like a path": (
            Resource("../sdk/aws:index:T", {}, Provider(type="pulumi:providers:../sdk/aws")),
            "OPQ-002",
        ),
        "a type without a package": (Resource("", {}, CLUSTER), "OPQ-002"),
        "another kind inside": (edited(made("ConfigMap", "v1"), "kind", to="Pod"), "OPQ-002"),
        "another version inside": (edited(deployment(), "apiVersion", to="batch/v1"), "OPQ-002"),
        "no kind inside": (edited(made("ConfigMap", "v1"), "kind", to=DROP), "OPQ-002"),
        "a number for a kind": (edited(made("ConfigMap", "v1"), "kind", to=1), "OPQ-002"),
        "another kind of list": (
            Resource("kubernetes:core/v1:ConfigMapList", {"apiVersion": "v1", "kind": "PodList", "items": []}, CLUSTER),
            "OPQ-002",
        ),
        "another kind in a list": (
            Resource(
                "kubernetes:core/v1:ConfigMapList",
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMapList",
                    "items": [{**made("ConfigMap", "v1").props, "kind": "Pod"}],
                },
                CLUSTER,
            ),
            "OPQ-002",
        ),
        "an unknown kind": (edited(made("ConfigMap", "v1"), "kind", to=UNKNOWN), "UNK-001"),
        "an unknown version": (edited(made("ConfigMap", "v1"), "apiVersion", to=UNKNOWN), "UNK-001"),
        "an unknown list": (
            Resource(
                "kubernetes:core/v1:ConfigMapList",
                {"apiVersion": "v1", "kind": "ConfigMapList", "items": UNKNOWN},
                CLUSTER,
            ),
            "UNK-001",
        ),
        "a list that is a mapping": (
            Resource(
                "kubernetes:core/v1:ConfigMapList", {"apiVersion": "v1", "kind": "ConfigMapList", "items": {}}, CLUSTER
            ),
            "UNK-001",
        ),
    }
)
def test_classified_types(asked: Resource, refusing: set[str]) -> None:
    assert World().refused_by(asked) == refusing


def test_every_kind_of_the_kubernetes_sdk_is_classified_and_no_other() -> None:
    named = re.compile(r"^ +'(kubernetes:([^:']+):[^']+)',$", re.MULTILINE)
    in_sdk = {
        token
        for path in SDK.rglob("*.py")
        for token, group in named.findall(path.read_text(encoding="utf-8"))
        if group not in NOT_OBJECTS
    }
    classified = {
        token for token, kind in World().facts.types.kinds.items() if not kind.api_version.startswith("gateway.")
    }
    assert len(in_sdk) > 500
    assert in_sdk - classified == set()
    assert classified - in_sdk == NEVER_MADE


@table(
    {
        "a program that is installed": ({},),
        "a program from elsewhere": ({"pluginDownloadURL": "https://plugins.example"}, "OPQ-001"),
        "a program from nobody knows where": ({"pluginDownloadURL": UNKNOWN}, "UNK-001"),
    }
)
def test_a_providers_program_is_not_fetched_from_elsewhere(asked: dict[str, str], refusing: set[str]) -> None:
    # The engine shows `__internal` in Remediate and takes it away before Analyze.
    world = World()
    provider = world.provider()
    inside = Resource(provider.type, {**provider.props, "__internal": asked}, name=provider.name)
    world.pack.Remediate(world.request(inside), None)
    assert world.refused_by(provider) == refusing
