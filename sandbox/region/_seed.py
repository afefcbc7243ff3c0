"""What a region has when it is new: a project with its user and quota, flavors, images, zones, disks, networks.

Everything is made when it is not there, so a run after a killed one completes what that one began. The register says
what a region offers; its images' contents are ours, the same bytes for the same name everywhere.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from sandbox.region._identity import connect, ensure_project, ensure_user
from sandbox.region._layout import auth_url
from sandbox.region._settings import PHYSICAL_NETWORK, compute_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sandbox.region.regions import RegionRole

_IMAGE_BYTES: Final = 64 * 1024
_QUOTA: Final = {
    "compute": {"instances": 100, "cores": 200, "ram": 512 * 1024, "server_groups": 50, "server_group_members": 50},
    "network": {"networks": 50, "subnets": 50, "ports": 500, "security_groups": 100, "security_group_rules": 1000},
    "volume": {"volumes": 200, "gigabytes": 20_000, "snapshots": 100},
}


def image_content(name: str) -> bytes:
    """The bytes of an image: nothing that boots, but the same for the same name everywhere."""
    seed = f"onshore sandbox image {name}\n".encode()
    return (seed * (_IMAGE_BYTES // len(seed) + 1))[:_IMAGE_BYTES]


def image_digest(name: str) -> str:
    """The digest of an image as Glance keeps it."""
    return f"sha512:{hashlib.sha512(image_content(name)).hexdigest()}"


def seed(
    ports: Mapping[str, int],
    authority: Path,
    admin_password: str,
    role: RegionRole,
    user: tuple[str, str],
) -> None:
    """Make what is missing of what `role` says the region offers; `user`: name and password of who deploys."""
    with connect(auth_url(ports), authority, "admin", admin_password, "admin", role.region_name) as cloud:
        project = _project(cloud.identity, role.project, *user)
        _quota(cloud, project)
        _zones(cloud.compute, role.zones)
        _flavors(cloud.compute, role)
        _images(cloud.image, role.images)
        _volume_types(cloud.block_storage, role)
        _external_networks(cloud.network, role.external_networks)


def _project(identity: Any, name: str, user_name: str, password: str) -> Any:
    project = ensure_project(identity, name)
    user = ensure_user(identity, user_name, password, project)
    roles = {role.name: role for role in identity.roles()}
    identity.assign_project_role_to_user(project, user, roles["member"])
    return project


def _quota(cloud: Any, project: Any) -> None:
    cloud.set_compute_quotas(project.id, **_QUOTA["compute"])
    cloud.set_network_quotas(project.id, **_QUOTA["network"])
    cloud.set_volume_quotas(project.id, **_QUOTA["volume"])


def _zones(compute: Any, zones: Iterable[str]) -> None:
    known = {each.name: each for each in compute.aggregates()}
    for number, zone in enumerate(zones, 1):
        found = known.get(zone) or compute.create_aggregate(name=zone, availability_zone=zone)
        if compute_host(number) not in (found.hosts or []):
            compute.add_host_to_aggregate(found.id, compute_host(number))


def _flavors(compute: Any, role: RegionRole) -> None:
    known = {each.name for each in compute.flavors(get_extra_specs=False)}
    for flavor in role.flavors:
        if flavor.name not in known:
            compute.create_flavor(
                name=flavor.name, vcpus=flavor.vcpu, ram=flavor.memory_mib, disk=flavor.disk_gib, is_public=True
            )


def _images(image: Any, names: Iterable[str]) -> None:
    known = {each.name: each for each in image.images(visibility="public")}
    for name in names:
        found = known.get(name)
        if found is not None and found.status == "active":
            continue
        if found is not None:  # its upload was cut off
            image.delete_image(found.id)
        form = {"disk_format": "raw", "container_format": "bare", "visibility": "public", "min_disk": 1}
        image.create_image(name=name, data=image_content(name), wait=True, **form)


def _volume_types(block_storage: Any, role: RegionRole) -> None:
    known = {each.name: each for each in block_storage.types()}
    for name in (*role.encrypted_volume_types, *role.plain_volume_types):
        found = known.get(name) or block_storage.create_type(name=name, is_public=True)
        if name in role.encrypted_volume_types:
            encryption = block_storage.get_type_encryption(found.id)
            if not encryption.provider:
                block_storage.create_type_encryption(
                    found, provider="luks", cipher="aes-xts-plain64", key_size=256, control_location="front-end"
                )


def _external_networks(network: Any, names: Iterable[str]) -> None:
    known = {each.name: each for each in network.networks(**{"router:external": True})}
    for number, name in enumerate(names, 1):
        found = known.get(name) or network.create_network(
            name=name,
            **{
                "router:external": True,
                "provider:network_type": "flat",
                "provider:physical_network": PHYSICAL_NETWORK.format(number=number),
            },
        )
        if not found.subnet_ids:
            # documentation addresses: nobody's, and nothing leads there
            third = ("203.0.113", "198.51.100", "192.0.2")[(number - 1) % 3]
            network.create_subnet(
                network_id=found.id, name=name, ip_version=4, cidr=f"{third}.0/24", enable_dhcp=False
            )
