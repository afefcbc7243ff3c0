"""The provider's configuration: what its inputs mean, and which are refused. Pure.

Nothing is read from `OS_*` variables or a clouds.yaml: what is not given is missing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from engine.provider import CheckFailure, DiffResult, ProviderError
from engine.providers.openstack.plain import plain
from engine.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.values import PropertyMap

_TEXTS: Final = {
    "authUrl": "auth_url",
    "region": "region",
    "userName": "user_name",
    "userId": "user_id",
    "password": "password",
    "token": "token",
    "applicationCredentialId": "credential_id",
    "applicationCredentialName": "credential_name",
    "applicationCredentialSecret": "credential_secret",
    "tenantId": "project_id",
    "tenantName": "project_name",
    "userDomainId": "user_domain_id",
    "userDomainName": "user_domain_name",
    "projectDomainId": "project_domain_id",
    "projectDomainName": "project_domain_name",
    "domainId": "domain_id",
    "domainName": "domain_name",
    "defaultDomain": "default_domain",
    "cacertFile": "authority",
    "cert": "certificate",
    "key": "key",
    "endpointType": "interface",
}
# accepted and without effect: a session here renews its token always, and asks for it when it is needed
_IGNORED: Final = frozenset({"allowReauth", "delayedAuth", "disableNoCacheHeader", "enableLogging", "version"})
_REFUSED: Final = {
    "cloud": "a clouds.yaml is not read: give authUrl, the credential, region and cacertFile themselves"
    " (the SDK takes it from OS_CLOUD where that is set: unset it, or give cloud as empty text)",
    "swauth": "Swift's own authentication is not supported by this engine",
    "systemScope": "system scope is not supported by this engine: resources live in projects",
}
_OTHERS: Final = frozenset({"insecure", "maxRetries", "endpointOverrides"})
_RETRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration as given; "" is what was not."""

    auth_url: str = ""
    region: str = ""
    user_name: str = ""
    user_id: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    credential_id: str = ""
    credential_name: str = ""
    credential_secret: str = field(default="", repr=False)
    project_id: str = ""
    project_name: str = ""
    user_domain_id: str = ""
    user_domain_name: str = ""
    project_domain_id: str = ""
    project_domain_name: str = ""
    domain_id: str = ""
    domain_name: str = ""
    default_domain: str = ""
    authority: str = ""  # PEM text, or the path of a file of it
    certificate: str = ""
    key: str = field(default="", repr=False)
    interface: str = ""
    insecure: bool = False
    retries: int = _RETRIES
    endpoints: Mapping[str, str] = field(default_factory=dict)


def settings_of(inputs: PropertyMap) -> Settings:
    """The settings; checked inputs only."""
    given = plain(inputs)
    texts = {name: str(given[key]) for key, name in _TEXTS.items() if given.get(key) not in (None, UNKNOWN)}
    return Settings(
        **texts,
        insecure=given.get("insecure") in (True, "true"),
        retries=int(given.get("maxRetries") or _RETRIES),
        endpoints=_endpoints(given),
    )


def _endpoints(given: PropertyMap) -> dict[str, str]:
    overrides = given.get("endpointOverrides")
    if isinstance(overrides, str):  # the SDK sends maps of a provider's configuration as JSON
        try:
            overrides = json.loads(overrides)
        except ValueError:
            raise ProviderError("endpointOverrides is not a JSON map") from None
    return {str(key): str(value) for key, value in overrides.items()} if isinstance(overrides, dict) else {}


def config_failures(news: PropertyMap) -> tuple[CheckFailure, ...]:
    """Everything that is wrong with a configuration, or not supported here."""
    given = {key: value for key, value in plain(news).items() if value not in ("", None)}
    found = [
        CheckFailure(key, f"{key}: {why}")
        for key, why in _REFUSED.items()
        if given.get(key) not in (None, False, "false")
    ]
    known = {*_TEXTS, *_IGNORED, *_REFUSED, *_OTHERS}
    found += [CheckFailure(key, f"{key} is no setting of this provider") for key in given if key not in known]
    found += _address(given.get("authUrl"))
    found += _credential(given)
    retries = given.get("maxRetries")
    if retries not in (None, UNKNOWN) and not str(retries).isdigit():
        found.append(CheckFailure("maxRetries", f"maxRetries is a whole number, got {retries!r}"))
    if ("cert" in given) != ("key" in given):
        found.append(CheckFailure("cert", "cert and key are given together or not at all"))
    return tuple(found)


def _address(url: Any) -> list[CheckFailure]:
    if url is None:
        why = "authUrl is missing: the address of the cloud's identity service (OS_* variables are not read)"
        return [CheckFailure("authUrl", why)]
    if url is not UNKNOWN and (urlsplit(str(url)).scheme not in ("http", "https") or not urlsplit(str(url)).hostname):
        return [CheckFailure("authUrl", f"authUrl is an http or https address, got {url!r}")]
    return []


def _credential(given: PropertyMap) -> list[CheckFailure]:
    user = "userName" in given or "userId" in given
    project = "tenantId" in given or "tenantName" in given
    if "applicationCredentialId" in given or "applicationCredentialName" in given:
        found = []
        if "applicationCredentialSecret" not in given:
            why = "applicationCredentialSecret is missing beside the application credential"
            found.append(CheckFailure("applicationCredentialSecret", why))
        if "applicationCredentialId" not in given and not user:
            why = "an application credential by name needs userName or userId: a name is its user's"
            found.append(CheckFailure("applicationCredentialName", why))
        return found
    if "token" in given:
        return []
    if not user or "password" not in given:
        why = "no credential: give applicationCredentialId and -Secret, or userName and password, or token"
        return [CheckFailure("userName" if not user else "password", why)]
    if not project:
        why = "the project is missing: give tenantName or tenantId"
        return [CheckFailure("tenantName", why)]
    return []


def diff_config(olds: PropertyMap, news: PropertyMap) -> DiffResult:
    """What changed; never a replacement, as with the real provider: an address may change and be the same cloud."""
    old, new = plain(olds), plain(news)
    changed = tuple(sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)))
    return DiffResult(changes=bool(changed), diffs=changed)
