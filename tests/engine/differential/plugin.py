"""A provider plugin for both engines: whatever it answers follows from what it is sent, and it keeps nothing.

A property says what a thing does: a changed `fixed` or `name` replaces it, `first` deletes it before that, `fails` is
the call that fails, `read` what a refresh finds (`drift`, `gone`), `waits` the file a creation waits for. As
`plain` it has no secrets and no detailed diffs, as old plugins.
"""
# ruff: noqa: ARG002, N802 - the protocol's methods

from __future__ import annotations

import os
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
FIXED: Final = ("name", "fixed")
_KINDS: Final = provider_pb2.PropertyDiff


class Things(provider_pb2_grpc.ResourceProviderServicer):
    """Things of one package."""

    def __init__(self, package: str) -> None:
        self._modern = package != "plain"

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=self._modern, accept_resources=self._modern)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.2.3")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        changed = differing(request.old_inputs, request.news)
        return self._diff(request, changed, [key for key in changed if key == "region"])

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(
            acceptSecrets=self._modern, supportsPreview=True, acceptResources=self._modern
        )

    def Check(self, request: Any, context: Any) -> Any:
        inputs = struct_pb2.Struct()
        inputs.CopyFrom(request.news)
        if "name" not in inputs:
            inputs["name"] = text(request.olds, "name") or f"{request.name}-made-up"
        failures = []
        if text(inputs, "fails") == "check":
            failures = [provider_pb2.CheckFailure(property="fails", reason="is refused")]
        return provider_pb2.CheckResponse(inputs=inputs, failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        if text(request.news, "fails") == "diff":
            context.abort(grpc.StatusCode.UNKNOWN, "cannot compare")
        changed = differing(request.old_inputs, request.news)
        return self._diff(request, changed, [key for key in changed if key in FIXED])

    def _diff(self, request: Any, changed: list[str], replaces: list[str]) -> Any:
        answer = provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=replaces,
            diffs=changed,
            deleteBeforeReplace=bool(replaces) and "first" in request.news,
        )
        if self._modern:
            answer.hasDetailedDiff = True
            for key in changed:
                kind = "UPDATE" if key in request.old_inputs else "ADD"
                kind = kind if key in request.news else "DELETE"
                name = kind + ("_REPLACE" if key in replaces else "")
                answer.detailedDiff[key].kind = getattr(_KINDS, name)
                answer.detailedDiff[key].inputDiff = True
        return answer

    def Create(self, request: Any, context: Any) -> Any:
        fails = "" if request.preview else text(request.properties, "fails")
        if not request.preview and (path := text(request.properties, "waits")):
            wait_for(Path(path))
        if fails == "create":
            context.abort(grpc.StatusCode.UNKNOWN, "cannot be made")
        id_ = f"{request.name}-{zlib.crc32(request.properties.SerializeToString(deterministic=True)):08x}-id"
        if fails == "init":
            half_made(context, id_, outputs(request.properties, "10.0.0.0"), request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=outputs(request.properties, UNKNOWN))
        return provider_pb2.CreateResponse(id=id_, properties=outputs(request.properties, f"at-{request.name}"))

    def Update(self, request: Any, context: Any) -> Any:
        fails = "" if request.preview else text(request.news, "fails")
        if fails == "update":
            context.abort(grpc.StatusCode.UNKNOWN, "cannot be changed")
        if fails == "init":
            half_made(context, request.id, outputs(request.news, "10.0.0.0"), request.news)
        address = UNKNOWN if request.preview and "restless" in request.news else f"at-{request.name}"
        return provider_pb2.UpdateResponse(properties=outputs(request.news, address))

    def Delete(self, request: Any, context: Any) -> Any:
        if text(request.properties, "fails") == "delete":
            context.abort(grpc.StatusCode.UNKNOWN, "cannot be removed")
        return empty_pb2.Empty()

    def Read(self, request: Any, context: Any) -> Any:
        found, inputs = struct_pb2.Struct(), struct_pb2.Struct()
        found.CopyFrom(request.properties)
        inputs.CopyFrom(request.inputs)
        if request.id == "nothing" or text(inputs, "read") == "gone":
            return provider_pb2.ReadResponse()
        if not request.properties.fields:  # imported, or got
            inputs["name"], inputs["size"] = request.name, 1
            found = outputs(inputs, "found")
        if text(inputs, "read") == "drift":
            found["size"] = inputs["size"] = 77
        return provider_pb2.ReadResponse(id=request.id, properties=found, inputs=inputs)

    def Invoke(self, request: Any, context: Any) -> Any:
        if "value" not in request.args:
            failure = provider_pb2.CheckFailure(property="value", reason="is missing")
            return provider_pb2.InvokeResponse(failures=[failure])
        answer = struct_pb2.Struct()
        answer["value"] = request.args["value"]
        return provider_pb2.InvokeResponse(**{"return": answer})

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def wait_for(path: Path) -> None:
    """Says in a file beside it that it waits, and does until the file is there."""
    path.with_suffix(".begun").touch()
    while not path.exists():
        time.sleep(0.02)


def text(properties: Any, key: str) -> str:
    """A text among the properties, "" when there is none."""
    return properties.fields[key].string_value if key in properties.fields else ""


def outputs(inputs: Any, address: str) -> Any:
    """A thing as it is: its inputs and its address."""
    made = struct_pb2.Struct()
    made.CopyFrom(inputs)
    made["address"] = address
    return made


def differing(olds: Any, news: Any) -> list[str]:
    """The properties that are not the same."""
    keys = sorted({*olds.fields, *news.fields})
    return [key for key in keys if olds.fields.get(key) != news.fields.get(key)]


def half_made(context: Any, id_: str, properties: Any, inputs: Any) -> None:
    """Fails as a provider does whose object exists and does not work."""
    detail = provider_pb2.ErrorResourceInitFailed(id=id_, properties=properties, inputs=inputs, reasons=["not ready"])
    packed = any_pb2.Any()
    packed.Pack(detail)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message="half made", details=[packed])
    context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
    context.abort(grpc.StatusCode.UNKNOWN, "half made")


def main(package: str) -> None:
    """Serves until it is ended, or the engine that started it is gone: a killed one ends nothing."""
    engine = os.getppid()
    server = grpc.server(ThreadPoolExecutor(8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Things(package), server)
    sys.stdout.write(f"{server.add_insecure_port('127.0.0.1:0')}\n")
    sys.stdout.flush()
    server.start()
    while os.getppid() == engine:
        server.wait_for_termination(timeout=1)


if __name__ == "__main__":
    main(sys.argv[1])
