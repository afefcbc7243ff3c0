"""A session with a cloud: who asks, whom to trust, for how long a call may take. Nothing of the environment is used."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.provider import ProviderError

if TYPE_CHECKING:
    from keystoneauth1.identity import BaseIdentityPlugin
    from openstack.connection import Connection

    from engine.providers.openstack.settings import Settings

_TIMEOUT_S: Final = 60.0
_POOL_SIZE: Final = 64
_DEFAULT_DOMAIN: Final = "default"
_PEM: Final = "-----BEGIN"


class Session:
    """One connection through openstacksdk, and the files that its TLS needs while it lasts."""

    def __init__(self, settings: Settings) -> None:
        # heavy imports, needed only where a cloud is asked
        import requests  # noqa: PLC0415
        from keystoneauth1.session import Session as Keystone  # noqa: PLC0415
        from openstack.config.cloud_region import from_session  # noqa: PLC0415
        from openstack.connection import Connection  # noqa: PLC0415

        self._files: list[str] = []
        http = requests.Session()
        http.trust_env = False  # no proxy, no bundle of authorities, no .netrc
        for scheme in ("http://", "https://"):
            http.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=_POOL_SIZE, pool_block=False))
        verify: bool | str = not settings.insecure
        if settings.authority and not settings.insecure:
            verify = self._file(settings.authority, "cacertFile")
        certificate = None
        if settings.certificate:
            certificate = (self._file(settings.certificate, "cert"), self._file(settings.key, "key"))
        keystone = Keystone(
            auth=credential(settings),
            session=http,
            verify=verify,
            cert=certificate,
            timeout=_TIMEOUT_S,
            app_name="onshore-engine",
        )
        config: dict[str, Any] = {
            f"{name.replace('-', '_')}_endpoint_override": url for name, url in settings.endpoints.items()
        }
        if settings.interface:
            config["interface"] = settings.interface
        region = from_session(keystone, region_name=settings.region or None, **config)
        self.connection: Connection = Connection(config=region)
        self.keystone = keystone

    def _file(self, text: str, what: str) -> str:
        """The path of a file with PEM text; text that is a path already stands for itself."""
        if _PEM not in text:
            if not Path(text).is_file():
                raise ProviderError(f"{what} is neither PEM text nor a file: {text!r}")
            return text
        descriptor, path = tempfile.mkstemp(prefix="onshore-", suffix=".pem")  # readable by its owner only
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        self._files.append(path)
        return path

    def close(self) -> None:
        """Drop the connection and its files."""
        self.connection.close()
        for path in self._files:
            Path(path).unlink(missing_ok=True)


def credential(settings: Settings) -> BaseIdentityPlugin:
    """The identity plugin that the settings ask for; it renews its token where the credential can."""
    from keystoneauth1.identity import v3  # noqa: PLC0415 - as above

    url = settings.auth_url.rstrip("/")
    url = url if url.endswith("/v3") else f"{url}/v3"
    user_domain = _domain(settings, settings.user_domain_id, settings.user_domain_name)
    of_user: dict[str, Any] = {"user_id": settings.user_id}
    if not settings.user_id:
        of_user = {"username": settings.user_name, **_named("user_domain", user_domain)}
    if settings.credential_id or settings.credential_name:
        whose: dict[str, Any] = {"application_credential_id": settings.credential_id}
        if not settings.credential_id:
            whose = {"application_credential_name": settings.credential_name, **of_user}
        return v3.ApplicationCredential(url, settings.credential_secret, **whose)
    project: dict[str, Any] = {}
    if settings.project_id:
        project = {"project_id": settings.project_id}
    elif settings.project_name:
        domain = _domain(settings, settings.project_domain_id, settings.project_domain_name)
        project = {"project_name": settings.project_name} | _named("project_domain", domain)
    if settings.token:
        return v3.Token(url, settings.token, **project)
    return v3.Password(url, settings.password, **of_user, **project)


def _domain(settings: Settings, id_: str, name: str) -> tuple[str, str]:
    """(id, name) of a domain: its own, else the general one, else the cloud's default."""
    if id_ or name:
        return id_, name
    if settings.domain_id or settings.domain_name:
        return settings.domain_id, settings.domain_name
    return settings.default_domain or _DEFAULT_DOMAIN, ""


def _named(what: str, domain: tuple[str, str]) -> dict[str, str]:
    id_, name = domain
    return {f"{what}_id": id_} if id_ else {f"{what}_name": name}
