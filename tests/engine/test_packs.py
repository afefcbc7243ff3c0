"""What the engine tells a policy pack, seen by a pack that writes down what it is asked."""

from __future__ import annotations

import contextlib
import json
import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.engine.projects import Project

PACK = """
import json, os, pathlib
from concurrent import futures
import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import analyzer_pb2 as wire, analyzer_pb2_grpc, plugin_pb2

class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    def note(self, call, **seen):
        with pathlib.Path(__file__).with_name("asked.jsonl").open("a") as file:
            file.write(json.dumps({"call": call, **seen}) + "\\n")

    def Handshake(self, request, context):
        return wire.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="0.1.0")

    def GetAnalyzerInfo(self, request, context):
        info = wire.AnalyzerInfo(name="noter", displayName="noter", version="0.1.0")
        info.policies.add(name="one", enforcementLevel=wire.MANDATORY, policy_type=wire.POLICY_TYPE_RESOURCE)
        return info

    def Configure(self, request, context):
        return empty_pb2.Empty()

    def ConfigureStack(self, request, context):
        names = ("PULUMI_BACKEND_URL", "PULUMI_PROJECT_ROOT")
        self.note("stack told", **{name: os.environ.get(name) for name in names})
        return wire.AnalyzerStackConfigureResponse()

    def Remediate(self, request, context):
        self.note("remediate", urn=request.urn, properties=json_format.MessageToDict(request.properties))
        return wire.RemediateResponse()

    def Analyze(self, request, context):
        self.note("analyze", urn=request.urn, properties=json_format.MessageToDict(request.properties))
        return wire.AnalyzeResponse()

    def AnalyzeStack(self, request, context):
        self.note("stack", urns=[resource.urn for resource in request.resources])
        response = wire.AnalyzeResponse()
        response.diagnostics.add(
            policyName="one", policyPackName="noter", policyPackVersion="0.1.0", message="not this stack",
            enforcementLevel=wire.MANDATORY,
        )
        return response

server = grpc.server(futures.ThreadPoolExecutor(4))
analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Pack(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "noter"
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text("name: noter\nruntime: python\n", encoding="utf-8")
    (folder / "__main__.py").write_text(textwrap.dedent(PACK), encoding="utf-8")
    return folder


def asked(pack: Path, call: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (pack / "asked.jsonl").read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line["call"] == call]


def test_the_finished_stack_is_judged_by_a_pack_of_resource_policies_too(project: Project, pack: Path) -> None:
    project.program("Thing('a', size=1)")
    result = project.run("preview", policy_packs=(pack,))
    assert not result.ok
    findings = [event["policyEvent"]["message"].strip() for event in result.events if "policyEvent" in event]
    assert findings == ["not this stack"]
    assert any(urn.endswith("::a") for urn in asked(pack, "stack")[0]["urns"])


def test_a_pack_that_mends_nothing_still_sees_where_a_provider_comes_from(project: Project, pack: Path) -> None:
    project.program("""
    class Elsewhere(pulumi.ProviderResource):
        def __init__(self):
            super().__init__("fake", "p", {}, pulumi.ResourceOptions(plugin_download_url="https://elsewhere.example"))

    Thing('a', size=1, opts=pulumi.ResourceOptions(provider=Elsewhere()))
    """)
    project.run("preview", policy_packs=(pack,))
    told = [one for one in asked(pack, "remediate") if one["urn"].endswith("::p")]
    assert told[0]["properties"]["__internal"]["pluginDownloadURL"] == "https://elsewhere.example"
    assert all("__internal" not in one["properties"] for one in asked(pack, "analyze"))


def test_a_pack_is_told_where_state_lies_and_which_project_it_judges(project: Project, pack: Path) -> None:
    project.program("Thing('a', size=1)")
    project.run("preview", policy_packs=(pack,))
    (told,) = asked(pack, "stack told")
    assert told["PULUMI_BACKEND_URL"].startswith("file:///")
    assert (Path(told["PULUMI_PROJECT_ROOT"]) / "Pulumi.yaml").is_file()


def test_no_environment_of_a_child_holds_a_secret_of_the_configuration(project: Project, pack: Path) -> None:
    engine = project.engine()
    engine.set_config("test", "shop:password", "s3cr3t-1", secret=True)
    engine.set_config("test", "shop:token", "s3cr3t-2", secret=True)
    seen: set[bytes] = set()
    project.cloud.on_call = lambda *_: seen.update(environments_of_children())
    body = "Thing('a', size=int(config.require('size')), password=config.require_secret('password'))"
    project.up(body, policy_packs=(pack,))
    (of_pack,) = [one for one in seen if b"PULUMI_CONFIG=" in one]
    assert json.loads(variables(of_pack)["PULUMI_CONFIG"]) == {"shop:size": "1"}
    assert not any(b"s3cr3t" in one for one in seen)


def environments_of_children() -> set[bytes]:
    """By each process's own word for its parent: a thread's list loses children when another thread ends."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if f"\nPPid:\t{os.getpid()}\n" in (process / "status").read_text(encoding="utf-8"):
                found.add((process / "environ").read_bytes())
    return found


def variables(environ: bytes) -> dict[str, str]:
    return dict(one.split("=", 1) for one in environ.decode().split("\0") if one)  # type: ignore[misc]
