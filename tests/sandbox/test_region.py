"""A sandbox region is real OpenStack to clients that are not ours, and it comes back after whatever happened to it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
import urllib3
import yaml
from minio import Minio
from minio.error import S3Error

from inventories import load_register
from sandbox import RegionInfo, SandboxError, region_down, region_status, region_up
from sandbox._processes import running
from sandbox.region._database import OWNER
from tests.region import ABROAD, EXAMPLE, IN_COUNTRY, connect, role_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
WITHIN_S = 240


def up_again(info: RegionInfo) -> RegionInfo:
    return region_up(info.name, home=info.clouds.parents[1], role=role_of(), progress=lambda _: None)


def ports(info: RegionInfo) -> list[int]:
    return list(yaml.safe_load((info.clouds.parent / "region.json").read_text())["ports"].values())


def listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def killed_at(line: str, name: str, home: Path, plays: str) -> None:
    """Begin an up in a process of its own, and kill that at the moment at which it says a line."""
    asked = f"{name!r}, home=Path({str(home)!r}), role=role_of({plays!r})"
    text = f"region_up({asked}, progress=lambda said: print(said, flush=True))"
    code = f"from pathlib import Path\nfrom sandbox import region_up\nfrom tests.region import role_of\n{text}\n"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT) as up:
        said = next((told for told in up.stdout or () if told.startswith(line)), None)
        up.kill()
    assert said is not None, f"it never said: {line}"


@pytest.fixture(scope="module")
def cloud(region: RegionInfo) -> Iterator[Any]:
    with connect(region) as client:
        yield client


@pytest.fixture
def undo(cloud: Any) -> Iterator[Callable[[Callable[[], Any]], None]]:
    """What a test made goes, last first; what is gone already stays so."""
    from openstack.exceptions import NotFoundException

    del cloud
    steps: list[Callable[[], Any]] = []
    yield steps.append
    for step in reversed(steps):
        try:
            step()
        except NotFoundException:
            continue


def test_it_offers_what_the_register_says(region: RegionInfo, cloud: Any) -> None:
    laid = load_register(EXAMPLE, [region.overlay]).region(IN_COUNTRY)[1]
    assert laid.fictional
    assert laid.openstack
    assert laid.pulumi
    assert (laid.pulumi.endpoint, laid.openstack.ca_sha256) == (region.auth_url, region.ca_sha256)
    assert {zone.name for zone in laid.openstack.zones} == {zone.name for zone in cloud.compute.availability_zones()}
    assert {zone.name for zone in laid.openstack.zones} == {z.name for z in cloud.block_storage.availability_zones()}
    offered = {f.name: (f.vcpus, f.ram, f.disk) for f in cloud.compute.flavors()}
    assert offered == {f.name: (f.vcpu, f.memory_mib, f.disk_gib) for f in laid.openstack.flavors}
    images = {image.name: f"{image.hash_algo}:{image.hash_value}" for image in cloud.image.images()}
    assert images == {image.name: image.digest for image in laid.openstack.images}
    external = {network.name for network in cloud.network.networks(is_router_external=True)}
    assert external == {network.name for network in laid.openstack.external_networks}
    assert laid.openstack.object_store
    store = cloud.object_store.get_endpoint()
    assert store.startswith(f"{laid.openstack.object_store.endpoint}/")


def test_every_endpoint_speaks_tls_under_the_authority_that_the_register_pins(region: RegionInfo, cloud: Any) -> None:
    der = ssl.PEM_cert_to_DER_cert(region.ca_certificate.read_text())
    assert hashlib.sha256(der).hexdigest() == region.ca_sha256
    catalogue = cloud.session.auth.get_access(cloud.session).service_catalog.catalog
    urls = [endpoint["url"] for service in catalogue for endpoint in service["endpoints"]]
    assert len({urlsplit(url).port for url in urls}) == 7
    assert {(urlsplit(url).scheme, urlsplit(url).hostname) for url in urls} == {("https", "127.0.0.1")}
    for port in {urlsplit(url).port for url in urls}:
        context = ssl.create_default_context(cafile=str(region.ca_certificate))
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            context.wrap_socket(plain, server_hostname="127.0.0.1").close()
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain, pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")


def test_what_it_writes_is_readable_by_nobody_else(region: RegionInfo) -> None:
    assert stat.S_IMODE(region.clouds.stat().st_mode) == 0o600
    assert stat.S_IMODE(region.clouds.parent.stat().st_mode) == 0o700
    clouds = yaml.safe_load(region.clouds.read_text())["clouds"]
    assert set(clouds) == {"tests", "tests-admin"}
    assert clouds["tests"]["auth"]["password"] not in region.overlay.read_text()


def test_who_deploys_is_no_administrator(cloud: Any) -> None:
    from openstack.exceptions import ForbiddenException

    with pytest.raises(ForbiddenException):
        list(cloud.identity.projects())
    with pytest.raises(ForbiddenException):
        cloud.compute.create_flavor(name="own", ram=1, vcpus=1, disk=1)


def test_a_machine_on_an_encrypted_volume_lives_and_dies(cloud: Any, undo: Callable[..., None]) -> None:
    network, compute, disks = cloud.network, cloud.compute, cloud.block_storage
    net = network.create_network(name="lives")
    undo(lambda: network.delete_network(net, ignore_missing=False))
    subnet = network.create_subnet(network_id=net.id, ip_version=4, cidr="10.7.0.0/24")
    group = network.create_security_group(name="lives")
    undo(lambda: network.delete_security_group(group, ignore_missing=False))
    rule = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    network.create_security_group_rule(security_group_id=group.id, remote_ip_prefix="10.0.0.0/8", **rule)
    port = network.create_port(network_id=net.id, security_groups=[group.id])
    undo(lambda: network.delete_port(port, ignore_missing=False))
    (external,) = network.networks(is_router_external=True)
    router = network.create_router(name="lives", external_gateway_info={"network_id": external.id})
    undo(lambda: network.delete_router(router, ignore_missing=False))
    network.add_interface_to_router(router, subnet=subnet.id)
    undo(lambda: network.remove_interface_from_router(router, subnet=subnet.id))
    image = cloud.image.find_image("debian-12")
    volume = disks.create_volume(size=1, volume_type="encrypted", image_id=image.id, availability_zone="khi-b")
    undo(lambda: disks.delete_volume(volume, ignore_missing=False))
    volume = disks.wait_for_status(volume, "available", ["error"], 0.5, WITHIN_S)
    assert (volume.is_encrypted, volume.is_bootable, volume.availability_zone) == (True, True, "khi-b")
    boot = {"boot_index": 0, "uuid": volume.id, "source_type": "volume", "destination_type": "volume"}
    server = compute.create_server(
        name="lives",
        flavor_id=compute.find_flavor("gp.small").id,
        availability_zone="khi-b",
        networks=[{"port": port.id}],
        block_device_mapping=[boot],
    )
    undo(lambda: compute.wait_for_delete(server, interval=0.5, wait=WITHIN_S))
    undo(lambda: compute.delete_server(server, ignore_missing=False))
    server = compute.wait_for_server(server, interval=0.5, wait=WITHIN_S)
    assert (server.status, server.availability_zone) == ("ACTIVE", "khi-b")
    assert [each["addr"] for each in server.addresses["lives"]] == [port.fixed_ips[0]["ip_address"]]
    floating = network.create_ip(floating_network_id=external.id, port_id=port.id)
    undo(lambda: network.delete_ip(floating, ignore_missing=False))
    assert floating.fixed_ip_address == port.fixed_ips[0]["ip_address"]
    assert disks.get_volume(volume.id).status == "in-use"


def test_it_refuses_what_the_real_thing_refuses(cloud: Any, undo: Callable[..., None]) -> None:
    from openstack.exceptions import BadRequestException, ConflictException

    network = cloud.network
    net = network.create_network(name="refuses")
    undo(lambda: network.delete_network(net, ignore_missing=False))
    network.create_subnet(network_id=net.id, ip_version=4, cidr="10.8.0.0/24")
    with pytest.raises(BadRequestException, match="overlap"):
        network.create_subnet(network_id=net.id, ip_version=4, cidr="10.8.0.0/25")
    group = network.create_security_group(name="refuses")
    undo(lambda: network.delete_security_group(group, ignore_missing=False))
    rule = {"security_group_id": group.id, "direction": "ingress", "protocol": "udp"}
    network.create_security_group_rule(**rule)
    with pytest.raises(ConflictException):
        network.create_security_group_rule(**rule)


def test_objects_come_back_as_they_were_put(cloud: Any, undo: Callable[..., None]) -> None:
    store = cloud.object_store
    store.create_container("box")
    undo(lambda: store.delete_container("box", ignore_missing=False))
    store.upload_object("box", "thing", data=b"\x00whole\xff")
    undo(lambda: store.delete_object("thing", container="box", ignore_missing=False))
    assert store.download_object("thing", container="box") == b"\x00whole\xff"
    assert "thing" in {each.name for each in store.objects("box")}


def test_the_object_store_speaks_s3_to_a_client_of_somebody_else(
    region: RegionInfo, cloud: Any, undo: Callable[..., None]
) -> None:
    identity = f"{region.auth_url}/users/{cloud.current_user_id}/credentials/OS-EC2"
    given = cloud.session.post(identity, json={"tenant_id": cloud.current_project_id}).json()["credential"]
    undo(lambda: cloud.session.delete(f"{identity}/{given['access']}"))
    authority = urllib3.PoolManager(ca_certs=str(region.ca_certificate))
    endpoint = urlsplit(cloud.object_store.get_endpoint()).netloc
    named = {"region": region.region_name, "http_client": authority}
    store = Minio(endpoint, access_key=given["access"], secret_key=given["secret"], **named)
    store.make_bucket("bucket")
    undo(lambda: store.remove_bucket("bucket"))
    store.put_object("bucket", "a/thing", io.BytesIO(b"\x00whole\xff"), 7)
    undo(lambda: store.remove_object("bucket", "a/thing"))
    assert store.get_object("bucket", "a/thing").data == b"\x00whole\xff"
    assert [each.object_name for each in store.list_objects("bucket", recursive=True)] == ["a/thing"]
    stranger = Minio(endpoint, access_key=given["access"], secret_key=given["secret"][::-1], **named)
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        list(stranger.list_objects("bucket"))


def test_up_of_a_running_region_changes_nothing(region: RegionInfo) -> None:
    files = [region.clouds, region.overlay]
    before = [file.read_bytes() for file in files]
    assert up_again(region) == region
    assert [file.read_bytes() for file in files] == before


def test_a_killed_service_is_told_and_comes_back_with_its_machines_and_address(
    region: RegionInfo, cloud: Any, undo: Callable[..., None]
) -> None:
    flavor, image = cloud.compute.find_flavor("gp.small"), cloud.image.find_image("debian-12")
    disk = {"boot_index": 0, "uuid": image.id, "source_type": "image", "destination_type": "volume", "volume_size": 1}
    server = cloud.compute.create_server(
        name="stays",
        flavor_id=flavor.id,
        networks="none",
        block_device_mapping=[disk | {"delete_on_termination": True}],
    )
    undo(lambda: cloud.compute.wait_for_delete(server, interval=0.5, wait=WITHIN_S))
    undo(lambda: cloud.compute.delete_server(server, ignore_missing=False))
    cloud.compute.wait_for_server(server, interval=0.5, wait=WITHIN_S)
    for component in ("nova", "postgresql"):
        os.kill(region.pids[component], signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):  # where an earlier run started it
            os.waitpid(region.pids[component], 0)
    (told,) = [one for one in region_status(home=region.clouds.parents[1]) if one.name == region.name]
    assert (told.ready, told.problem) == (False, "postgresql, nova does not run")
    again = up_again(region)
    assert again.ready
    assert (again.auth_url, again.ca_sha256) == (region.auth_url, region.ca_sha256)
    assert {name: again.pids[name] for name in ("keystone", "swift")} == {
        name: region.pids[name] for name in ("keystone", "swift")
    }
    cloud.compute.stop_server(server)
    cloud.compute.wait_for_server(cloud.compute.get_server(server.id), "SHUTOFF", interval=0.5, wait=WITHIN_S)


def test_its_disks_are_of_use_however_long_ago_their_services_were_heard_of(
    region: RegionInfo, cloud: Any, undo: Callable[..., None]
) -> None:
    state = json.loads((region.clouds.parent / "region.json").read_text())
    secrets = json.loads((region.clouds.parent / "store" / "secrets.json").read_text())
    asked = {"host": "127.0.0.1", "port": state["ports"]["postgresql"], "password": secrets["database"]}
    with psycopg.connect(dbname="cinder", user=OWNER, **asked) as database:
        database.execute("update services set updated_at = updated_at - interval '30 days'")
    for zone in cloud.block_storage.availability_zones():
        volume = cloud.block_storage.create_volume(size=1, name="late", availability_zone=zone.name)
        undo(lambda volume=volume: cloud.block_storage.delete_volume(volume, ignore_missing=False))
        assert cloud.block_storage.wait_for_status(volume, "available", ["error"], 0.5, WITHIN_S)


def test_down_leaves_no_process_and_no_port_and_up_finds_everything_again(region: RegionInfo, cloud: Any) -> None:
    cloud.object_store.create_container("kept")
    home = region.clouds.parents[1]
    region_down(region.name, home=home)
    assert running(region.clouds.parent) == []
    assert [port for port in ports(region) if listening(port)] == []
    assert _speaking_of(region.clouds.parent) == []
    region_down(region.name, home=home)
    killed_at("starting the sandbox region", region.name, home, IN_COUNTRY)
    again = up_again(region)
    assert (again.ready, again.auth_url, again.ca_sha256) == (True, region.auth_url, region.ca_sha256)
    with connect(again) as client:
        assert "kept" in {each.name for each in client.object_store.containers()}
        client.object_store.delete_container("kept", ignore_missing=False)


def test_a_region_abroad_stands_beside_it(region: RegionInfo) -> None:
    home = region.clouds.parents[1]
    try:
        killed_at("filling region abroad", "abroad", home, ABROAD)
        other = region_up("abroad", home=home, role=role_of(ABROAD), progress=lambda _: None)
        assert other.auth_url != region.auth_url
        assert other.ca_sha256 != region.ca_sha256
        register = load_register(EXAMPLE, [region.overlay, other.overlay])
        found = [register.region_at("openstack", "RegionOne", each.auth_url) for each in (region, other)]
        assert [each[1].id if each else None for each in found] == [IN_COUNTRY, ABROAD]
        with connect(other) as client:
            assert [zone.name for zone in client.compute.availability_zones()] == ["xa-a"]
            assert {one.name for one in client.image.images()} == set(role_of(ABROAD).images)
    finally:
        region_down("abroad", home=home)


def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    for name in ("", "../up", "A", "-a"):
        with pytest.raises(SandboxError, match="cannot be called"):
            region_up(name, home=tmp_path, role=role_of(), progress=lambda _: None)


def _speaking_of(directory: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in line and int(entry.name) != os.getpid():
            found.append(line.decode())
    return found
