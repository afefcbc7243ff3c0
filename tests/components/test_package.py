"""The components as a package for other languages: the host runs, tells its schema, and constructs or refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, resource_pb2, resource_pb2_grpc

from tests.components.conftest import IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


SECOND_HOST = {
    "id": "example-host-khi-2",
    "address": "host-2.khi.example",
    "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFHiIQB7xcP2rR6kgU6NtwqKBGOvge14bTyjB/EH1XjA",
    "department": "health-example",
    "provider": "example-csp-alpha",
    "region": "example-csp-alpha-khi",
    "site": "pk-example-site-1",
    "category_ceiling": "confidential",
    "fictional": True,
}


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """An engine that grants every registration (the CLI's would need the CLI)."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        del context
        known = {"secrets", "resourceReferences", "outputValues"}
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in known)

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802 - as above
        del context
        self.seen.append((request.type, request.name))
        urn = f"urn:pulumi:test::test::{request.type}::{request.name}"
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id="" if not request.custom else "1", object=request.object
        )

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 - as above
        del request
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "an older engine")

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802 - as above
        del context
        found = struct_pb2.Struct()
        if request.tok == "openstack:images/getImage:getImage":
            algorithm, _, value = IMAGE.partition(":")
            found.update({"id": "image-1", "properties": {"os_hash_algo": algorithm, "os_hash_value": value}})
            return provider_pb2.InvokeResponse(**{"return": found})
        assert request.tok == "pulumi:pulumi:getResource"
        found.update({"urn": request.args["urn"], "id": "1", "state": {}})
        return provider_pb2.InvokeResponse(**{"return": found})

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802 - as above
        del request, context
        return empty_pb2.Empty()


class Log(engine_pb2_grpc.EngineServicer):
    """An engine's log that nobody reads."""

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802 - as above
        del request, context
        return empty_pb2.Empty()


@pytest.fixture
def monitor() -> Iterator[tuple[Monitor, str]]:
    server = grpc.server(ThreadPoolExecutor(4))
    servicer = Monitor()
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(servicer, server)
    engine_pb2_grpc.add_EngineServicer_to_server(Log(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def host(settings, monitor) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """`python -m components`, as Pulumi starts it; the register has one more host than the shipped one."""
    del settings
    overlay = Path(os.environ["ONSHORE_OVERLAYS"])
    overlay.write_text(yaml.safe_dump({**yaml.safe_load(overlay.read_text()), "hosts": [SECOND_HOST]}))
    command = [sys.executable, "components", monitor[1]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdigit()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
        process.terminate()


def construct(host: provider_pb2_grpc.ResourceProviderStub, address: str, kind: str, /, **inputs: Any) -> Any:
    given = struct_pb2.Struct()
    given.update(inputs)
    packages = ("kubernetes", "openstack", "onshore-ansible")
    providers = {one: f"urn:pulumi:test::test::pulumi:providers:{one}::place::1" for one in packages}
    request = provider_pb2.ConstructRequest(
        project="onshore",
        stack="test",
        monitorEndpoint=address,
        dryRun=True,
        type=f"onshore:index:{kind}",
        name="one",
        inputs=given,
        providers=providers,
    )
    return host.Construct(request, timeout=60)


def test_the_schema_names_every_component_with_its_plain_inputs(host) -> None:
    schema = json.loads(host.GetSchema(provider_pb2.GetSchemaRequest(), timeout=60).schema)
    on_hosts = ("HostService", "PostgresDatabase", "FileStore")
    in_regions = ("PrivateNetwork", "VirtualMachine", "BlockVolume", "ObjectStore", "DepartmentProject")
    assert set(schema["resources"]) == {
        f"onshore:index:{kind}" for kind in ("LandingZone", "WebService", "ScheduledJob", *on_hosts, *in_regions)
    }
    for kind in on_hosts:
        one = schema["resources"][f"onshore:index:{kind}"]
        assert {"department", "category", "host", "clients", "backupHost", "backupRecipient"} <= set(
            one["requiredInputs"]
        )
        assert all(one["inputProperties"][field]["plain"] for field in ("category", "host", "backupHost"))
    zone = schema["resources"]["onshore:index:LandingZone"]
    assert zone["isComponent"] is True
    assert set(zone["requiredInputs"]) == {"department", "category", "cluster", "namespace"}
    assert zone["inputProperties"]["category"]["plain"] is True
    assert zone["inputProperties"]["memoryGib"]["type"] == "number"
    web = schema["resources"]["onshore:index:WebService"]
    assert web["inputProperties"]["environment"]["additionalProperties"]["type"] == "string"
    assert set(web["properties"]) == {"url", "serviceName"}


def test_a_lawful_component_is_constructed_with_its_children(host, monitor) -> None:
    facts = {"department": "health-example", "category": "restricted", "cluster": "example-csp-alpha-khi-1"}
    score = str(ROOT / "stacks/workloads/vaccination-api/score.yaml")
    made = construct(host, monitor[1], "WebService", **facts, namespace="here", score=score, replicas=3)
    assert made.urn.endswith("onshore:index:WebService::one")
    assert made.state["url"] == "https://vaccination.health.example/"
    assert ("kubernetes:apps/v1:Deployment", "one-deployment") in monitor[0].seen


@pytest.mark.parametrize(("kind", "inputs", "child"), [
    ("PrivateNetwork", {"cidrs": ["10.60.0.0/24"], "ports": [22], "clients": ["10.0.0.0/8"]},
     ("secGroupRule", "one-in-22-10-0-0-0-8")),
    ("VirtualMachine", {"image": "debian-12", "vcpu": 2, "memoryGib": 4, "diskGib": 20, "count": 2, "networkId": "n",
                        "subnetId": "s", "securityGroupId": "g"}, ("instance", "one-1")),
    ("BlockVolume", {"sizeGib": 5, "zone": "khi-b"}, ("volume", "one-volume")),
    ("ObjectStore", {"container": "records", "versioned": True}, ("container", "one-container")),
])  # fmt: skip
def test_a_component_in_a_region_is_constructed_with_its_children(
    host, monitor, kind: str, inputs: dict[str, Any], child: tuple[str, str]
) -> None:
    facts = {"department": "health-example", "category": "restricted", "region": "example-csp-alpha-khi"}
    construct(host, monitor[1], kind, **facts, **inputs)
    seen = {(type_.rpartition(":")[0].rpartition("/")[2], name) for type_, name in monitor[0].seen}
    assert child in seen


def test_an_unlawful_component_is_refused_in_words_and_registers_nothing(host, monitor) -> None:
    facts = {"department": "health-example", "category": "restricted", "cluster": "example-csp-delta-xa-1"}
    with pytest.raises(grpc.RpcError) as refused:
        construct(host, monitor[1], "LandingZone", **facts, namespace="here")
    assert "RES-001" in refused.value.details()
    assert "Traceback" not in refused.value.details()
    assert "File " not in refused.value.details()
    assert monitor[0].seen == []


def test_the_plugin_file_names_the_projects_own_environment() -> None:
    plugin = yaml.safe_load((ROOT / "components" / "PulumiPlugin.yaml").read_text())
    assert plugin["runtime"]["name"] == "python"
    assert (ROOT / "components" / plugin["runtime"]["options"]["virtualenv"] / "bin" / "python").exists()


ON_A_HOST: dict[str, Any] = {
    "department": "health-example",
    "category": "restricted",
    "host": "example-host-khi-1",
    "clients": ["10.20.0.0/16"],
    "backupHost": "example-host-khi-2",
    "backupRecipient": "age1" + "q" * 58,
}
# as an SDK sends a secret to a component: an output value (sdk/go/common/resource/sig)
SEALED = {
    "4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4",
    "value": "a long enough password",
    "secret": True,
}
DATABASE = {"database": "clinic", "owner": "clinic_owner", "tlsCertificate": "c", "tlsPrivateKey": "k"}


def test_a_service_on_a_host_is_constructed_with_its_run_and_its_secrets(host, monitor) -> None:
    passwords = {"clinic_owner": SEALED}
    made = construct(host, monitor[1], "PostgresDatabase", **ON_A_HOST, **DATABASE, passwords=passwords)
    assert made.urn.endswith("onshore:index:PostgresDatabase::one")
    assert ("onshore-ansible:index:Playbook", "one-set-up") in monitor[0].seen
    program = {"command": ["serve"], "port": 8443, "tlsCertificate": "c", "tlsPrivateKey": SEALED}
    assert construct(host, monitor[1], "HostService", **ON_A_HOST, **program).urn
    key = "ssh-ed25519 " + "A" * 68
    assert construct(host, monitor[1], "FileStore", **ON_A_HOST, quotaMib=10, writers=[key]).urn


def test_a_service_on_an_unlawful_host_is_refused_in_words_and_registers_nothing(host, monitor) -> None:
    facts = {**ON_A_HOST, "category": "secret", "backupHost": "example-host-khi-1"}
    with pytest.raises(grpc.RpcError) as refused:
        construct(host, monitor[1], "FileStore", **facts, quotaMib=10, writers=[])
    for said in ("HST-001", "a backup that stands where its source does is none", "nobody may reach it"):
        assert said in refused.value.details()
    assert monitor[0].seen == []
