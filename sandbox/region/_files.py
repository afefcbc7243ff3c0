"""What a region writes for others: clouds.yaml, and its overlay of the register (pure: no I/O here)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from sandbox.region._layout import OBJECTS, RegionLayout, auth_url, base_url
from sandbox.region._seed import image_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.region.regions import RegionRole


def clouds(
    layout: RegionLayout, ports: Mapping[str, int], role: RegionRole, user: tuple[str, str], admin_password: str
) -> str:
    """clouds.yaml with two clouds: by the region's name who deploys, and `NAME-admin`."""
    name = layout.directory.name

    def cloud(user_name: str, password: str, project: str) -> dict[str, Any]:
        return {
            "auth": {
                "auth_url": auth_url(ports),
                "username": user_name,
                "password": password,
                "project_name": project,
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            "region_name": role.region_name,
            "cacert": str(layout.authority),
            "interface": "public",
            "identity_api_version": 3,
        }

    entries = {name: cloud(*user, role.project), f"{name}-admin": cloud("admin", admin_password, "admin")}
    return yaml.safe_dump({"clouds": entries}, sort_keys=False)


def overlay(name: str, ports: Mapping[str, int], role: RegionRole, ca_sha256: str) -> str:
    """The register overlay: which region of the register this one stands in for, fictional by its own word."""
    region = {
        "id": role.register_region_id,
        "auth_url": auth_url(ports),
        "ca_sha256": ca_sha256,
        "object_store": base_url(OBJECTS, ports),
        "images": [{"name": image, "digest": image_digest(image)} for image in role.images],
    }
    return yaml.safe_dump({"overlay": f"region-{name}", "fictional": True, "regions": [region]}, sort_keys=False)
