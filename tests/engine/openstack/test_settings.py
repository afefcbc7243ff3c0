"""The provider's configuration: everything is given, nothing is taken from the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.provider import ProviderError
from engine.providers.openstack.session import credential
from engine.providers.openstack.settings import config_failures, diff_config, settings_of
from engine.values import UNKNOWN, Secret
from tests.engine.openstack.conftest import Asked

if TYPE_CHECKING:
    from tests.engine.openstack.fake_cloud import FakeCloud

URL = {"authUrl": "https://identity.example.pk/v3"}
USER = {**URL, "userName": "u", "password": Secret("p"), "tenantName": "t"}

REFUSED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": ({}, {"authUrl", "userName"}),
    "an address that is none": ({**USER, "authUrl": "identity.example.pk"}, {"authUrl"}),
    "a user without a password": ({**URL, "userName": "u", "tenantName": "t"}, {"password"}),
    "a user without a project": ({**URL, "userName": "u", "password": "p"}, {"tenantName"}),
    "half a credential": ({**URL, "applicationCredentialId": "a"}, {"applicationCredentialSecret"}),
    "a credential of nobody": (
        {**URL, "applicationCredentialName": "a", "applicationCredentialSecret": "s"},
        {"applicationCredentialName"},
    ),
    "a clouds.yaml": ({**USER, "cloud": "mine"}, {"cloud"}),
    "Swift's own authentication": ({**USER, "swauth": "true"}, {"swauth"}),
    "half a certificate": ({**USER, "cert": "-----BEGIN"}, {"cert"}),
    "a word nobody knows": ({**USER, "tenant": "t"}, {"tenant"}),
    "tries that are no number": ({**USER, "maxRetries": "many"}, {"maxRetries"}),
}
LAWFUL: dict[str, dict[str, Any]] = {
    "a user": USER,
    "a user by id": {**URL, "userId": "u", "password": "p", "tenantId": "t"},
    "an application credential": {**URL, "applicationCredentialId": "a", "applicationCredentialSecret": "s"},
    "a token": {**URL, "token": "t"},
    "what is not known yet": {"authUrl": UNKNOWN, "token": UNKNOWN},
    "what the SDK sends of itself": {**USER, "cloud": "", "swauth": "false", "version": "5.5.3", "allowReauth": "true"},
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_configuration_that_cannot_be_is_refused_by_setting(case: str) -> None:
    given, wrong = REFUSED[case]
    assert {failure.property for failure in config_failures(given)} == wrong


@pytest.mark.parametrize("case", LAWFUL)
def test_one_that_can_be_is_not(case: str) -> None:
    assert config_failures(LAWFUL[case]) == ()


def test_the_environment_is_not_asked(fake: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("OS_CLOUD", "OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_REGION_NAME", "OS_PROJECT_NAME"):
        monkeypatch.setenv(key, "elsewhere")
    for key in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(key, "http://127.0.0.1:9")
    asked = Asked(fake.settings)
    resource, _, _ = asked.up("networking/network:Network", "net")
    assert resource.id in fake.objects["networks"]
    asked.provider.close()


def test_an_authority_is_text_or_a_file(fake: FakeCloud) -> None:
    asked = Asked({**fake.settings, "cacertFile": "/none/such.pem"})
    with pytest.raises(ProviderError, match="neither PEM text nor a file"):
        asked.up("networking/network:Network", "net")


def test_domains_are_their_own_then_the_general_then_the_default() -> None:
    def domains(**given: str) -> tuple[Any, Any]:
        plugin: Any = credential(settings_of({**USER, **given}))
        method = plugin.auth_methods[0]
        return method.user_domain_name or method.user_domain_id, plugin.project_domain_name or plugin.project_domain_id

    assert domains() == ("default", "default")
    assert domains(defaultDomain="d") == ("d", "d")
    assert domains(domainName="general") == ("general", "general")
    assert domains(domainName="general", userDomainName="theirs", projectDomainId="ours") == ("theirs", "ours")


def test_an_address_may_change_and_be_the_same_cloud() -> None:
    other = diff_config(USER, {**USER, "authUrl": "https://other.example.pk/v3"})
    assert (other.changes, other.diffs, other.replaces) == (True, ("authUrl",), ())
    assert diff_config(USER, USER).changes is False


def test_a_secret_is_in_no_text_of_the_settings() -> None:
    assert "pass-word" not in repr(settings_of({**USER, "password": "pass-word", "token": "pass-word"}))
