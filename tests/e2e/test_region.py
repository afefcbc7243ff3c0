"""A department's web tier in a cluster and its machine in a region, in one up, seen by OpenStack's own client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from inventories.hosts import ssh_arguments
from tests.region import IN_COUNTRY, connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox import RegionInfo
    from tests.project import Onshore

pytestmark = pytest.mark.cluster
STACK = "health-clinic-records"
SPACE = "health-example-clinic-records"


@pytest.fixture
def regional(onshore: Onshore, region: RegionInfo) -> Onshore:
    """A project whose register lists the tests' cluster and the tests' region."""
    clouds = onshore.root / ".onshore" / "clouds"
    clouds.mkdir()
    shutil.copy2(region.clouds, clouds / f"{IN_COUNTRY}.yaml")
    onshore.environment["ONSHORE_OVERLAYS"] += os.pathsep + str(region.overlay)
    return onshore


def changes(onshore: Onshore, *arguments: str) -> dict[str, int]:
    done = onshore(*arguments, "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    return {op: count for op, count in json.loads(done.stdout)["changeSummary"].items() if op != "same"}


def ours(found: Any) -> list[Any]:
    return [one for one in found if one.name.startswith(SPACE)]


def rules(group: Any) -> set[tuple[str, int | None, str | None]]:
    return {(one["direction"], one["port_range_max"], one["remote_ip_prefix"]) for one in group.security_group_rules}


def test_one_up_deploys_both_and_a_change_a_drift_and_a_destroy_find_both(
    regional: Onshore, region: RegionInfo, kubectl: Callable[..., Any]
) -> None:
    up = regional("up", STACK, "--yes")
    assert up.returncode == 0, up.stdout + up.stderr
    cloud = connect(region)
    (server,) = ours(cloud.compute.servers())
    assert (server.status, server.flavor["original_name"], server.availability_zone) == ("ACTIVE", "gp.medium", "khi-a")
    facts = {"data-category": "restricted", "department": "health-example"}
    assert facts.items() <= server.metadata.items()
    volumes = [cloud.block_storage.get_volume(one.id) for one in server.attached_volumes]
    assert {(one.size, one.volume_type, one.is_encrypted) for one in volumes} == {
        (20, "encrypted", True),
        (50, "encrypted", True),
    }
    (group,) = ours(cloud.network.security_groups())
    assert rules(group) == {("ingress", 5432, "10.20.0.0/16")}
    assert not list(cloud.network.ips())
    (container,) = ours(cloud.object_store.containers())
    assert cloud.object_store.get_container_metadata(container).read_ACL is None
    deployment = kubectl("get", "deployment", "clinic-records", "-n", SPACE)
    assert deployment["status"]["readyReplicas"] == 2
    ways = kubectl("get", "networkpolicy", "clinic-records-regions", "-n", SPACE)["spec"]["egress"]
    store = urlsplit(cloud.object_store.get_endpoint())
    assert [(way["to"][0]["ipBlock"]["cidr"], way["ports"][0]["port"]) for way in ways] == [
        ("10.60.0.0/24", 5432),
        (f"{store.hostname}/32", store.port),
    ]
    settings = kubectl("get", "configmaps", "-n", SPACE)["items"]
    told = next(one["data"] for one in settings if "web.DATABASE_HOST" in one.get("data", {}))
    (addresses,) = server.addresses.values()
    assert [one["addr"] for one in addresses] == [told["web.DATABASE_HOST"]]

    assert changes(regional, "preview", STACK, "--expect-no-changes") == {}

    score = regional.root / "stacks" / "workloads" / "clinic-records" / "score.yaml"
    text = score.read_text(encoding="utf-8").replace("memory: 4Gi", "memory: 8Gi")
    text = text.replace("data: 50Gi", "data: 60Gi").replace("[10.20.0.0/16]", "[10.20.0.0/16, 10.30.0.0/16]")
    score.write_text(text, encoding="utf-8")
    assert changes(regional, "up", STACK, "--yes") == {"create": 1, "update": 2}
    assert sorted(cloud.block_storage.get_volume(one.id).size for one in volumes) == [20, 60]
    assert cloud.compute.get_server(server.id).flavor["original_name"] == "gp.large"
    group = cloud.network.get_security_group(group.id)
    assert rules(group) == {("ingress", 5432, "10.20.0.0/16"), ("ingress", 5432, "10.30.0.0/16")}

    gone = next(one for one in group.security_group_rules if one["remote_ip_prefix"] == "10.30.0.0/16")
    cloud.network.delete_security_group_rule(gone["id"])
    assert changes(regional, "up", STACK, "--yes", "--refresh").get("create") == 1
    assert len(rules(cloud.network.get_security_group(group.id))) == 2

    down = regional("destroy", STACK, "--yes")
    assert down.returncode == 0, down.stdout + down.stderr
    assert not ours(cloud.compute.servers())
    assert not ours(cloud.network.networks())
    assert not ours(cloud.network.security_groups())
    assert not ours(cloud.object_store.containers())
    assert not [one for one in cloud.block_storage.volumes() if one.id in {each.id for each in volumes}]


def test_a_playbook_sets_the_machine_up_in_the_same_up(
    regional: Onshore, region: RegionInfo, possible_hosts: None
) -> None:
    del possible_hosts
    login = regional.root / "login"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", login], check=True, timeout=20)
    regional.environment["ONSHORE_SSH_KEY"] = str(login)
    task = {"name": "the records", "copy": {"dest": "/srv/records", "content": "salaam\n"}}
    regional.write("db/site.yml", json.dumps([{"hosts": "targets", "gather_facts": False, "tasks": [task]}]))
    score = regional.root / "stacks" / "workloads" / "clinic-records" / "score.yaml"
    said = f"playbook: db/site.yml\n      sshPublicKey: {login.with_suffix('.pub').read_text().strip()}\n"
    score.write_text(score.read_text().replace("ports: [5432]\n", f"ports: [22, 5432]\n      {said}"))
    up = regional("up", STACK, "--yes")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "health-example-clinic-records-records-0: changed: the records" in up.stdout
    assert changes(regional, "up", STACK, "--yes") == {}
    console = connect(region).compute.get_server_console_output(*ours(connect(region).compute.servers()))["output"]
    key = console.partition("-----BEGIN SSH HOST KEY KEYS-----\n")[2].splitlines()[0]
    known = regional.root / "known_hosts"
    known.write_text(f"10.60.0.10 {key}\n")
    ssh = ["ssh", *ssh_arguments(str(known)), "-i", login, "root@10.60.0.10", "cat /srv/records"]
    assert subprocess.run(ssh, capture_output=True, check=True, timeout=60).stdout == b"salaam\n"
    down = regional("destroy", STACK, "--yes")
    assert down.returncode == 0, down.stdout + down.stderr
    assert not ours(connect(region).compute.servers())


@pytest.mark.parametrize(("old", "new", "said"), [
    ("[10.20.0.0/16]", "[0.0.0.0/1, 128.0.0.0/1]", "open to the public (EXP-001)"),
    ("image: debian-12", "image: debian-11", "not an image that the register lists"),
    ("#cloud-config", "#cloud-config\n        password: hunter22", "looks like a secret"),
    ("versioned: true", "expireAfterDays: 30", "a wish that the store does not honour"),
])  # fmt: skip
def test_what_is_refused_makes_nothing(regional: Onshore, region: RegionInfo, old: str, new: str, said: str) -> None:
    score = regional.root / "stacks" / "workloads" / "clinic-records" / "score.yaml"
    text = score.read_text(encoding="utf-8")
    assert old in text
    score.write_text(text.replace(old, new), encoding="utf-8")
    done = regional("up", STACK, "--yes")
    assert done.returncode == 3, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert not ours(connect(region).network.networks())
