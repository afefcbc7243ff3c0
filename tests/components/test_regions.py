"""What components in a region refuse before anything is registered, and what the whole engine makes of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from components.ansible_run import AnsibleAccess, AnsibleRun
from components.block_volume import BlockVolume
from components.department_project import DepartmentProject
from components.governance import Law
from components.object_store import ObjectStore
from components.private_network import PrivateNetwork
from components.region_access import RegionAccess
from components.virtual_machine import VirtualMachine, fitting_flavor
from engine.testing import Cloud, Kind, run
from inventories import OnshoreError, load_profile, load_register
from inventories.models import Flavor
from tests.components.conftest import certificate
from tests.worlds import TODAY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.testing import Ran

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "inventories/registers/example"
HERE, ABROAD = "example-csp-alpha-khi", "example-csp-delta-xa"
DIGEST = "sha512:" + "5" * 128
KEY = "ssh-ed25519 " + "A" * 60
SHARED = {"department": "health-example", "category": "restricted", "region": HERE}
ARGS: dict[str, tuple[Any, dict[str, Any]]] = {
    "network": (PrivateNetwork, {**SHARED, "cidrs": ["10.60.0.0/24"]}),
    "machine": (
        VirtualMachine,
        {
            **SHARED,
            "image": "debian-12",
            "vcpu": 2,
            "memory_gib": 3.5,
            "disk_gib": 20,
            "network_id": "network-1",
            "subnet_id": "subnet-1",
            "security_group_id": "group-1",
        },
    ),
    "volume": (BlockVolume, {**SHARED, "size_gib": 50}),
    "store": (ObjectStore, {**SHARED, "container": "health-records"}),
    "project": (
        DepartmentProject,
        {**SHARED, "project_id": "p1", "instances": 4, "vcpu": 8, "memory_gib": 16, "storage_gib": 200},
    ),
}


@pytest.fixture(scope="module")
def authority() -> Any:
    return certificate("region")


@pytest.fixture(scope="module")
def law(authority: Any, tmp_path_factory: pytest.TempPathFactory) -> Law:
    """The example register, whose two OpenStack regions answer under one authority of the tests."""
    import hashlib

    digest = hashlib.sha256(authority.public_bytes(Encoding.DER)).hexdigest()
    register = load_register(EXAMPLE)
    laid = [
        {
            "id": region.id,
            "auth_url": region.pulumi.endpoint,
            "ca_sha256": digest,
            "images": [{"name": "debian-12", "digest": DIGEST}],
        }
        for _, region in register.regions()
        if region.openstack and region.pulumi
    ]
    overlay = tmp_path_factory.mktemp("regions") / "overlay.yaml"
    overlay.write_text(yaml.safe_dump({"overlay": "test", "fictional": True, "regions": laid}))
    return Law(load_register(EXAMPLE, [overlay]), load_profile("pakistan-cloud-first-trial"), TODAY)


@pytest.fixture(scope="module")
def pem(authority: Any) -> str:
    return authority.public_bytes(Encoding.PEM).decode()


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("OS_"):
            monkeypatch.delenv(name)


def clouds(law: Law, pem: str, region: str = HERE, **changes: Any) -> str:
    found = law.register.region(region)[1]
    auth = {"auth_url": found.pulumi.endpoint, "username": "clinic", "password": "not-to-be-shown"}
    cloud = {"auth": auth, "region_name": "RegionOne", "cacert": pem}
    for key, value in changes.items():
        holder = (
            auth
            if key in {"auth_url", "username", "password", "project_name", "token"} or "credential" in key
            else cloud
        )
        if value is None:
            holder.pop(key)
        else:
            holder[key] = value
    return yaml.safe_dump({"clouds": {region: cloud}})


def hash_of(_args: Mapping[str, Any], digest: str = DIGEST) -> dict[str, Any]:
    algorithm, _, value = digest.partition(":")
    return {"id": "image-1", "properties": {"os_hash_algo": algorithm, "os_hash_value": value}}


def cloud(digest: str = DIGEST) -> Cloud:
    port = Kind(computed=lambda _inputs, count: {"allFixedIps": [f"10.60.0.{count + 10}"]})
    return Cloud(
        kinds={"openstack:networking/port:Port": port},
        functions={
            "openstack:images/getImage:getImage": lambda args: hash_of(args, digest),
            "openstack:networking/getNetwork:getNetwork": lambda args: {"id": f"id of {args['name']}"},
        },
    )


@pytest.fixture
def start(law: Law, pem: str) -> Callable[..., Ran]:
    """Runs a program of one component with access to a region."""

    def one(kind: str, *, access: str | None = HERE, on: Cloud | None = None, **changed: Any) -> Ran:
        component, args = ARGS[kind]
        wanted = {key: value for key, value in {**args, **changed}.items() if value is not None}

        def program() -> None:
            opts = None
            if access:
                region = law.register.region(access)[1]
                given = RegionAccess("region", clouds=clouds(law, pem, access), region=region)
                opts = pulumi.ResourceOptions(provider=given)
            component("records", wanted, opts, law=law)

        return run(program, cloud=on or cloud())

    return one


def made(ran: Ran, kind: str) -> list[dict[str, Any]]:
    assert ran.errors == []
    found = [one for one in ran.resources if one.type.startswith("openstack:") and one.type.endswith(f":{kind}")]
    return [dict(one.inputs) for one in sorted(found, key=lambda one: one.urn)]


WORLD = ["open to the public (EXP-001)"]
REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("network", {"ports": [22], "clients": ["0.0.0.0/0"]}, ["clients[0]", *WORLD]),
    ("network", {"ports": [22], "clients": ["::/0"]}, ["clients[0]", *WORLD]),
    ("network", {"ports": [22], "clients": ["0.0.0.0/1", "128.0.0.0/1"]}, ["clients[0]", "clients[1]", *WORLD]),
    ("network", {"ports": [22], "clients": ["::/1", "8000::/1"]}, ["clients[0]", "clients[1]", *WORLD]),
    ("network", {"ports": [22], "clients": ["203.0.113.0/24"]}, WORLD),
    ("network", {"ports": [22], "clients": ["group-of-others"]}, ["clients[0]", "not a network"]),
    ("network", {"destinations": ["0.0.0.0/0"]}, ["destinations[0]", *WORLD]),
    ("network", {"cidrs": ["10.60.0.0/24", "10.60.0.128/25"]}, ["overlap", "10.60.0.0/24 and 10.60.0.128/25"]),
    ("network", {"cidrs": ["10.60.0.0/24", "10.60.0.0/24"]}, ["cidrs", "named twice"]),
    ("network", {"cidrs": ["10.60.0.1/24"]}, ["cidrs[0]", "not a network"]),
    ("network", {"cidrs": ["8.8.8.0/24"]}, ["cidrs[0]", *WORLD]),
    ("network", {"cidrs": []}, ["a network without a subnet"]),
    ("network", {"ports": [22]}, ["ports without clients"]),
    ("network", {"ports": [0], "clients": ["10.0.0.0/8"]}, ["ports[0]"]),
    ("network", {"external_network": "department-wam"}, ["did you mean `department-wan`?"]),
    ("network", {"category": "restrictd"}, ["unknown data category", "did you mean `restricted`?"]),
    ("network", {"region": "example-csp-alpha-lhe"}, ["example-csp-alpha-lhe"]),
    ("network", {"region": ABROAD, "access": ABROAD}, ["RES-001", "XA"]),
    ("network", {"region": ABROAD}, ["not the access to its region", "RES-001"]),
    ("network", {"access": None}, ["not the access to its region", "no provider"]),
    ("machine", {"public_network": "internet"}, ["an address that the internet reaches (EXP-001)"]),
    ("machine", {"public_network": "department-wan"}, ["EXP-001", "not a public external network"]),
    ("machine", {"exposure": "public"}, ["may not be open to the public (EXP-001)"]),
    ("machine", {"image": "debian-11"}, ["not an image that the register lists", "did you mean `debian-12`?"]),
    ("machine", {"vcpu": 64}, ["no flavor of example-csp-alpha-khi is that large", "gp.large (4, 8 GiB)"]),
    ("machine", {"user_data": "-----BEGIN OPENSSH PRIVATE KEY-----"}, ["looks like a secret", "line 1"]),
    ("machine", {"user_data": "#cloud-config\npassword: hunter22"}, ["looks like a secret", "line 2"]),
    ("machine", {"user_data": "#!/bin/sh\nexport DB_PASSWORD='correct horse'"}, ["looks like a secret"]),
    ("machine", {"user_data": pulumi.Output.secret("text")}, ["not plain text"]),
    ("machine", {"user_data": "x" * 60_000}, ["too long for OpenStack"]),
    ("machine", {"ssh_public_key": "-----BEGIN OPENSSH PRIVATE KEY-----"}, ["not a public SSH key"]),
    ("machine", {"under_ansible": True}, ["nobody could log in", "no AnsibleAccess among the providers"]),
    ("machine", {"count": 0}, ["count"]),
    ("machine", {"disk_gib": 0, "data_gib": -1}, ["disk_gib", "data_gib"]),
    ("machine", {"count": 2, "addresses": ["10.60.0.10"]}, ["not one for each machine"]),
    ("machine", {"addresses": ["8.8.8.8"]}, ["not a private address"]),
    ("volume", {"size_gib": 0}, ["size_gib"]),
    ("volume", {"zone": "khi-c"}, ["not a zone of example-csp-alpha-khi"]),
    ("store", {"expire_after_days": 30}, ["expire_after_days", "a wish that the store does not honour"]),
    ("store", {"container": "Health/Records"}, ["not a name for a container"]),
    ("store", {"region": ABROAD, "access": ABROAD, "category": "open", "expire_after_days": 1}, ["SDK cannot"]),
    ("project", {"instances": -1}, ["instances"]),
    ("network", {"cidrs": ["x"], "ports": [0], "clients": ["::/0"], "category": "y"}, ["cidrs[0]", "ports[0]"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def refusals(law: Law, pem: str) -> tuple[list[OnshoreError | None], Ran]:
    """What every row of REFUSED is told, all in one program, and what that registered."""
    told: list[OnshoreError | None] = []

    def program() -> None:
        given = {
            name: RegionAccess(name, clouds=clouds(law, pem, name), region=law.register.region(name)[1])
            for name in (HERE, ABROAD)
        }
        for index, (kind, changes, _) in enumerate(REFUSED):
            component, args = ARGS[kind]
            wanted = {**args, **changes}
            access = wanted.pop("access", HERE)
            opts = pulumi.ResourceOptions(provider=given[access]) if access else None
            try:
                component(f"records-{index}", wanted, opts, law=law)
                told.append(None)
            except OnshoreError as error:
                told.append(error)

    return told, run(program, cloud=cloud())


@pytest.mark.parametrize("index", range(len(REFUSED)), ids=[f"{kind} {[*changes]}" for kind, changes, _ in REFUSED])
def test_what_the_law_or_the_region_does_not_allow_is_refused(
    refusals: tuple[list[OnshoreError | None], Ran], index: int
) -> None:
    error = refusals[0][index]
    assert error is not None
    for part in REFUSED[index][2]:
        assert part in str(error)
    assert "not-to-be-shown" not in str(error)


def test_what_is_refused_registers_nothing(refusals: tuple[list[OnshoreError | None], Ran]) -> None:
    told, ran = refusals
    assert ran.errors == []
    assert len(told) == len(REFUSED)
    assert [one.urn for one in ran.resources if one.type.startswith(("openstack:", "onshore:"))] == []


@pytest.mark.parametrize(("kind", "changes"), [
    ("network", {"ports": [5432], "clients": ["10.20.0.0/16", "fd00::/64"], "destinations": ["10.1.0.0/16"]}),
    ("network", {"external_network": "department-wan"}),
    ("network", {"region": ABROAD, "access": ABROAD, "category": "open", "external_network": "internet"}),
    ("machine", {"count": 3, "data_gib": 10, "user_data": "#cloud-config\npackages: [git]\n", "ssh_public_key": KEY}),
    ("volume", {"zone": "khi-b", "instance_id": "machine-1"}),
    ("store", {}),
    ("store", {"versioned": False}),
    ("project", {}),
])  # fmt: skip
def test_what_is_lawful_is_built(start: Callable[..., Ran], kind: str, changes: dict[str, Any]) -> None:
    ran = start(kind, **changes)
    assert ran.errors == []
    (component,) = [one for one in ran.resources if one.type.startswith("onshore:")]
    facts = {"category": changes.get("category", "restricted"), "region": changes.get("region", HERE)}
    facts |= {"department": "health-example", "country": "XA" if "region" in changes else "PK"}
    assert {key: component.inputs[key] for key in facts} == facts
    assert all(one.provider for one in ran.resources if one.type.startswith("openstack:"))


def test_a_network_has_no_open_rule_and_no_way_out_that_nobody_declared(start: Callable[..., Ran]) -> None:
    closed = start("network")
    (group,) = made(closed, "SecGroup")
    (subnet,) = made(closed, "Subnet")
    assert group["deleteDefaultRules"] is True
    assert subnet["noGateway"] is True
    assert not made(closed, "SecGroupRule")
    assert not made(closed, "Router")
    opened = start("network", ports=[5432], clients=["10.20.0.0/16"], external_network="department-wan")
    (rule,) = made(opened, "SecGroupRule")
    assert (rule["direction"], rule["remoteIpPrefix"], rule["portRangeMin"]) == ("ingress", "10.20.0.0/16", 5432)
    (router,) = made(opened, "Router")
    assert router["externalNetworkId"] == "id of department-wan"
    assert made(opened, "Subnet")[0]["noGateway"] is False


def test_machines_boot_from_encrypted_volumes_of_the_pinned_image_apart_from_each_other(
    start: Callable[..., Ran],
) -> None:
    ran = start("machine", count=3)
    machines = made(ran, "Instance")
    assert [one["availabilityZone"] for one in machines] == ["khi-a", "khi-b", "khi-a"]
    assert made(ran, "ServerGroup")[0]["policies"] == "soft-anti-affinity"
    for one in machines:
        (disk,) = one["blockDevices"]
        assert (disk["uuid"], disk["volumeType"], disk["destinationType"]) == ("image-1", "encrypted", "volume")
        assert one["metadata"] == {"data-category": "restricted", "department": "health-example"}
        assert one["flavorName"] == "gp.medium"
        assert "imageId" not in one
    assert not made(ran, "FloatingIp")


def test_a_machine_under_ansible_is_a_host_by_its_name_and_the_key_that_its_console_tells(law: Law, pem: str) -> None:
    told = Cloud(
        kinds={**cloud().kinds, "onshore-ansible:index:HostKey": Kind(computed=lambda *_: {"key": KEY})},
        functions=cloud().functions,
    )

    def program() -> None:
        access = RegionAccess("region", clouds=clouds(law, pem), region=law.register.region(HERE)[1])
        runs = AnsibleAccess("runs")
        opts = pulumi.ResourceOptions(providers=[access, runs])
        args = {**ARGS["machine"][1], "count": 2, "ssh_public_key": KEY, "under_ansible": True}
        made = VirtualMachine("records", args, opts, law=law)
        asked = {"department": "health-example", "category": "restricted", "playbook": "site.yml"}
        AnsibleRun("set-up", **asked, machines=made.machines, law=law, opts=pulumi.ResourceOptions(provider=runs))

    ran = run(program, cloud=told)
    assert ran.errors == []
    asked = [one.inputs for one in ran.resources if one.type.endswith(":HostKey")]
    assert {one["region"] for one in asked} == {HERE}
    assert {type(one["login"]).__name__ for one in asked} == {"Secret"}
    machines = ran.resource("set-up").inputs["machines"]
    assert [(one["id"], one["zone"], one["hostKey"]) for one in machines] == [
        ("health-example-records-0", "khi-a", KEY),
        ("health-example-records-1", "khi-b", KEY),
    ]
    assert all(one["address"].startswith("10.60.0.") for one in machines)


def test_an_image_of_another_content_is_refused_and_no_machine_is_made(start: Callable[..., Ran]) -> None:
    for digest in ("sha512:" + "6" * 128, "md5:" + "5" * 32):
        ran = start("machine", on=cloud(digest))
        assert any("another content than the register's" in error for error in ran.errors)
        assert not [one for one in ran.resources if one.type.endswith(":Instance")]


def test_open_data_may_be_reached_where_its_machine_is_declared_public(start: Callable[..., Ran]) -> None:
    asked = {"category": "open", "region": ABROAD, "access": ABROAD, "public_network": "internet"}
    assert "the machine is not declared public" in "\n".join(start("machine", **asked).errors)
    (address,) = made(start("machine", **asked, exposure="public"), "FloatingIp")
    assert address["pool"] == "internet"


def test_a_container_is_versioned_where_the_register_says_that_the_store_can(start: Callable[..., Ran]) -> None:
    (kept,) = made(start("store"), "Container")
    assert kept["versioning"] is True
    assert not {"containerRead", "containerWrite", "containerSyncTo"} & kept.keys()


LOGINS: list[tuple[dict[str, Any], list[str]]] = [
    ({"auth_url": "https://identity.xa.example-csp-delta.example:5000/v3"}, ["auth_url", "used by many"]),
    ({"auth_url": None}, ["auth.auth_url"]),
    ({"region_name": "RegionTwo"}, ["region_name", "RegionOne"]),
    ({"region_name": None}, ["region_name"]),
    ({"cacert": None}, ["another certificate authority"]),
    ({"cacert": "/etc/ssl/certs/ca.pem"}, ["another certificate authority", "none that can be read"]),
    ({"verify": False}, ["verify", "weakens"]),
    ({"interface": "admin"}, ["interface"]),
    ({"profile": "somebody"}, ["profile", "not allowed here"]),
    ({"token": "not-to-be-shown"}, ["auth.token", "not allowed here"]),
    ({"project_name": "another"}, ["project_name", "onshore"]),
    ({"password": None}, ["no credentials"]),
    ({"application_credential_id": "i", "application_credential_secret": "not-to-be-shown"}, ["two kinds of"]),
    ({"region_name": "x", "password": None, "verify": False}, ["region_name", "no credentials", "verify"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), LOGINS)
def test_a_login_that_leads_elsewhere_is_refused_with_every_reason(
    law: Law, pem: str, changes: dict[str, Any], said: list[str]
) -> None:
    region = law.register.region(HERE)[1]
    with pytest.raises(OnshoreError) as refused:
        RegionAccess("region", clouds=clouds(law, pem, **changes), region=region)
    assert refused.value.refused
    for part in said:
        assert part in str(refused.value)
    assert "not-to-be-shown" not in str(refused.value)


def test_another_authority_is_refused(law: Law) -> None:
    other = certificate("another").public_bytes(Encoding.PEM).decode()
    for wrong in (other, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(OnshoreError, match="another certificate authority"):
            RegionAccess("region", clouds=clouds(law, wrong), region=law.register.region(HERE)[1])


def test_a_login_of_the_region_abroad_is_no_way_to_the_one_of_the_same_name_here(law: Law, pem: str) -> None:
    abroad = clouds(law, pem, ABROAD).replace(ABROAD, HERE)
    with pytest.raises(OnshoreError, match="not what the register says"):
        RegionAccess("region", clouds=abroad, region=law.register.region(HERE)[1])


@pytest.mark.parametrize("name", ["OS_CLOUD", "OS_AUTH_URL", "OS_TOKEN", "OS_REGION_NAME", "OS_CLIENT_CONFIG_FILE"])
def test_an_environment_that_would_have_a_say_is_refused(
    start: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "not-to-be-shown")
    text = "\n".join(start("network").errors)
    assert f"{name}: set in the environment" in text
    assert "not-to-be-shown" not in text


def test_the_provider_says_everything_that_it_would_else_take_from_the_environment(law: Law, pem: str) -> None:
    def program() -> None:
        region = law.register.region(HERE)[1]
        changes = {
            "application_credential_id": "i",
            "application_credential_secret": "s",
            "username": None,
            "password": None,
        }
        RegionAccess("user", clouds=clouds(law, pem), region=region)
        RegionAccess("application", clouds=clouds(law, pem, **changes), region=region)

    ran = run(program, cloud=cloud())
    assert ran.errors == []
    user, application = ran.resource("user").inputs, ran.resource("application").inputs
    for given in (user, application):
        said = {key: given[key] for key in ("authUrl", "region", "endpointType", "insecure", "allowReauth")}
        assert str(said["insecure"]).lower() == "false"
        assert (said["authUrl"], said["region"]) == (law.register.region(HERE)[1].pulumi.endpoint, "RegionOne")
        assert given["cacertFile"].startswith("-----BEGIN CERTIFICATE-----")
        assert "cloud" not in given
    assert (user["tenantName"], user["userName"]) == ("onshore", "clinic")
    assert "tenantName" not in application
    assert type(user["password"]).__name__ == type(application["applicationCredentialSecret"]).__name__ == "Secret"


def test_the_smallest_flavor_that_fits_is_taken() -> None:
    flavors = tuple(
        Flavor(name=name, vcpu=vcpu, memory_mib=memory)
        for name, vcpu, memory in (("c", 4, 4096), ("b", 2, 8192), ("a", 2, 4096))
    )
    assert fitting_flavor(flavors, 2, 4.0).name == "a"
    assert fitting_flavor(flavors, 2, 4.1).name == "b"
    assert fitting_flavor(flavors, 3, 1.0).name == "c"
    assert fitting_flavor(flavors, 5, 1.0) is None
    assert fitting_flavor((), 1, 1.0) is None
