"""The pack as the real engine starts it: a process of its own, spoken to over gRPC."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as wire
from pulumi.runtime.proto import analyzer_pb2_grpc

from policies.pack import Pack
from tests.policies.asking import (
    PROJECT,
    STACK_TYPE,
    UNKNOWN,
    Provider,
    Resource,
    access,
    ca_sha256,
    deployment,
    edited,
    made,
    secret,
    struct,
    text,
    urn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PACK = PROJECT / "policies"
SERVER = "https://192.0.2.10:6443"
CONFIG = {"onshore:category": "restricted", "onshore:department": "health-example"}


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A try-out of the example register's first cluster, under the tests' certificate."""
    path = tmp_path_factory.mktemp("overlay") / "overlay.yaml"
    clusters = [{"id": "example-csp-alpha-khi-1", "server": SERVER, "ca_sha256": ca_sha256()}]
    path.write_text(yaml.safe_dump({"overlay": "tests", "fictional": True, "clusters": clusters}), encoding="utf-8")
    return path


class Running:
    """A started pack."""

    def __init__(self, overlay: Path, **environment: str) -> None:
        # These two are what a program could set to look like another stack; the pack goes by ConfigureStack.
        spoofed = {"PULUMI_CONFIG": json.dumps({"onshore:category": "open"}), "PULUMI_STACK": "other"}
        (overlay.parent / "Pulumi.yaml").write_text("name: p\n", encoding="utf-8")
        (overlay.parent / "Pulumi.s.yaml").write_text("secretsprovider: passphrase\n", encoding="utf-8")
        told = {"PULUMI_BACKEND_URL": "file:///srv/state", "PULUMI_PROJECT_ROOT": str(overlay.parent)}
        env = os.environ | spoofed | told | {"ONSHORE_OVERLAYS": str(overlay), "ONSHORE_ON": "2026-06-01"} | environment
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)],
            cwd=PACK,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first.strip().isdigit(), first
        self.channel = grpc.insecure_channel(f"127.0.0.1:{first.strip()}")
        self.stub: Any = analyzer_pb2_grpc.AnalyzerStub(self.channel)

    def begin(self, **config: str) -> None:
        """What the engine says first, in its order."""
        self.stub.Handshake(wire.AnalyzerHandshakeRequest(engine_address="127.0.0.1:1"), timeout=60)
        self.stub.ConfigureStack(
            wire.AnalyzerStackConfigureRequest(stack="s", project="p", dry_run=True, config=config or CONFIG),
            timeout=60,
        )
        self.info = self.stub.GetAnalyzerInfo(empty_pb2.Empty(), timeout=60)
        self.stub.GetPluginInfo(empty_pb2.Empty(), timeout=60)

    def analyze(self, resource: Resource, kubeconfig: Any = None) -> list[Any]:
        asked = wire.AnalyzeRequest(
            type=resource.type, urn=urn(resource), name=resource.name, properties=struct(resource.props)
        )
        if resource.provider:
            given = kubeconfig or secret(text(access(SERVER)))
            name = f"urn:pulumi:s::p::{resource.provider.type}::cluster"
            asked.provider.type, asked.provider.urn, asked.provider.name = resource.provider.type, name, "cluster"
            asked.provider.properties.CopyFrom(struct({"kubeconfig": given}))
        self.stub.Remediate(asked, timeout=60)
        return list(self.stub.Analyze(asked, timeout=60).diagnostics)

    def stop(self) -> tuple[str, str]:
        self.channel.close()
        self.process.terminate()
        return self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def running(overlay: Path) -> Iterator[Running]:
    started = Running(overlay)
    yield started
    out, err = started.stop()
    assert out == ""
    assert "Traceback" not in err


def rules(found: list[Any]) -> list[str]:
    assert all(one.enforcementLevel == wire.MANDATORY for one in found)
    return [one.policyName for one in found]


def test_lawful_resources_pass_and_unlawful_ones_are_refused(running: Running) -> None:
    running.begin()
    provider = Resource("pulumi:providers:kubernetes", {"kubeconfig": secret(text(access(SERVER)))}, name="cluster")
    assert rules(running.analyze(Resource(STACK_TYPE, {}))) == []
    assert rules(running.analyze(provider)) == []
    assert rules(running.analyze(deployment())) == []
    assert rules(running.analyze(deployment("containers", 0, "image", to=secret("registry.example/app:1")))) == [
        "IMG-001"
    ]
    assert rules(running.analyze(made("Service", "v1", spec={"type": UNKNOWN}))) == ["UNK-001"]
    assert rules(running.analyze(edited(deployment(), "kind", to="Pod"))) == ["OPQ-002"]
    assert rules(running.analyze(made("ConfigMap", "v1"), kubeconfig=secret(UNKNOWN))) == ["UNK-001"]
    assert rules(running.analyze(Resource("kubernetes:core/v1:ConfigMap", {}, Provider()))) == [
        "CAT-001",
        "CAT-004",
        "OPQ-002",
        "OPQ-002",
    ]


def test_the_stack_is_the_one_the_engine_tells_not_the_environments(running: Running) -> None:
    running.begin()
    assert rules(running.analyze(made("ConfigMap", "v1", category="open"))) == ["CAT-001"]
    running.begin(**(CONFIG | {"onshore:category": "open"}))
    assert rules(running.analyze(made("ConfigMap", "v1", category="open"))) == []


def test_a_configuration_cannot_switch_a_rule_off(running: Running) -> None:
    running.begin()
    assert not running.info.supportsConfig
    off = wire.ConfigureAnalyzerRequest()
    for policy in running.info.policies:
        off.policyConfig[policy.name].enforcementLevel = wire.DISABLED
    running.stub.Configure(off, timeout=60)
    found = running.analyze(made("ConfigMap", "v1", category=None))
    assert rules(found) == ["CAT-001"]


def test_the_finished_stack_is_judged_too(running: Running) -> None:
    running.begin()
    running.analyze(deployment())
    request = wire.AnalyzeStackRequest()
    request.resources.add(type=deployment().type, urn=urn(deployment()), name="deployment", properties=struct({}))
    assert rules(running.stub.AnalyzeStack(request, timeout=60).diagnostics) == ["NET-001"]


def test_an_unreadable_register_refuses_everything(overlay: Path, tmp_path: Path) -> None:
    started = Running(overlay, ONSHORE_REGISTER=str(tmp_path))
    started.begin()
    stack = started.analyze(Resource(STACK_TYPE, {}))
    other = started.analyze(made("ConfigMap", "v1"))
    _, err = started.stop()
    assert rules(stack) == rules(other) == ["UNK-001"]
    assert "register.yaml" in stack[0].message
    assert "Traceback" not in err


def test_a_production_profile_judges_today_whatever_the_environment_says(overlay: Path) -> None:
    started = Running(overlay, ONSHORE_PROFILE="pakistan-cloud-first", ONSHORE_ON="not-a-date")
    started.begin()
    provider = Resource("pulumi:providers:kubernetes", {"kubeconfig": secret(text(access(SERVER)))}, name="cluster")
    found = started.analyze(provider)
    started.stop()
    assert "ACC-004" in rules(found)
    assert "fictional" in " ".join(one.message for one in found)


def test_a_wished_day_that_is_no_date_refuses_everything(overlay: Path) -> None:
    started = Running(overlay, ONSHORE_ON="tomorrow")
    started.begin()
    found = started.analyze(Resource(STACK_TYPE, {}))
    started.stop()
    assert rules(found) == ["UNK-001"]
    assert "ONSHORE_ON" in found[0].message


STARTS_A_PACK = """
import subprocess, sys
pack = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
pack.stdout.readline()
print(pack.pid, flush=True)
pack.wait()
"""


def test_a_pack_whose_engine_was_killed_ends_by_itself() -> None:
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)]
    engine = subprocess.Popen(
        [sys.executable, "-c", STARTS_A_PACK, *command], cwd=PACK, stdout=subprocess.PIPE, text=True
    )
    assert engine.stdout is not None
    command_line = Path("/proc") / engine.stdout.readline().strip() / "cmdline"
    assert b"pulumi.policy" in command_line.read_bytes()
    engine.kill()
    engine.wait()
    engine.stdout.close()
    assert ended(command_line)


def ended(command_line: Path, within_s: float = 30) -> bool:
    """Whether the process is no more; one that nobody has collected yet has an empty command line."""
    deadline = time.monotonic() + within_s
    while command_line.exists() and command_line.read_bytes():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_every_call_of_the_protocol_has_an_answer() -> None:
    calls = {method.name for method in wire.DESCRIPTOR.services_by_name["Analyzer"].methods}
    assert {name for name in calls if name not in vars(Pack)} == set()


def test_answers_have_the_form_that_the_policy_sdk_gives_them() -> None:
    from pulumi_policy import EnforcementLevel, ResourceValidationPolicy
    from pulumi_policy.policy import _PolicyAnalyzerServicer

    from tests.policies.asking import World

    def refuse(_args: Any, report: Any) -> None:
        report("no")

    policy = ResourceValidationPolicy("rule", "A rule.", refuse, EnforcementLevel.MANDATORY)
    reference: Any = _PolicyAnalyzerServicer("pack", "0.0.1", [policy], EnforcementLevel.ADVISORY)
    world = World()
    asked = world.request(made("ConfigMap", "v1", category=None))
    theirs, ours = (each.Analyze(asked, None).diagnostics[0] for each in (reference, world.pack))
    fields = {field.name for field, _ in theirs.ListFields()}
    assert fields <= {field.name for field, _ in ours.ListFields()}
    assert theirs.enforcementLevel == ours.enforcementLevel
    their_policy, our_policy = (each.GetAnalyzerInfo(None, None).policies[0] for each in (reference, world.pack))
    assert {field.name for field, _ in their_policy.ListFields()} <= {
        field.name for field, _ in our_policy.ListFields()
    }


def test_the_pack_starts_without_what_it_does_not_need() -> None:
    heavy = {"pulumi_kubernetes", "pulumi_policy", "components", "engine", "rich", "urllib3"}
    code = "import sys, policies.pack; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert [name for name in heavy if f"'{name}'" in ended.stdout] == []
    assert "'policies'" in ended.stdout
