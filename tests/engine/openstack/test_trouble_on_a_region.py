"""What goes wrong on a real OpenStack half-way, and what the next up makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.engine.openstack.conftest import settings_of
from tests.engine.openstack.programs import Resource, machine
from tests.region import connect

if TYPE_CHECKING:
    from engine.testing import Stack
    from sandbox import RegionInfo

ROOT = Path(__file__).parents[3]


def test_a_quota_that_ends_midway_is_said_and_the_next_up_makes_the_rest(
    here: Stack, region: RegionInfo, theirs: Any
) -> None:
    project = theirs.current_project_id
    own = [one.id for one in theirs.network.networks(project_id=project)]

    def program() -> None:
        for index in range(4):
            Resource("networking/network:Network", f"net-{index}")

    with connect(region, admin=True) as admin:
        before = admin.network.get_quota(project).networks
        admin.network.put(f"/quotas/{project}", json={"quota": {"network": len(own) + 2}})
        try:
            short = here.up(
                program, parallel=1
            )  # asked for at once, more are let through: neutron counts before it books
            made = {one.id for one in theirs.network.networks(project_id=project)} - set(own)
        finally:
            admin.network.put(f"/quotas/{project}", json={"quota": {"network": before}})
    assert not short.ok
    assert any("Quota exceeded for resources: ['network']" in error for error in short.errors), short.errors
    assert len(made) == 2
    again = here.up(program)
    assert again.ok, again.errors
    assert again.changes["same"] >= 2
    there = {one.id for one in theirs.network.networks(project_id=project)} - set(own)
    assert len(there) == 4
    assert made <= there


def test_a_machine_that_a_killed_up_made_is_taken_over_by_the_next(
    here: Stack, region: RegionInfo, theirs: Any
) -> None:
    wanted = booted(theirs)
    given = [str(here.folder), json.dumps(settings_of(region)), "/servers", json.dumps(wanted)]
    command = [sys.executable, "-m", "tests.engine.openstack.killed_up", *given]
    died = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=120)
    assert died.returncode == -9, died.stderr
    here.engine().cancel(here.name)
    (made,) = [one.id for one in theirs.compute.servers() if one.name.startswith("vm-")]
    again = here.up(lambda: machine(**wanted))
    assert again.ok, again.errors
    assert again.resource("vm").id == made
    assert [one.id for one in theirs.compute.servers() if one.name.startswith("vm-")] == [made]
    assert len([one for one in theirs.network.networks() if one.name.startswith("net-")]) == 1
    assert set(here.up().changes) == {"same"}


def test_a_second_port_is_attached_to_a_machine_that_runs_and_taken_off_again(here: Stack, theirs: Any) -> None:
    wanted = booted(theirs)

    def program(*, second: bool = True) -> None:
        nets = [Resource("networking/network:Network", f"net-{index}") for index in range(2)]
        for index, net in enumerate(nets):
            Resource("networking/subnet:Subnet", f"sub-{index}", networkId=net.id, cidr=f"10.{20 + index}.0.0/24")
        vm = Resource("compute/instance:Instance", "vm", networks=[{"uuid": nets[0].id}], **wanted)
        if second:
            Resource("compute/interfaceAttach:InterfaceAttach", "second", instanceId=vm.id, networkId=nets[1].id)

    first = here.up(program)
    assert first.ok, first.errors
    server = theirs.compute.get_server(first.resource("vm").id)
    attached = {one.port_id: one.net_id for one in theirs.compute.server_interfaces(server)}
    assert len(attached) == 2
    second = first.resource("second")
    assert second.id == f"{server.id}/{second.outputs['portId']}"
    assert attached[second.outputs["portId"]] == first.resource("net-1").id
    assert second.outputs["fixedIp"].startswith("10.21.0.")
    assert set(here.refresh().changes) == {"same"}
    assert set(here.up().changes) == {"same"}
    gone = here.up(lambda: program(second=False))
    assert gone.ok, gone.errors
    assert gone.changes["delete"] == 1
    assert len(list(theirs.compute.server_interfaces(server))) == 1


def booted(theirs: Any) -> dict[str, Any]:
    """What an instance of the region's smallest flavor is asked for with, on a volume of its own."""
    flavor = min(theirs.compute.flavors(), key=lambda each: each.ram)
    boot = {"sourceType": "image", "uuid": next(iter(theirs.image.images())).id, "destinationType": "volume"}
    boot |= {"volumeSize": 1, "bootIndex": 0, "deleteOnTermination": True}
    return {"flavorId": flavor.id, "imageId": None, "blockDevices": [boot]}
