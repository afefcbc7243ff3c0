"""A provider plugin that shows what it was sent and misbehaves on demand.

`PROBE_MODE` chooses how it starts and what it can do; a resource's property `do` chooses what one call does. `create`
returns the request as it arrived, as JSON text under `received`.
"""
# ruff: noqa: ARG002, N802 - the protocol's methods

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

MODE = os.environ.get("PROBE_MODE", "")
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def as_json(message):
    return json.dumps(json_format.MessageToDict(message), sort_keys=True)


def struct(**fields):
    return json_format.ParseDict(fields, struct_pb2.Struct())


def abort_with(context, code, text, detail):
    packed = any_pb2.Any()
    packed.Pack(detail)
    status = status_pb2.Status(code=code.value[0], message=text, details=[packed])
    context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
    context.abort(code, text)


class Probe(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, engine):
        self.engine = engine
        self.configured = ""

    def Handshake(self, request, context):
        if MODE.startswith("old"):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "unknown method Handshake")
        if MODE == "mute":
            time.sleep(600)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=MODE != "bare", accept_resources=MODE != "bare")

    def CheckConfig(self, request, context):
        if MODE.startswith("old"):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "unknown method CheckConfig")
        failures = [provider_pb2.CheckFailure(property="region", reason="no such region")]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures if "region" in request.news else [])

    def Configure(self, request, context):
        if "needs" in request.variables.get("probe:config:mode", ""):
            key = provider_pb2.ConfigureErrorMissingKeys.MissingKey(name="probe:token", description="The token.")
            detail = provider_pb2.ConfigureErrorMissingKeys(missingKeys=[key])
            abort_with(context, grpc.StatusCode.INVALID_ARGUMENT, "missing keys", detail)
        self.configured = as_json(request)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=MODE == "old-with-secrets", supportsPreview=MODE == "old-with-secrets"
        )

    def Check(self, request, context):
        if request.randomSeed:
            return provider_pb2.CheckResponse(inputs=request.news)
        failure = provider_pb2.CheckFailure(property="a", reason="bad")
        return provider_pb2.CheckResponse(inputs=request.news, failures=[failure])

    def Diff(self, request, context):
        if not request.news:
            return provider_pb2.DiffResponse()
        kinds = provider_pb2.PropertyDiff
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME,
            replaces=["a"],
            diffs=["a", "b"],
            detailedDiff={"a": kinds(kind=kinds.UPDATE_REPLACE, inputDiff=True), "b[0]": kinds(kind=kinds.DELETE)},
            hasDetailedDiff=True,
            deleteBeforeReplace=True,
        )

    def Create(self, request, context):
        do = json_format.MessageToDict(request.properties).get("do", "")
        self.misbehave(do, context)
        properties = struct(received=as_json(request), configured=self.configured)
        properties.MergeFrom(request.properties)
        if do == "return-unknown":
            properties["late"] = UNKNOWN
        if do == "return-signature":
            properties["odd"] = {"4dabf18193072939515e22adb298388d": "of-tomorrow"}
        return provider_pb2.CreateResponse(id="" if request.preview or do == "no-id" else "id-1", properties=properties)

    def Update(self, request, context):
        self.misbehave(json_format.MessageToDict(request.news).get("do", ""), context)
        return provider_pb2.UpdateResponse(properties=struct(received=as_json(request)))

    def Delete(self, request, context):
        self.misbehave(json_format.MessageToDict(request.properties).get("do", ""), context)
        return empty_pb2.Empty()

    def Read(self, request, context):
        if request.id == "gone":
            return provider_pb2.ReadResponse()
        inputs = struct(n=1) if request.id == "whole" else None
        return provider_pb2.ReadResponse(id=request.id, properties=struct(received=as_json(request)), inputs=inputs)

    def Invoke(self, request, context):
        if request.tok == "probe:index:fail":
            failure = provider_pb2.CheckFailure(property="q", reason="no")
            return provider_pb2.InvokeResponse(failures=[failure])
        self.engine.Log(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message="asked", urn="urn:x"))
        return provider_pb2.InvokeResponse(**{"return": struct(received=as_json(request))})

    def Cancel(self, request, context):
        sys.stderr.write("cancel came\n")
        sys.stderr.flush()
        return empty_pb2.Empty()

    def misbehave(self, do, context):
        if do == "hang":
            sys.stderr.write("hanging\n")
            sys.stderr.flush()
            time.sleep(600)
        elif do == "die":
            sys.stderr.write("about to die\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        elif do == "init-fail":
            detail = provider_pb2.ErrorResourceInitFailed(
                id="id-2", properties=struct(done=1), inputs=struct(s="x"), reasons=["not ready", "still not"]
            )
            abort_with(context, grpc.StatusCode.UNKNOWN, "half done", detail)
        elif do.startswith("abort:"):
            context.abort(grpc.StatusCode[do.removeprefix("abort:")], "refused by the probe")


def main():
    if MODE == "garbage":
        print("Welcome to the probe!", flush=True)
        time.sleep(600)
    if MODE == "hang":
        time.sleep(600)
    if MODE == "exit":
        sys.exit("probe: no licence found")
    if MODE == "close-output":
        os.close(1)
        time.sleep(600)
    if MODE == "endless":
        os.write(1, b"7" * 100_000)
        time.sleep(600)
    if MODE == "deaf":
        print("1", flush=True)
        time.sleep(600)
    if MODE == "child":
        child = subprocess.Popen(["sleep", "600"])
        sys.stderr.write(f"child {child.pid}\n")
        sys.stderr.flush()
    if MODE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(sys.argv[1]))
    server = grpc.server(ThreadPoolExecutor(4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Probe(engine), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    print("a line after the port", flush=True)
    server.wait_for_termination()


main()
