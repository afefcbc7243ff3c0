"""PIN-001, PIN-002 and PIN-003, two-way."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.policies.asking import (
    DROP,
    UNKNOWN,
    Provider,
    Resource,
    World,
    access,
    certificate,
    changed,
    made,
    secret,
    table,
    text,
)

CLUSTER = ("clusters", 0, "cluster")
USER = ("users", 0, "user")
CONTEXT = ("contexts", 0, "context")
WORLD = World()
LAWFUL = WORLD.kubeconfig()


def bent(*path: Any, to: Any) -> str:
    return text(changed(LAWFUL, *path, to=to))


CA = (*CLUSTER, "certificate-authority-data")
BOTH_CAS = base64.b64encode(certificate() + certificate("other-ca")).decode()

UNLAWFUL = {
    "another server": bent(*CLUSTER, "server", to="https://192.0.2.1:6443"),
    "another CA": text(access(WORLD.cluster.server, ca="other-ca")),
    "two CAs": bent(*CA, to=BOTH_CAS),
    "no CA": bent(*CA, to=DROP),
    "a CA that is no certificate": bent(*CA, to="bm9uZQ=="),
    "a CA that is no base64": bent(*CA, to="%%%"),
    "a CA by path": bent(*CLUSTER, "certificate-authority", to="/ca.pem"),
    "a plain server": bent(*CLUSTER, "server", to="http://example-cluster-1.example:6443"),
    "a server with a login": bent(*CLUSTER, "server", to="https://me:hidden@example-cluster-1.example:6443"),
    "a server that is a number": bent(*CLUSTER, "server", to=1),
    "unverified TLS": bent(*CLUSTER, "insecure-skip-tls-verify", to=True),
    "unverified TLS in words": bent(*CLUSTER, "insecure-skip-tls-verify", to="true"),
    "a proxy": bent(*CLUSTER, "proxy-url", to="http://192.0.2.1"),
    "another name in TLS": bent(*CLUSTER, "tls-server-name", to="x"),
    "an exec plugin": bent(*USER, "exec", to={"command": "sh"}),
    "an auth provider": bent(*USER, "auth-provider", to={"name": "x"}),
    "a token by path": bent(*USER, "tokenFile", to="/token"),
    "a client certificate by path": bent(*USER, "client-certificate", to="/c.pem"),
    "a client key by path": bent(*USER, "client-key", to="/k.pem"),
    "somebody else's name": bent(*USER, "as", to="system:admin"),
    "a password": bent(*USER, "password", to="hidden"),
    "two contexts": bent(
        "contexts", to=[*LAWFUL["contexts"], {"name": "b", "context": {"cluster": "one", "user": "me"}}]
    ),
    "two clusters": bent("clusters", to=[*LAWFUL["clusters"], {"name": "b", "cluster": {}}]),
    "two users": bent("users", to=[*LAWFUL["users"], {"name": "b", "user": {}}]),
    "no contexts": bent("contexts", to=DROP),
    "no current context": bent("current-context", to=DROP),
    "another current context": bent("current-context", to="there"),
    "a context to nowhere": bent(*CONTEXT, "cluster", to="two"),
    "a context for nobody": bent(*CONTEXT, "user", to="you"),
    "an entry with more in it": bent("users", 0, "exec", to={"command": "sh"}),
    "clusters that are text": bent("clusters", to="one"),
    "a field nobody knows": bent("plugins", to=[]),
    "a key twice": text(LAWFUL) + "current-context: here\n",
    "broken YAML": text(LAWFUL) + "x: [\n",
    "two documents": text(LAWFUL) + "---\nx: 1\n",
}


@pytest.mark.parametrize("kubeconfig", UNLAWFUL.values(), ids=UNLAWFUL)
def test_a_kubeconfig_that_weakens_or_misses_its_cluster_is_refused(kubeconfig: str) -> None:
    found = WORLD.analyze(WORLD.provider(Provider(kubeconfig=secret(kubeconfig))))
    assert {one.policyName for one in found} == {"PIN-002"}
    told = " ".join(one.message for one in found)
    assert "hidden" not in told
    assert "not-to-be-shown" not in told


@pytest.mark.parametrize(
    "kubeconfig",
    [
        text(LAWFUL),
        json.dumps(LAWFUL),
        bent("preferences", to={}),
        bent(*CLUSTER, "insecure-skip-tls-verify", to=False),
        bent(*CLUSTER, "server", to=LAWFUL["clusters"][0]["cluster"]["server"] + "/"),
        bent(*CONTEXT, "namespace", to="app"),
        bent(*USER, to={"client-certificate-data": "eA==", "client-key-data": "eA=="}),
    ],
)
def test_the_content_of_the_register_clusters_kubeconfig_passes(kubeconfig: str) -> None:
    for given in (kubeconfig, secret(kubeconfig)):
        provider = Provider(kubeconfig=given)
        assert WORLD.refused_by(WORLD.provider(provider)) == set()
        assert WORLD.refused_by(Resource(*_config_map(), provider)) == set()


@table(
    {
        "the switches off": ({"deleteUnreachable": "false", "skipUpdateUnreachable": False},),
        "the cluster's own name": ({"clusterIdentifier": WORLD.cluster.id},),
        "another cluster's name": ({"clusterIdentifier": "elsewhere"}, "PIN-002"),
        "a name that is no text": ({"clusterIdentifier": [WORLD.cluster.id]}, "PIN-002"),
        "a name that is not known yet": ({"clusterIdentifier": UNKNOWN}, "UNK-001"),
        "server-side apply": ({"enableServerSideApply": "true"},),
        "a path": ({"kubeconfig": "~/.kube/config"}, "PIN-003"),
        "nothing": ({"kubeconfig": ""}, "PIN-003"),
        "a number": ({"kubeconfig": 1}, "PIN-003"),
        "a mapping": ({"kubeconfig": LAWFUL}, "PIN-003"),
        "a context chosen beside": ({"context": "here"}, "PIN-003"),
        "a cluster chosen beside": ({"cluster": "one"}, "PIN-003"),
        "passing over what cannot be reached": ({"deleteUnreachable": "true"}, "PIN-003"),
        "skipping what cannot be reached": ({"skipUpdateUnreachable": True}, "PIN-003"),
        "an unknown kubeconfig": ({"kubeconfig": UNKNOWN}, "UNK-001"),
        "an unknown secret kubeconfig": ({"kubeconfig": secret(UNKNOWN)}, "UNK-001"),
        "an unknown context": ({"context": UNKNOWN}, "UNK-001"),
        "an unknown switch": ({"deleteUnreachable": UNKNOWN}, "UNK-001"),
    }
)
def test_a_provider_is_configured_by_content(asked: dict[str, Any], refusing: set[str]) -> None:
    assert WORLD.refused_by(WORLD.provider(Provider(more=asked))) == refusing


def test_a_provider_without_a_kubeconfig_is_refused() -> None:
    props = {"version": "4.34.2"}
    assert WORLD.refused_by(Resource("pulumi:providers:kubernetes", props, name="cluster")) == {"PIN-003"}


@table(
    {
        "a named provider": (Provider(),),
        "a default provider": (Provider(name="default_4_34_2"), "PIN-001"),
        "the bare default provider": (Provider(name="default"), "PIN-001"),
        "no provider": (None, "PIN-001"),
        "a provider of another package": (Provider(type="pulumi:providers:example"), "PIN-001"),
        "the engine's own provider": (Provider(type="pulumi:providers:pulumi", name="default"), "PIN-001"),
        "our components' provider": (Provider(type="pulumi:providers:onshore", name="default"), "PIN-001"),
        "a provider with nowhere lawful to go": (Provider(kubeconfig=UNLAWFUL["another server"]), "PIN-002"),
        "a provider by path": (Provider(kubeconfig="~/.kube/config"), "PIN-002"),
        "a provider that is not known yet": (Provider(kubeconfig=UNKNOWN), "UNK-001"),
    }
)
def test_a_resource_is_made_by_a_named_and_pinned_provider(asked: Provider | None, refusing: set[str]) -> None:
    assert WORLD.refused_by(Resource(*_config_map(), asked)) == refusing


@table(
    {
        "the engine's own": (Resource("pulumi:providers:pulumi", {}, name="default"),),
        "our components'": (Resource("pulumi:providers:onshore", {}, name="default_0_1_0"),),
        "a default one of Kubernetes": (
            Resource("pulumi:providers:kubernetes", {"kubeconfig": text(LAWFUL)}, name="default_4_34_2"),
            "PIN-001",
        ),
    }
)
def test_default_providers(asked: Resource, refusing: set[str]) -> None:
    assert WORLD.refused_by(asked) == refusing


def test_the_message_names_server_and_certificate_but_nothing_secret() -> None:
    (found,) = WORLD.analyze(WORLD.provider(Provider(kubeconfig=secret(UNLAWFUL["another server"]))))
    assert "server https://192.0.2.1:6443 with CA sha256" in found.message


def _config_map() -> tuple[str, Any]:
    resource = made("ConfigMap", "v1")
    return resource.type, resource.props


def test_a_default_provider_is_known_by_its_urn_whatever_its_name_says() -> None:
    asked = WORLD.request(Resource(*_config_map(), Provider(name="default_4_34_2")))
    asked.provider.name = "cluster"
    assert {one.policyName for one in WORLD.pack.Analyze(asked, None).diagnostics} == {"PIN-001"}
