"""A policy pack as the engine meets it: started, configured, and asked over gRPC (`pkg/resource/plugin/analyzer`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto import analyzer_pb2_grpc

from engine import wire
from engine.engine_service import GRPC_OPTIONS
from engine.errors import EngineError
from engine.packs.policy_config import LEVELS, PolicySettings, merge, schema_faults
from engine.packs.process import START_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from engine.packs.process import PackProcess, RunFacts

# A stack of thousands may take a policy a minute; a pack that is silent for five will never answer.
_ANSWER_TIMEOUT_S: Final = 300.0
_ENDED: Final = (
    "\n    fix: run it again; if it ends again, see whether something kills it, or whether the machine is out of memory"
)


class PolicyFaultError(Exception):
    """A pack that gave no judgement: the run cannot be trusted to go on."""


class PolicyConfigError(EngineError):
    """A configuration that does not fit a pack's policies."""


@dataclass(slots=True)
class Pack:
    """A started pack. `event_name` is what the summary calls a pack from a folder; `levels`: of each policy."""

    name: str
    version: str
    event_name: str
    _stub: Any
    levels: dict[str, str] = field(default_factory=dict)
    resource_policies: tuple[str, ...] = ()
    stack_policies: tuple[str, ...] = ()

    @property
    def remediates(self) -> bool:
        """Whether it may change inputs."""
        return any(self.levels[name] == "remediate" for name in self.resource_policies)

    def ask(self, method: str, request: Any) -> Any:
        """The answer to Remediate, Analyze or AnalyzeStack.

        Raises PolicyFaultError when a policy raised or the pack is silent.
        """
        try:
            return getattr(self._stub, method)(request, timeout=_ANSWER_TIMEOUT_S)
        except grpc.RpcError as error:
            status, pack = grpc.StatusCode, f"policy pack '{self.name}'"
            said = {
                status.DEADLINE_EXCEEDED: f"{pack} gave no answer in {_ANSWER_TIMEOUT_S:g} s",
                status.UNAVAILABLE: f"{pack} ended before it answered{_ENDED}",
            }.get(error.code(), error.details())
            raise PolicyFaultError(f"failed to run policy: {said}") from error


def connect(process: PackProcess, given: Mapping[str, PolicySettings], facts: RunFacts, ending: ExitStack) -> Pack:
    """The pack, once its process listens and has taken its configuration; `ending` gets what is to be closed.

    Raises EngineError: not started, or (PolicyConfigError) configured with what its policies do not take.
    """
    # a proxy from the environment must not be asked for 127.0.0.1
    options = (*GRPC_OPTIONS, ("grpc.enable_http_proxy", 0))
    channel = grpc.insecure_channel(f"127.0.0.1:{process.port()}", options=options)
    ending.callback(channel.close)
    stub = analyzer_pb2_grpc.AnalyzerStub(channel)
    try:
        stub.ConfigureStack(
            proto.AnalyzerStackConfigureRequest(
                stack=facts.stack,
                project=facts.project,
                organization="organization",
                dry_run=facts.preview,
                config=facts.config.values,
                config_secret_keys=facts.config.secret_keys,
            ),
            timeout=START_TIMEOUT_S,
        )
        info = stub.GetAnalyzerInfo(empty_pb2.Empty(), timeout=START_TIMEOUT_S)
        version = str(process.manifest.get("version") or info.version)
        pack = Pack(info.name, version, f"{info.name}|{process.event_name}", stub)
        request = _configure(pack, info, given)
        if info.supportsConfig:
            stub.Configure(request, timeout=START_TIMEOUT_S)
    except grpc.RpcError as error:
        raise EngineError(
            f"policy pack {process.folder} not started: {error.details()}", fix="Mend the pack, then try again."
        ) from error
    return pack


def _configure(pack: Pack, info: Any, given: Mapping[str, PolicySettings]) -> Any:
    """Gives the pack its levels and policies: the request that tells it so."""
    initial = {
        name: PolicySettings(LEVELS[entry.enforcementLevel], wire.from_struct(entry.properties))
        for name, entry in info.initialConfig.items()
    }
    merged = merge([policy.name for policy in info.policies], initial, given)
    request = proto.ConfigureAnalyzerRequest()
    faults: list[str] = []
    for policy in info.policies:
        settings = merged[policy.name]
        schema = wire.from_struct(policy.configSchema.properties)
        faults += [
            f"{pack.name} {pack.version}  {policy.name}: {fault}"
            for fault in schema_faults(settings.properties, schema, list(policy.configSchema.required))
        ]
        level = settings.level or LEVELS[policy.enforcementLevel]
        pack.levels[policy.name] = level
        request.policyConfig[policy.name].enforcementLevel = LEVELS.index(level)  # type: ignore[assignment]
        request.policyConfig[policy.name].properties.CopyFrom(wire.to_struct(settings.properties))
    if faults:
        raise PolicyConfigError(
            "validating policy config: " + "; ".join(faults), fix="Correct the file of --policy-pack-config."
        )
    is_stack = {policy.name: policy.policy_type == proto.POLICY_TYPE_STACK for policy in info.policies}
    pack.resource_policies = tuple(sorted(name for name, stack in is_stack.items() if not stack))
    pack.stack_policies = tuple(sorted(name for name, stack in is_stack.items() if stack))
    return request
