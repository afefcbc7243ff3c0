"""The SSH host key of a machine that a region has just made, as its console tells it: OpenStack's API over pinned TLS.

cloud-init writes the keys to the console on first boot, between two lines of its own
(https://docs.cloud-init.io/en/latest/reference/modules.html, "Keys to Console" and "SSH").
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pydantic import ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from components.clouds_yaml import authority_digest
from inventories import patterns
from inventories.faults import Fault, OnshoreError
from inventories.models import Id, Record
from inventories.private_dir import private_dir, write_private
from playbooks.facts import Facts
from playbooks.inputs import form_faults
from playbooks.running import KIND
from playbooks.values import UNKNOWN, plain, unknown, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pulumi.provider.experimental.property_value import PropertyValue

    from inventories.models import Region
    from playbooks.applying import Call, Log
    from playbooks.running import Stopping
    from playbooks.values import Properties

_WITHIN_S: Final = 600.0
_LOOK_S: Final = 1.0
_TIMEOUT_S: Final = 60.0
_NOT_FOUND: Final = 404
_TOLD: Final = re.compile("-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
_BEST_FIRST: Final = ("ssh-ed25519", "ecdsa-", "ssh-rsa")


class Login(Record):
    """Who asks the region: an application credential, or a user."""

    model_config = ConfigDict(alias_generator=to_camel)

    authority: str
    application_credential_id: str = ""
    application_credential_secret: str = ""
    user: str = ""
    password: str = ""
    user_domain: str = ""


class HostKeyInputs(Record):
    """A machine by its id in a region of the register; `department` and `category` say whose data it is for."""

    model_config = ConfigDict(alias_generator=to_camel)

    department: Id
    category: str
    region: Id
    instance_id: str | None = None
    login: Login


_FIELDS: Final = tuple(field.alias or name for name, field in HostKeyInputs.model_fields.items())


class HostKeys:
    """Asks consoles for the engine's calls; raises OnshoreError where a machine does not tell its key."""

    def __init__(self, log: Log, stopping: Stopping) -> None:
        self._log = log
        self._stopping = stopping

    def check(self, news: Properties) -> list[Fault]:
        """Everything that stands against asking."""
        inputs, faults = _read(news)
        return [*faults, *(_region(inputs)[1] if inputs else [])]

    def foresee(self, call: Call) -> dict[str, PropertyValue]:
        """The key of a machine that is not made yet."""
        return {**call.inputs, "key": unknown()}

    def ask(self, call: Call) -> dict[str, PropertyValue]:
        """Wait until the console has told the key."""
        inputs, faults = _read(call.inputs)
        region, wrong = _region(inputs) if inputs else (None, [])
        if inputs is None or region is None or inputs.instance_id is None or faults or wrong:
            raise OnshoreError("no console was asked", [*faults, *wrong], refused=True)
        within_s = call.timeout_s or _WITHIN_S
        deadline = time.monotonic() + within_s
        with _connected(region, inputs.login) as compute:
            while not self._stopping.reason and time.monotonic() < deadline:
                if key := told_key(_console(compute, inputs.instance_id)):
                    return {**call.inputs, "key": wrapped(key)}
                self._log(
                    "info", "waiting for the machine to tell its host key on its console", call.urn, ephemeral=True
                )
                time.sleep(_LOOK_S)
        what = self._stopping.reason or f"its console told no host key within {within_s:g} s"
        why = "a machine is reached by a key that its region vouches for, or not at all"
        fix = "use an image with cloud-init, which writes host keys to the console on first boot; then run the up again"
        raise OnshoreError("the machine cannot be reached", [Fault(inputs.instance_id, what, "", why, fix)])


def told_key(console: str) -> str:
    """The host key that a console tells last, Ed25519's where there are several; empty when it tells none."""
    blocks = _TOLD.findall(console)
    lines = [" ".join(line.split()[:2]) for line in blocks[-1].splitlines()] if blocks else []
    keys = [line for line in lines if re.fullmatch(patterns.HOST_KEY, line)]
    return next((key for kind in _BEST_FIRST for key in keys if key.startswith(kind)), "")


def replaced(olds: Properties, news: Properties) -> list[str]:
    """The inputs by which it is another machine's key; who asks is none of them."""
    return [name for name in ("instanceId", "region") if plain(olds.get(name)) != plain(news.get(name))]


def _read(properties: Properties) -> tuple[HostKeyInputs | None, list[Fault]]:
    given = {name: plain(properties.get(name)) for name in _FIELDS}
    given = {name: value for name, value in given.items() if value is not UNKNOWN and value is not None}
    try:
        return HostKeyInputs.model_validate(given), []
    except ValidationError as error:
        return None, list(form_faults(error))


def _region(inputs: HostKeyInputs) -> tuple[Region | None, list[Fault]]:
    """The region, if the register has it and it shows the authority that the register pins."""
    found = Facts.load().law.register.region(inputs.region)
    region = found[1] if found else None
    if region is None or region.openstack is None or region.pulumi is None:
        return None, [Fault("region", "not an OpenStack region of the register", inputs.region)]
    if authority_digest(inputs.login.authority) != region.openstack.ca_sha256:
        return None, [
            Fault("login", f"another certificate authority than that of {region.id}", fix="take its clouds.yaml")
        ]
    return region, []


@contextmanager
def _connected(region: Region, login: Login) -> Iterator[Any]:
    """The region's compute API, asked by this login, under the region's own authority and no other."""
    import requests  # noqa: PLC0415 - heavy, and only who asks a region needs them
    from keystoneauth1.identity import v3  # noqa: PLC0415
    from keystoneauth1.session import Session  # noqa: PLC0415
    from openstack.connection import Connection  # noqa: PLC0415

    assert region.pulumi is not None  # noqa: S101 - `_region` has looked
    assert region.openstack is not None  # noqa: S101
    url = region.pulumi.endpoint
    auth: Any
    if login.application_credential_id:
        secret = login.application_credential_secret
        auth = v3.ApplicationCredential(url, secret, application_credential_id=login.application_credential_id)
    else:
        auth = v3.Password(
            url,
            username=login.user,
            password=login.password,
            user_domain_name=login.user_domain,
            project_name=region.openstack.project,
            project_domain_name=region.openstack.domain,
        )
    http = requests.Session()
    http.trust_env = False  # no proxy, no bundle of authorities, no .netrc
    with private_dir(KIND) as folder:
        write_private(folder / "authority.pem", login.authority)
        session = Session(auth, session=http, verify=str(folder / "authority.pem"), timeout=_TIMEOUT_S)
        connection = Connection(session=session, region_name=region.pulumi.region)
        try:
            yield connection.compute
        finally:
            connection.close()


def _console(compute: Any, instance: str) -> str:
    from keystoneauth1.exceptions import ClientException  # noqa: PLC0415 - as above
    from openstack.exceptions import SDKException  # noqa: PLC0415

    try:
        return str(compute.get_server_console_output(instance).get("output") or "")
    except (SDKException, ClientException) as error:
        if getattr(error, "http_status", None) == _NOT_FOUND:
            fault = Fault(instance, "the region has no such machine", fix="refresh, and run the up again")
            raise OnshoreError("the machine cannot be reached", [fault]) from error
        return ""  # not ready yet, or for a moment out of reach
