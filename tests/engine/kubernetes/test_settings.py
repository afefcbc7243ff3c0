"""Provider configuration and kubeconfigs: their meaning, refusals by name, and what makes another cluster (case 24)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.provider import ProviderError
from engine.providers.kubernetes.kubeconfig import cluster_access, read_kubeconfig
from engine.providers.kubernetes.settings import config_failures, diff_config, settings_of
from engine.values import UNKNOWN, Secret

if TYPE_CHECKING:
    from pathlib import Path


def kubeconfig(
    cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    return {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://api.example:6443", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
        **fields,
    }


TEXT = yaml.safe_dump(kubeconfig())
RENAMED = yaml.safe_dump(
    kubeconfig()
    | {"clusters": [{"name": "c2", "cluster": {"server": "https://api.example:6443"}}]}
    | {"contexts": [{"name": "here", "context": {"cluster": "c2"}}]}
)
OTHER = yaml.safe_dump(kubeconfig({"server": "https://other.example"}))


@pytest.mark.parametrize(
    ("olds", "news", "diffs", "replaces"),
    [
        ({"kubeconfig": TEXT}, {"kubeconfig": TEXT}, (), ()),
        ({"kubeconfig": TEXT}, {"kubeconfig": "# a comment\n" + TEXT}, ("kubeconfig",), ()),
        ({"kubeconfig": TEXT}, {"kubeconfig": RENAMED}, ("kubeconfig",), ()),
        ({"kubeconfig": TEXT}, {"kubeconfig": OTHER}, ("kubeconfig",), ("kubeconfig",)),
        ({"kubeconfig": Secret(TEXT)}, {"kubeconfig": OTHER}, ("kubeconfig",), ("kubeconfig",)),
        ({"kubeconfig": TEXT}, {"kubeconfig": TEXT, "namespace": "n"}, ("namespace",), ()),
        ({"kubeconfig": TEXT}, {"kubeconfig": TEXT, "clusterIdentifier": "a"}, ("clusterIdentifier",), ()),
        ({"clusterIdentifier": "a"}, {"clusterIdentifier": "b"}, ("clusterIdentifier",), ("clusterIdentifier",)),
        (
            {"kubeconfig": TEXT, "clusterIdentifier": "a"},
            {"kubeconfig": OTHER, "clusterIdentifier": "a"},
            ("kubeconfig",),
            (),
        ),
        ({"kubeconfig": TEXT}, {"kubeconfig": UNKNOWN}, ("kubeconfig",), ("kubeconfig",)),
    ],
)
def test_only_another_cluster_replaces_the_provider(
    olds: dict[str, Any], news: dict[str, Any], diffs: tuple[str, ...], replaces: tuple[str, ...]
) -> None:
    result = diff_config(olds, news)
    assert (result.changes, result.diffs, result.replaces) == (bool(diffs), diffs, replaces)


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("true", True), (False, False), ("false", False), (None, False)]
)
def test_flags_come_as_booleans_or_text(value: Any, expected: bool) -> None:
    assert settings_of({"enableConfigMapMutable": value}).config_map_mutable is expected


def test_flags_fall_back_to_the_environment_only_when_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")
    assert settings_of({}).patch_force
    assert not settings_of({"enablePatchForce": "false"}).patch_force
    assert settings_of({"kubeClientSettings": '{"timeout": 5}'}).timeout_s == 5.0


@pytest.mark.parametrize(
    ("news", "named"),
    [
        ({"renderYamlToDirectory": "out"}, "renderYamlToDirectory"),
        ({"enableServerSideApply": "false"}, "enableServerSideApply"),
        ({"strictMode": "true", "context": "c"}, "kubeconfig"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(news: dict[str, Any], named: str) -> None:
    assert [failure.property for failure in config_failures(news, default_provider=False)] == [named]
    assert config_failures({"kubeconfig": TEXT}, default_provider=True) == ()


def test_a_kubeconfig_is_content_path_or_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config").write_text(TEXT)
    for value in (TEXT, str(tmp_path / "config"), "~/config", kubeconfig()):
        document, folder = read_kubeconfig(value)
        access = cluster_access(document, folder)
        assert (access.server, access.namespace) == ("https://api.example:6443", "team")


def test_certificates_come_inline_or_from_files_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(b"CA")
    encoded = base64.b64encode(b"CERT").decode()
    document = kubeconfig({"certificate-authority": "ca.crt"}, {"client-certificate-data": encoded, "as": "other"})
    (tmp_path / "config").write_text(yaml.safe_dump(document))
    access = cluster_access(*read_kubeconfig(str(tmp_path / "config")))
    assert (access.authority, access.certificate) == (b"CA", b"CERT")
    assert access.impersonate == (("Impersonate-User", "other"),)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, "no kubeconfig"),
        (kubeconfig(**{"current-context": "gone"}), "no context 'gone'"),
        (kubeconfig(**{"current-context": ""}), "no current-context"),
        (kubeconfig(clusters=[]), "no cluster 'c'"),
        (kubeconfig(users=[]), "no user 'u'"),
        (kubeconfig({"server": "ftp://x"}), "http"),
        (kubeconfig({"proxy-url": "http://p", "x": 1}, {"auth-provider": {}}), "x is not supported.*auth-provider"),
        (kubeconfig({"certificate-authority": "no/such/file"}), "no/such/file"),
        (kubeconfig(user={"client-key-data": "x"}), "client-key-data is not base64"),
    ],
)
def test_a_faulty_kubeconfig_is_refused_with_its_fault(document: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match=told):
        cluster_access(document, tmp_path)


@pytest.mark.parametrize("text", ["a: [\n", "- a\n- b\n", "/no/such/kubeconfig"])
def test_an_unreadable_kubeconfig_is_refused(text: str) -> None:
    with pytest.raises(ProviderError, match="kubeconfig"):
        read_kubeconfig(text)


def test_no_credential_is_ever_shown() -> None:
    user = {"token": "t0p-secret", "password": "t0p-secret", "username": "u"}
    assert "t0p-secret" not in repr(cluster_access(*read_kubeconfig(kubeconfig(user=user))))
    with pytest.raises(ProviderError) as caught:
        read_kubeconfig("token: t0p-secret\nbroken: [\n")
    assert "t0p-secret" not in caught.value.message
