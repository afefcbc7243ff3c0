"""A kubeconfig must lead to the register's cluster, securely and by itself."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from components.kubeconfig import check_kubeconfig, kubeconfig_faults
from inventories.faults import OnshoreError


@pytest.fixture
def cluster(settings):
    return settings.load_register().cluster("example-csp-alpha-khi-1")[1]


def changed(config: dict[str, Any], path: str, value: object) -> str:
    """The content with something set (or removed: None) at a dotted path."""
    config = copy.deepcopy(config)
    *before, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = config
    for part in before:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return yaml.safe_dump(config)


def test_the_clusters_own_kubeconfig_is_accepted(reached, cluster) -> None:
    assert kubeconfig_faults(yaml.safe_dump(reached.kubeconfig()), cluster) == []
    check_kubeconfig(changed(reached.kubeconfig(), "clusters.0.cluster.insecure-skip-tls-verify", value=False), cluster)
    check_kubeconfig(changed(reached.kubeconfig(), "contexts.0.context.namespace", "x"), cluster)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("contexts", [], "contexts: 0 of them, not one"),
        ("contexts", [{"name": "c", "context": {}}, {"name": "d", "context": {}}], "contexts: 2 of them, not one"),
        ("clusters", None, "clusters: 0 of them"),
        ("users", [{"name": "u"}], "users: not a user"),
        ("current-context", "other", "not the name of its context"),
        ("contexts.0.context.cluster", "other", "not the name of its cluster"),
        ("contexts.0.context.user", "other", "not the name of its user"),
        ("clusters.0.cluster.server", "https://192.0.2.1:6443", "another server"),
        ("clusters.0.cluster.server", None, "another server"),
        ("clusters.0.cluster.certificate-authority-data", None, "another certificate authority"),
        ("clusters.0.cluster.certificate-authority-data", "bm90IGEgY2VydA==", "another certificate authority"),
        ("clusters.0.cluster.insecure-skip-tls-verify", True, "insecure-skip-tls-verify: not allowed"),
        ("clusters.0.cluster.tls-server-name", "x", "tls-server-name: not allowed"),
        ("clusters.0.cluster.proxy-url", "http://192.0.2.9", "proxy-url: not allowed"),
        ("clusters.0.cluster.certificate-authority", "/ca.pem", "certificate-authority: not allowed"),
        ("users.0.user.exec", {"command": "x"}, "exec: not allowed"),
        ("users.0.user.auth-provider", {"name": "x"}, "auth-provider: not allowed"),
        ("users.0.user.tokenFile", "/token", "tokenFile: not allowed"),
        ("users.0.user.client-certificate", "/c.pem", "client-certificate: not allowed"),
        ("users.0.user.client-key", "/k.pem", "client-key: not allowed"),
        ("users.0.user.as", "system:admin", "as: not allowed"),
        ("users.0.user.tokn", "x", "did you mean `token`?"),
    ],
)
def test_a_kubeconfig_that_leads_elsewhere_or_weakens_the_way_is_refused(reached, cluster, path, value, said) -> None:
    with pytest.raises(OnshoreError) as refused:
        check_kubeconfig(changed(reached.kubeconfig(), path, value), cluster)
    assert refused.value.refused
    assert said in str(refused.value)
    assert "a-secret-token" not in str(refused.value)


def test_a_bundle_of_two_authorities_is_refused(reached, cluster) -> None:
    pem = reached.authority.public_bytes(Encoding.PEM)
    content = changed(
        reached.kubeconfig(), "clusters.0.cluster.certificate-authority-data", base64.b64encode(pem + pem).decode()
    )
    assert [fault.what for fault in kubeconfig_faults(content, cluster)] == ["another certificate authority"]


def test_all_faults_are_told_at_once(reached, cluster) -> None:
    config = reached.kubeconfig()
    config["clusters"][0]["cluster"] |= {"server": "https://192.0.2.1", "insecure-skip-tls-verify": True}
    config["users"][0]["user"]["exec"] = {"command": "x"}
    assert len(kubeconfig_faults(yaml.safe_dump(config), cluster)) == 3


@pytest.mark.parametrize("content", ["", "/home/someone/.kube/config", "a: [", "token: 2020-99-99", "token: !x secret"])
def test_what_is_no_kubeconfig_is_refused_without_showing_it(cluster, content: str) -> None:
    found = kubeconfig_faults(content, cluster)
    assert found
    assert all("2020-99-99" not in str(fault) and "/home" not in str(fault) for fault in found)
