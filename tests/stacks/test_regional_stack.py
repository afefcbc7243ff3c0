"""A stack with a web tier in a cluster and a machine in a region: the whole engine with the whole pack, one program."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.costs import costs
from engine.testing import Cloud, Kind, Stack
from inventories import Settings

ROOT = Path(__file__).parents[2]
STACK = "health-clinic-records"
IMAGE = {"os_hash_algo": "sha512", "os_hash_value": "5" * 128}


def program() -> None:
    runpy.run_path(str(ROOT / "stacks" / "__main__.py"), run_name="__main__")


@pytest.fixture
def stack(settings: Settings, tmp_path: Path) -> Stack:
    """The shipped stack on clouds in memory."""
    del settings
    config: dict[str, Any] = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{STACK}.yaml").read_text())["config"]
    cloud = Cloud(
        kinds={
            "openstack:networking/port:Port": Kind(computed=lambda _inputs, _count: {"allFixedIps": ["10.60.0.10"]})
        },
        functions={
            "openstack:images/getImage:getImage": lambda _args: {"id": "image-1", "properties": IMAGE},
            "openstack:networking/getNetwork:getNetwork": lambda _args: {"id": "network-9"},
        },
    )
    (tmp_path / "project").mkdir()
    return Stack(tmp_path / "project", cloud, config=config, name=STACK, project="onshore", program=program)


def test_one_up_builds_both_and_the_pack_has_nothing_against_it(stack: Stack) -> None:
    packs = (ROOT / "policies",)
    seen = stack.preview(policy_packs=packs)
    assert (seen.errors, seen.findings) == ([], ())
    register = Settings.load(ROOT).load_register()
    planned = costs(seen.events, register)
    # two ways to the same sum: what placement priced by the workload's words, and what the engine plans to make
    assert planned.after.monthly_cost_pkr == 1625 + 9300 + 900
    assert planned.after.unpriced == ()
    ran = stack.up(policy_packs=packs)
    assert (ran.errors, ran.findings) == ([], ())
    order = [name for op, name in ran.steps if op == "create"]
    assert order.index("clinic-records-records-0") < order.index("clinic-records-deployment")
    assert ran.outputs["recordsAddresses"] == ["10.60.0.10"]
    data = ran.resource("clinic-records-config").inputs["data"]
    assert data["web.DATABASE_HOST"] == "10.60.0.10"
    assert data["web.EXPORTS_CONTAINER"] == "health-example-clinic-records-exports"
    again = stack.preview(policy_packs=packs)
    assert again.errors == []
    assert set(again.changes) == {"same"}
    state = stack.state_file.read_text()
    assert "a-secret-password" not in state
    gone = stack.destroy()
    assert gone.errors == []
    assert costs(gone.events, register).difference_pkr == -planned.difference_pkr
    assert not stack.cloud.things


def test_the_pack_sees_what_a_program_adds_beside_the_components(stack: Stack) -> None:
    def opened() -> None:
        import pulumi

        from components._openstack import openstack
        from components.region_access import RegionAccess

        program()
        settings, region = Settings.load(ROOT), "example-csp-alpha-khi"
        found = settings.load_register().region(region)
        assert found is not None
        content = (settings.clouds / f"{region}.yaml").read_text()
        opts = pulumi.ResourceOptions(provider=RegionAccess("other", clouds=content, region=found[1]))
        for name, prefix in (("low", "0.0.0.0/1"), ("high", "128.0.0.0/1")):
            openstack.networking.SecGroupRule(
                name, direction="ingress", ethertype="IPv4", remote_ip_prefix=prefix, security_group_id="g", opts=opts
            )
        openstack.networking.FloatingIp("address", pool="internet", opts=opts)

    ran = stack.preview(opened, policy_packs=(ROOT / "policies",))
    assert not ran.ok
    found = {(one.urn.rpartition("::")[2], one.policy) for one in ran.findings}
    assert {("low", "EXP-001"), ("high", "EXP-001"), ("address", "EXP-001")} <= found
    assert {name for name, _ in found} <= {"low", "high", "address"}
