"""Making things in a region: the engine's own OpenStack provider against plain openstacksdk, as many at once.

Each side makes a network with a subnet, and in it instances with a port, and a volume attached to each; then all of it
is deleted again, unmeasured. A preview is measured too: it asks the region nothing.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pulumi
import yaml

from engine.providers.openstack import OpenStackProvider
from engine.testing import Stack
from sandbox import region_down, region_up, shown_on
from tests.region import connect, role_of

if TYPE_CHECKING:
    from openstack.connection import Connection

    from sandbox import RegionInfo

ROOT = Path(__file__).parents[1]

INSTANCES = 50
AT_ONCE = 8
PREVIEWED = 1000


@dataclass(frozen=True, slots=True)
class Where:
    """A region to measure in: a provider's settings, the same as a connection, the flavor and image to take."""

    settings: dict[str, Any]
    connection: Connection
    flavor: str
    image: str


def rows(count: int = INSTANCES) -> list[tuple[str, str, str, str]]:
    """Rows of the table of whole runs, in a sandbox region that is stopped afterwards."""
    home = ROOT / ".onshore" / "bench" / "regions"
    with shown_on(sys.stderr) as progress:
        info = region_up("bench", home=home, role=role_of(), progress=progress)
    try:
        return measured(_where(info), count)
    finally:
        region_down("bench", home=home)


def _where(info: RegionInfo) -> Where:
    """The region with room for all of it, and a flavor that boots an image without a volume."""
    admin, connection = connect(info, admin=True), connect(info)
    project = connection.current_project_id
    compute = {"instances": -1, "cores": -1, "ram": -1, "force": True}
    admin.compute.put(f"/os-quota-sets/{project}", json={"quota_set": compute})
    admin.block_storage.put(f"/os-quota-sets/{project}", json={"quota_set": {"volumes": -1, "gigabytes": -1}})
    admin.network.put(f"/quotas/{project}", json={"quota": {"port": -1}})
    flavor = admin.compute.find_flavor("bench") or admin.compute.create_flavor(name="bench", ram=512, vcpus=1, disk=5)
    image = min(connection.image.images(), key=lambda each: each.min_disk)
    given = yaml.safe_load(info.clouds.read_text(encoding="utf-8"))["clouds"][info.name]
    settings = {
        "authUrl": given["auth"]["auth_url"],
        "region": given["region_name"],
        "userName": given["auth"]["username"],
        "password": given["auth"]["password"],
        "tenantName": given["auth"]["project_name"],
        "cacertFile": str(info.ca_certificate),
    }
    return Where(settings, connection, flavor.id, image.id)


def measured(where: Where, count: int) -> list[tuple[str, str, str, str]]:
    """The same in any region."""
    plain_s = _plain(where, count)
    ours_s, preview_s = _ours(where, count)
    what = f"up of {count} instances with ports and volumes, {AT_ONCE} at once, beside plain openstacksdk"
    return [
        (what, f"{ours_s:.1f} s", f"{plain_s:.1f} s", f"{ours_s / plain_s:.2f}"),
        (f"preview of {PREVIEWED} OpenStack resources", f"{preview_s:.2f} s", "", ""),
    ]


class _Resource(pulumi.CustomResource):
    def __init__(self, token: str, name: str, **inputs: Any) -> None:
        super().__init__(f"openstack:{token}", name, inputs)


def _program(where: Where, count: int) -> None:
    network = _Resource("networking/network:Network", "bench")
    subnet = _Resource("networking/subnet:Subnet", "bench", networkId=network.id, cidr="10.77.0.0/16")
    for at in range(count):
        port = _Resource(
            "networking/port:Port",
            f"p{at}",
            networkId=network.id,
            fixedIps=[{"subnetId": subnet.id}],
            noSecurityGroups=True,
        )
        volume = _Resource("blockstorage/volume:Volume", f"v{at}", size=1)
        networks = [{"port": port.id}]
        instance = _Resource(
            "compute/instance:Instance", f"i{at}", flavorId=where.flavor, imageId=where.image, networks=networks
        )
        _Resource("compute/volumeAttach:VolumeAttach", f"a{at}", instanceId=instance.id, volumeId=volume.id)


def _ours(where: Where, count: int) -> tuple[float, float]:
    with TemporaryDirectory() as folder:
        config = {f"openstack:{key}": value for key, value in where.settings.items()}
        stack = Stack(Path(folder), providers={"openstack": OpenStackProvider}, config=config)
        began = time.perf_counter()
        previewed = stack.preview(lambda: _program(where, PREVIEWED // 4))
        preview_s = time.perf_counter() - began
        assert previewed.ok, previewed.errors
        began = time.perf_counter()
        ran = stack.up(lambda: _program(where, count), parallel=AT_ONCE)
        took_s = time.perf_counter() - began
        gone = stack.destroy()
        assert ran.ok, ran.errors
        assert gone.ok, gone.errors
        return took_s, preview_s


def _plain(where: Where, count: int) -> float:
    cloud = where.connection
    began = time.perf_counter()
    network = cloud.network.create_network(name="bench-plain")
    subnet = cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.78.0.0/16")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = list(pool.map(lambda at: _one(where, network.id, subnet.id, at), range(count)))
        took_s = time.perf_counter() - began
        list(pool.map(lambda one: _forget(cloud, *one), made))
    cloud.network.delete_network(network)
    return took_s


def _one(where: Where, network: str, subnet: str, at: int) -> tuple[Any, Any, Any]:
    cloud, name = where.connection, f"bench-plain-{at}"
    fixed = [{"subnet_id": subnet}]
    port = cloud.network.create_port(network_id=network, name=name, fixed_ips=fixed, security_groups=[])
    volume = cloud.block_storage.create_volume(name=name, size=1)
    server = cloud.compute.create_server(
        name=name, flavor_id=where.flavor, image_id=where.image, networks=[{"port": port.id}]
    )
    cloud.block_storage.wait_for_status(volume, "available", ["error"], 1, 600)
    cloud.compute.wait_for_server(server, wait=600, interval=1)
    cloud.compute.create_volume_attachment(server, volume_id=volume.id)
    cloud.block_storage.wait_for_status(volume, "in-use", ["error"], 1, 600)
    return port, volume, server


def _forget(cloud: Connection, port: Any, volume: Any, server: Any) -> None:
    cloud.compute.delete_server(server)
    cloud.compute.wait_for_delete(server, interval=1, wait=600)
    cloud.block_storage.wait_for_status(volume, "available", ["error"], 1, 600)
    cloud.block_storage.delete_volume(volume)
    cloud.network.delete_port(port)


if __name__ == "__main__":
    for row in rows(int(sys.argv[1]) if sys.argv[1:] else INSTANCES):
        print(" | ".join(row))
