"""Who is who in a region: the services' own users, the catalogue of endpoints, and the project that deployments use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sandbox.region._layout import SERVICES, auth_url, endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TYPES: Final = {
    "keystone": "identity",
    "glance": "image",
    "placement": "placement",
    "nova": "compute",
    "neutron": "network",
    "cinder": "block-storage",
    "swift": "object-store",
}
_DOMAIN: Final = "default"


def connect(url: str, authority: Path, user: str, password: str, project: str, region_name: str = "") -> Any:
    """An OpenStack client that knows nothing but what it is given: no environment, no file."""
    from keystoneauth1.identity import v3  # noqa: PLC0415 - half a second that only a region costs
    from keystoneauth1.session import Session  # noqa: PLC0415 - as above
    from openstack.connection import Connection  # noqa: PLC0415 - as above

    login = v3.Password(
        auth_url=url,
        username=user,
        password=password,
        project_name=project,
        user_domain_id=_DOMAIN,
        project_domain_id=_DOMAIN,
    )
    # before there is a catalogue, keystone is where the token came from
    known: dict[str, Any] = {} if region_name else {"identity_endpoint_override": url}
    return Connection(session=Session(login, verify=str(authority)), region_name=region_name or None, **known)


def ensure_service_users(url: str, authority: Path, secrets: Mapping[str, str]) -> None:
    """The services' users, in a project of their own, and the services by name and type."""
    with connect(url, authority, "admin", secrets["admin"], "admin") as cloud:
        identity = cloud.identity
        project = ensure_project(identity, "service")
        roles = {role.name: role for role in identity.roles()}
        for name in SERVICES:
            _ensure_service(identity, name)
            if TYPES[name] == "identity":
                continue
            user = ensure_user(identity, name, secrets["service"], project)
            for role in ("admin", "service"):
                identity.assign_project_role_to_user(project, user, roles[role])


def ensure_catalogue(ports: Mapping[str, int], authority: Path, admin_password: str, region_name: str) -> None:
    """The region and where each of its services answers now."""
    with connect(auth_url(ports), authority, "admin", admin_password, "admin") as cloud:
        identity = cloud.identity
        if region_name not in {region.id for region in identity.regions()}:
            identity.create_region(id=region_name)
        services = {service.name: service.id for service in identity.services()}
        known = {(each.service_id, each.interface): each for each in identity.endpoints()}
        for name in SERVICES:
            for interface in ("public", "internal"):
                wanted = {"url": endpoint(name, ports), "region_id": region_name}
                found = known.get((services[name], interface))
                if found is None:
                    identity.create_endpoint(service_id=services[name], interface=interface, **wanted)
                elif (found.url, found.region_id) != (wanted["url"], wanted["region_id"]):
                    identity.update_endpoint(found.id, **wanted)


def ensure_project(identity: Any, name: str) -> Any:
    """A project of the default domain."""
    return identity.find_project(name, domain_id=_DOMAIN) or identity.create_project(name=name, domain_id=_DOMAIN)


def ensure_user(identity: Any, name: str, password: str, project: Any) -> Any:
    """A user whose password is the given one."""
    if found := identity.find_user(name, domain_id=_DOMAIN):
        return identity.update_user(found.id, password=password)
    made = {"name": name, "password": password, "domain_id": _DOMAIN, "default_project_id": project.id}
    return identity.create_user(**made)


def _ensure_service(identity: Any, name: str) -> None:
    if TYPES[name] not in {service.type for service in identity.services()}:
        identity.create_service(name=name, type=TYPES[name])
