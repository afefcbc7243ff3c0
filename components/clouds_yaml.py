"""Does a clouds.yaml lead to this region of the register, and to nothing else? Answered before anything uses it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inventories.faults import Fault, OnshoreError
from inventories.yaml_source import nearest, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inventories.models import OpenStack, Region

_NAME: Final = "clouds.yaml"
_AUTH: Final = (
    "auth_url",
    "application_credential_id",
    "application_credential_secret",
    "username",
    "password",
    "project_name",
    "project_domain_name",
    "user_domain_name",
)
_CLOUD: Final = ("auth", "auth_type", "region_name", "cacert", "identity_api_version", "interface", "verify")
_APPLICATION: Final = ("application_credential_id", "application_credential_secret")
_USER: Final = ("username", "password")
_HARMLESS: Final[dict[str, tuple[Any, ...]]] = {
    "auth_type": ("password", "v3password", "v3applicationcredential"),
    "identity_api_version": (3, "3"),
    "interface": ("public",),
    "verify": (True,),
}


@dataclass(frozen=True, slots=True)
class CloudLogin:
    """A login to one region that was proven to be the register's; `authority` is the CA certificate as PEM.

    Either the application credential or the user is given, the other is empty.
    """

    authority: str
    application_credential_id: str = ""
    application_credential_secret: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    user_domain: str = ""


def cloud_login(content: str, region: Region, folder: Path | None = None) -> CloudLogin:
    """The login in a clouds.yaml, whose cloud bears the region's id; raises OnshoreError (`refused`) with all faults.

    `folder`: where the file stands, for a `cacert` that is a path; without it the certificate itself must stand there.
    """
    document = parse_yaml(content.encode(), _NAME)
    clouds = _mapping(_mapping(document.data).get("clouds"))
    offered = region.openstack
    cloud = _mapping(clouds.get(_named(clouds, region)))
    faults = [Fault(fault.where, fault.what, "", fault.why, fault.fix) for fault in document.faults]
    if offered is None or region.pulumi is None:
        faults.append(Fault(region.id, "not an OpenStack region of the register"))
    elif not cloud:
        fix = f"name the cloud by the region's id: clouds: {{{region.id}: …}}"
        what, got = "no cloud that is this region's, or several", ", ".join(map(str, clouds)) or "none"
        faults.append(Fault(f"{_NAME}:clouds", what, got, fix=fix))
    else:
        authority = _authority(cloud.get("cacert"), folder)
        faults += _faults(cloud, region, offered, authority)
        if not faults:
            return _login(cloud, authority)
    raise OnshoreError(f"this clouds.yaml is not the way to {region.id}", faults, refused=True)


def _named(clouds: Mapping[str, Any], region: Region) -> str:
    """The name of the region's cloud: its id, else that of the only one, or of the only one that says its place."""
    if region.id in clouds or len(clouds) == 1 or region.pulumi is None or region.openstack is None:
        return region.id if region.id in clouds else next(iter(clouds), "")
    place = (region.pulumi.endpoint, region.pulumi.region, region.openstack.project)
    found = []
    for name, cloud in clouds.items():
        auth = _mapping(_mapping(cloud).get("auth"))
        said = (auth.get("auth_url"), _mapping(cloud).get("region_name"), auth.get("project_name"))
        found += [str(name)] if said == place else []
    return found[0] if len(found) == 1 else ""


def _login(cloud: Mapping[str, Any], authority: str) -> CloudLogin:
    auth = _mapping(cloud["auth"])
    if all(auth.get(key) for key in _APPLICATION):
        return CloudLogin(authority, *(str(auth[key]) for key in _APPLICATION))
    domain = str(auth.get("user_domain_name") or "Default")
    return CloudLogin(authority, user=str(auth["username"]), password=str(auth["password"]), user_domain=domain)


def _faults(cloud: Mapping[str, Any], region: Region, offered: OpenStack, authority: str) -> Iterator[Fault]:
    where, auth = f"{_NAME}:clouds.{region.id}", _mapping(cloud.get("auth"))
    yield from _field_faults(where, cloud, auth)
    assert region.pulumi is not None  # noqa: S101 - an OpenStack region has one: the caller has looked
    says = {
        f"{where}.auth.auth_url": (str(auth.get("auth_url", "")).rstrip("/"), region.pulumi.endpoint),
        f"{where}.region_name": (cloud.get("region_name"), region.pulumi.region),
    }
    for key, allowed in (("project_name", offered.project), ("project_domain_name", offered.domain)):
        if auth.get(key) is not None:
            says[f"{where}.auth.{key}"] = (auth[key], allowed)
    for path, (got, allowed) in says.items():
        if got != allowed:
            why = f"the register says {allowed}; a name like {region.pulumi.region} is used by many providers"
            yield Fault(path, "not what the register says", str(got or "none"), why, "take this region's clouds.yaml")
    ways = [keys for keys in (_APPLICATION, _USER) if all(auth.get(key) for key in keys)]
    if len(ways) != 1:
        what = "no credentials" if not ways else "two kinds of credentials"
        fix = "give application_credential_id and application_credential_secret, or username and password"
        yield Fault(f"{where}.auth", what, fix=fix)
    yield from _authority_faults(f"{where}.cacert", region, offered, authority)


def _field_faults(where: str, cloud: Mapping[str, Any], auth: Mapping[str, Any]) -> Iterator[Fault]:
    for path, entry, known in ((where, cloud, _CLOUD), (f"{where}.auth", auth, _AUTH)):
        for name in entry:
            if name not in known:
                fix = f"remove it, or: {nearest(str(name), known)}"
                yield Fault(f"{path}.{name}", "not allowed here", why="it leads elsewhere, or nobody reads it", fix=fix)
    for name, lawful in _HARMLESS.items():
        if name in cloud and cloud[name] not in lawful:
            yield Fault(
                f"{where}.{name}", "a setting that weakens or changes the way", str(cloud[name]), fix="remove it"
            )


def _authority_faults(where: str, region: Region, offered: OpenStack, authority: str) -> Iterator[Fault]:
    digest = authority_digest(authority)
    if digest != offered.ca_sha256:
        got = f"sha256 {digest[:16]}…" if digest else "none that can be read, or not one certificate"
        why = f"the register says that {region.id} has the authority sha256 {offered.ca_sha256[:16]}…"
        fix = "take the authority of this region; if it was renewed, the register must say so first"
        yield Fault(where, "another certificate authority", got, why, fix)


def authority_digest(pem: str) -> str:
    """The sha256 of the DER of the one certificate in a PEM text; "" when there is not just one."""
    from cryptography import x509  # noqa: PLC0415 - heavy, and only a real login needs it
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - as above

    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return ""
    if len(certificates) != 1:
        return ""
    return hashlib.sha256(certificates[0].public_bytes(Encoding.DER)).hexdigest()


def _authority(written: Any, folder: Path | None) -> str:
    if not isinstance(written, str) or "-----BEGIN" in written or folder is None:
        return written if isinstance(written, str) else ""
    try:
        return (folder / Path(written)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
