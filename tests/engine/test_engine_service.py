"""Plugins and packs reach the engine over real gRPC."""

from __future__ import annotations

import grpc
import pytest
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from engine.engine_service import serve_engine, version_in_range
from engine.errors import EngineError


@pytest.fixture
def logged():
    return []


@pytest.fixture
def stub(logged):
    def log(severity, message, *, urn="", ephemeral=False):
        logged.append((severity, message, urn, ephemeral))

    with serve_engine(log) as address, grpc.insecure_channel(address) as channel:
        yield engine_pb2_grpc.EngineStub(channel)


def test_a_log_line_arrives_with_its_severity_resource_and_kind(stub, logged):
    stub.Log(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message="slow", urn="urn:a"))
    stub.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message="waiting", ephemeral=True))
    assert logged == [("warning", "slow", "urn:a", False), ("info", "waiting", "", True)]


def test_the_root_resource_is_remembered(stub):
    assert stub.GetRootResource(engine_pb2.GetRootResourceRequest()).urn == ""
    stub.SetRootResource(engine_pb2.SetRootResourceRequest(urn="urn:root"))
    assert stub.GetRootResource(engine_pb2.GetRootResourceRequest()).urn == "urn:root"


@pytest.mark.parametrize(
    ("version_range", "code"),
    [
        (">=3.200.0", None),
        (">=4.0.0", grpc.StatusCode.FAILED_PRECONDITION),
        ("newest", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_a_required_version_is_compared(stub, version_range, code):
    request = engine_pb2.RequirePulumiVersionRequest(pulumi_version_range=version_range)
    if code is None:
        assert stub.RequirePulumiVersion(request) == engine_pb2.RequirePulumiVersionResponse()
    else:
        with pytest.raises(grpc.RpcError) as caught:
            stub.RequirePulumiVersion(request)
        assert caught.value.code() is code


@pytest.mark.parametrize(
    ("version_range", "inside"),
    [
        ("3.260.0", True),
        (">= 3.5.0 !3.7.7", True),
        (">=3.5.0 !3.260.0", False),
        ("<3.4.0 || >3.8.0", True),
        ("<3.4.0 || >3.270.0", False),
        ("<=3.260.0 >3.259.9", True),
        ("!=3.260.0", False),
    ],
)
def test_version_ranges_combine_as_semver_says(version_range, inside):
    assert version_in_range(version_range) is inside


@pytest.mark.parametrize(
    "version_range", ["3", ">=three", "=>3.1.0", "", ">=3.0.0 ||", ">=3.0.0 || new", ">=3.5.0 and <4.0.0"]
)
def test_an_unreadable_version_range_is_refused(version_range):
    with pytest.raises(EngineError, match="comparison"):
        version_in_range(version_range)
