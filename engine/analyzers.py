"""Policy packs: each runs in its own process and judges every resource before its step (`pkg/resource/analyzer`).

A pack that does not start, or a policy that raises, fails the run: nothing is planned without its judges.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from engine import wire
from engine.errors import EngineError
from engine.events import shown
from engine.messages import Analyze, Analyzed
from engine.policy_config import LEVELS, PolicySettings, merge, read_policy_config, schema_faults
from engine.urn import name_of, split_reference, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from engine.config import Configuration
    from engine.events import EventStream
    from engine.state import ResourceState
    from engine.values import PropertyMap

_START_TIMEOUT_S: Final = 60.0
# A stack of thousands may take a policy a minute; a pack that is silent for five will never answer.
_ANSWER_TIMEOUT_S: Final = 300.0
_ADVISORY: Final = "advisory"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a pack is told about the run; where state lies and the project's folder by its environment only."""

    project: str
    stack: str
    preview: bool
    config: Configuration
    backend_url: str
    root: Path


@dataclass(frozen=True, slots=True)
class _Launched:
    """A pack whose process has begun. `timer` ends it when it takes too long; `pumps` read what it prints."""

    folder: Path
    manifest: Mapping[str, Any]
    process: subprocess.Popen[str]
    timer: threading.Timer
    pumps: list[threading.Thread]


@dataclass(slots=True)
class _Pack:
    """A started pack. `event_name` is what the summary calls a pack from a folder."""

    name: str
    version: str
    event_name: str
    stub: Any
    levels: dict[str, str] = field(default_factory=dict)
    resource_policies: tuple[str, ...] = ()
    stack_policies: tuple[str, ...] = ()

    @property
    def remediates(self) -> bool:
        return any(self.levels[name] == "remediate" for name in self.resource_policies)


class Analyzers:
    """All packs of a run. `known` finds a registered resource by URN, for the facts about its provider."""

    def __init__(self, events: EventStream, known: Callable[[str], ResourceState | None]) -> None:
        self._events = events
        self._known = known
        self._packs: list[_Pack] = []
        self._resources = ExitStack()
        self._cache: dict[str, Any] = {}

    @property
    def summary(self) -> dict[str, str]:
        """Event name -> version of each pack."""
        return {pack.event_name: pack.version for pack in self._packs}

    def close(self) -> None:
        """Ends the packs' processes; what goes wrong is a warning, since the run's work is done."""
        try:
            self._resources.close()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong must not cost the run its record
            self._events.diagnostic("warning", f"a policy pack did not end in order: {type(error).__name__}: {error}")

    # ------------------------------------------------------------ start

    def start(self, folders: Sequence[Path], configs: Sequence[Path], facts: RunFacts) -> None:
        """Starts every pack; raises EngineError when one does not start or does not accept its configuration."""
        if not folders:
            return
        self._events.emit("policyLoadEvent", {})
        settings = [read_policy_config(path) for path in configs]
        port = self._resources.enter_context(_reserved_port())
        launched = [self._launch(folder.resolve(), f"127.0.0.1:{port}", facts) for folder in folders]
        # What this process needs is imported while the packs' processes import what they need. It is as much.
        for module in ("engine.monitor", "engine.program", "engine.program_engine"):
            importlib.import_module(module)
        from engine.engine_service import serve_engine  # noqa: PLC0415 - gRPC is needed with packs only

        self._resources.enter_context(serve_engine(self._events.diagnostic, port))
        for index, one in enumerate(launched):
            given = settings[index] if index < len(settings) else {}
            self._packs.append(self._start_pack(one, given, facts))

    def _start_pack(self, launched: _Launched, given: Mapping[str, PolicySettings], facts: RunFacts) -> _Pack:
        import grpc  # noqa: PLC0415 - gRPC is needed with packs only
        from google.protobuf import empty_pb2  # noqa: PLC0415
        from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc  # noqa: PLC0415

        from engine.engine_service import GRPC_OPTIONS  # noqa: PLC0415

        folder = launched.folder
        port = self._port(launched)
        # a proxy from the environment must not be asked for 127.0.0.1
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=(*GRPC_OPTIONS, ("grpc.enable_http_proxy", 0)))
        self._resources.callback(channel.close)
        stub = analyzer_pb2_grpc.AnalyzerStub(channel)
        try:
            stub.ConfigureStack(
                analyzer_pb2.AnalyzerStackConfigureRequest(
                    stack=facts.stack,
                    project=facts.project,
                    organization="organization",
                    dry_run=facts.preview,
                    config=facts.config.values,
                    config_secret_keys=facts.config.secret_keys,
                ),
                timeout=_START_TIMEOUT_S,
            )
            info = stub.GetAnalyzerInfo(empty_pb2.Empty(), timeout=_START_TIMEOUT_S)
            return self._configured(folder, launched.manifest, info, stub, given)
        except grpc.RpcError as error:
            raise EngineError(f"policy pack {folder} not started: {error.details()}") from error

    def _configured(
        self, folder: Path, manifest: Mapping[str, Any], info: Any, stub: Any, given: Mapping[str, PolicySettings]
    ) -> _Pack:
        from pulumi.runtime.proto import analyzer_pb2  # noqa: PLC0415 - gRPC is needed with packs only

        version = str(manifest.get("version") or info.version)
        pack = _Pack(info.name, version, f"{info.name}|local|{_abbreviated(folder)}", stub)
        initial = {
            name: PolicySettings(LEVELS[entry.enforcementLevel], wire.from_struct(entry.properties))
            for name, entry in info.initialConfig.items()
        }
        merged = merge([policy.name for policy in info.policies], initial, given)
        request = analyzer_pb2.ConfigureAnalyzerRequest()
        faults: list[str] = []
        for policy in info.policies:
            settings = merged[policy.name]
            schema = wire.from_struct(policy.configSchema.properties)
            faults += [
                f"{pack.name} {version}  {policy.name}: {fault}"
                for fault in schema_faults(settings.properties, schema, list(policy.configSchema.required))
            ]
            level = settings.level or LEVELS[policy.enforcementLevel]
            pack.levels[policy.name] = level
            request.policyConfig[policy.name].enforcementLevel = LEVELS.index(level)  # type: ignore[assignment]
            request.policyConfig[policy.name].properties.CopyFrom(wire.to_struct(settings.properties))
        if faults:
            text = "validating policy config: " + "; ".join(faults)
            self._events.diagnostic("error", text)
            raise EngineError(text)
        if info.supportsConfig:
            stub.Configure(request, timeout=_START_TIMEOUT_S)
        is_stack = {policy.name: policy.policy_type == analyzer_pb2.POLICY_TYPE_STACK for policy in info.policies}
        pack.resource_policies = tuple(sorted(name for name, stack in is_stack.items() if not stack))
        pack.stack_policies = tuple(sorted(name for name, stack in is_stack.items() if stack))
        return pack

    def _launch(self, folder: Path, address: str, facts: RunFacts) -> _Launched:
        """Starts a pack's process, which will call the engine at an address nobody listens on yet."""
        manifest = _manifest(folder)
        environment = {
            **os.environ,
            "PULUMI_ORGANIZATION": "organization",
            "PULUMI_PROJECT": facts.project,
            "PULUMI_STACK": facts.stack,
            "PULUMI_DRY_RUN": "true" if facts.preview else "false",
            "PULUMI_CONFIG": json.dumps(dict(facts.config.values)),
            "PULUMI_BACKEND_URL": facts.backend_url,
            "PULUMI_PROJECT_ROOT": str(facts.root),
        }
        program = folder / manifest["main"] if manifest.get("main") else folder
        process = subprocess.Popen(
            [str(_interpreter(folder, manifest)), "-u", "-m", "pulumi.policy", address, str(program)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # a Ctrl-C at the terminal is for the engine: it ends its packs itself
            start_new_session=True,
        )
        pumps: list[threading.Thread] = []
        self._resources.callback(_end, process, pumps)
        timer = threading.Timer(_START_TIMEOUT_S, process.kill)
        timer.start()
        self._resources.callback(timer.cancel)
        return _Launched(folder, manifest, process, timer, pumps)

    def _port(self, launched: _Launched) -> int:
        """The first line a pack prints is its port; what comes after is its log."""
        folder, process = launched.folder, launched.process
        line = process.stdout.readline() if process.stdout else ""
        launched.timer.cancel()
        try:
            port = int(line)
        except ValueError:
            process.kill()
            said = f"{line}{process.communicate()[1]}".strip().splitlines()
            reason = said[-1] if said else "it ended without a word"
            raise EngineError(
                f"policy pack {folder} not started: could not read policy pack port: {reason}",
                fix="A pack must print nothing before it is up, and must load without an error.",
            ) from None
        for stream in (process.stdout, process.stderr):
            launched.pumps.append(threading.Thread(target=self._pump, args=(stream, folder.name), daemon=True))
            launched.pumps[-1].start()
        return port

    def _pump(self, stream: Iterable[str], name: str) -> None:
        for line in stream:
            self._events.diagnostic("debug", f"{name}: {line}")

    # ------------------------------------------------------------ judging one resource

    def analyze(self, ask: Analyze) -> Analyzed:
        """Remediations first, each pack seeing what the one before made of the inputs; then every judgement."""
        inputs, refused, remediated = ask.inputs, False, False
        if not self._packs:
            return Analyzed(ask.token, inputs)
        try:
            for pack in self._packs:
                changed = self._remediate(pack, ask, inputs)
                remediated = remediated or changed is not inputs
                inputs = changed
            for pack in self._packs:
                refused = self._judge(pack, ask, inputs) or refused
        except _PolicyFaultError as error:
            return Analyzed(ask.token, inputs, error=str(error))
        return Analyzed(ask.token, inputs, refused=refused, remediated=remediated)

    def _remediate(self, pack: _Pack, ask: Analyze, inputs: PropertyMap) -> PropertyMap:
        failed: set[str] = set()
        # A pack that mends nothing is asked where it sees more than in Analyze: what the engine keeps in a provider.
        if pack.remediates or any(key.startswith("__") for key in inputs):
            response = _answered(pack, pack.stub.Remediate, self._request(ask, inputs))
            for remedy in response.remediations:
                if remedy.diagnostic:
                    self._violation(pack, ask.urn, remedy.policyName, remedy.diagnostic, _ADVISORY)
                    continue
                after = wire.from_struct(remedy.properties)
                failed.add(remedy.policyName)
                body = {**_named(pack, remedy.policyName), "resourceUrn": ask.urn, "color": "never"}
                self._events.emit("policyRemediationEvent", {**body, "before": shown(inputs), "after": shown(after)})
                inputs = after
        self._summary("policyRemediateSummaryEvent", pack, pack.resource_policies, failed, ask.urn)
        return inputs

    def _judge(self, pack: _Pack, ask: Analyze, inputs: PropertyMap) -> bool:
        plain = {key: value for key, value in inputs.items() if not key.startswith("__")}
        response = _answered(pack, pack.stub.Analyze, self._request(ask, plain))
        refused, failed = self._diagnosed(pack, response.diagnostics, ask.urn)
        self._summary("policyAnalyzeSummaryEvent", pack, pack.resource_policies, failed, ask.urn)
        return refused

    def _request(self, ask: Analyze, inputs: PropertyMap) -> Any:
        from pulumi.runtime.proto import analyzer_pb2  # noqa: PLC0415 - gRPC is needed with packs only

        goal = ask.goal
        options = analyzer_pb2.AnalyzerResourceOptions(
            protect=bool(goal.protect),
            ignoreChanges=goal.ignore_changes,
            deleteBeforeReplace=bool(goal.delete_before_replace),
            deleteBeforeReplaceDefined=goal.delete_before_replace is not None,
            additionalSecretOutputs=goal.additional_secret_outputs,
            aliases=[alias for alias in goal.aliases if isinstance(alias, str)],
            customTimeouts=_timeouts(goal.custom_timeouts),
            parent=goal.parent,
        )
        return analyzer_pb2.AnalyzeRequest(
            type=goal.type,
            properties=wire.to_struct(inputs, references=False),
            urn=ask.urn,
            name=goal.name,
            options=options,
            provider=self._provider(goal.provider),
        )

    def _provider(self, reference: str) -> Any:
        if not reference:
            return None
        if reference not in self._cache:
            from pulumi.runtime.proto import analyzer_pb2  # noqa: PLC0415 - gRPC is needed with packs only

            urn, _ = split_reference(reference)
            state = self._known(urn)
            inputs = {key: value for key, value in (state.inputs if state else {}).items() if not key.startswith("__")}
            self._cache[reference] = analyzer_pb2.AnalyzerProviderResource(
                type=type_of(urn), name=name_of(urn), urn=urn, properties=wire.to_struct(inputs, references=False)
            )
        return self._cache[reference]

    # ------------------------------------------------------------ judging the stack

    def analyze_stack(self, resources: Iterable[ResourceState], root: str) -> tuple[bool, str]:
        """Judges the finished stack: whether it is refused, and the text of a policy that raised."""
        if not self._packs:
            return False, ""
        from pulumi.runtime.proto import analyzer_pb2  # noqa: PLC0415

        refused = False
        request = None
        for pack in self._packs:
            request = request or analyzer_pb2.AnalyzeStackRequest(resources=[self._item(state) for state in resources])
            try:
                response = _answered(pack, pack.stub.AnalyzeStack, request)
            except _PolicyFaultError as error:
                return True, str(error)
            now_refused, failed = self._diagnosed(pack, response.diagnostics, root)
            refused = refused or now_refused
            self._summary("policyAnalyzeStackSummaryEvent", pack, pack.stack_policies, failed, "")
        return refused, ""

    def _item(self, state: ResourceState) -> Any:
        from pulumi.runtime.proto import analyzer_pb2  # noqa: PLC0415 - gRPC is needed with packs only

        return analyzer_pb2.AnalyzerResource(
            type=state.type,
            properties=wire.to_struct(state.outputs, references=False),
            urn=state.urn,
            name=name_of(state.urn),
            options=analyzer_pb2.AnalyzerResourceOptions(
                protect=state.protect,
                ignoreChanges=state.ignore_changes,
                additionalSecretOutputs=state.additional_secret_outputs,
                customTimeouts=_timeouts(state.custom_timeouts),
                parent=state.parent,
            ),
            provider=self._provider(state.provider),
            parent=state.parent,
            dependencies=state.dependencies,
            propertyDependencies={
                key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
                for key, urns in state.property_dependencies.items()
                if urns
            },
        )

    # ------------------------------------------------------------ events

    def _diagnosed(self, pack: _Pack, diagnostics: Iterable[Any], urn: str) -> tuple[bool, set[str]]:
        refused, failed = False, set()
        for diagnostic in diagnostics:
            level = LEVELS[diagnostic.enforcementLevel]
            self._violation(pack, diagnostic.urn or urn, diagnostic.policyName, diagnostic.message, level)
            failed.add(diagnostic.policyName)
            # a resource that a remediation did not mend is refused
            refused = refused or level in ("mandatory", "remediate")
        return refused, failed

    def _violation(self, pack: _Pack, urn: str, policy: str, message: str, level: str) -> None:
        body = {"resourceUrn": urn, "message": f"{message}\n", "color": "never", **_named(pack, policy)}
        self._events.emit("policyEvent", {**body, "enforcementLevel": level})

    def _summary(self, event: str, pack: _Pack, policies: tuple[str, ...], failed: set[str], urn: str) -> None:
        body: dict[str, Any] = {"resourceUrn": urn} if urn else {}
        body.update(policyPackName=pack.name, policyPackVersion=pack.version, policyPackVersionTag=pack.version)
        if passed := [name for name in policies if name not in failed and pack.levels[name] != "disabled"]:
            body["passed"] = passed
        if failed:
            body["failed"] = sorted(failed)
        self._events.emit(event, body)


class _PolicyFaultError(Exception):
    """A pack that gave no judgement: the run cannot be trusted to go on."""


def _answered(pack: _Pack, call: Callable[..., Any], request: Any) -> Any:
    """A pack's answer; raises _PolicyFaultError when a policy raised or the pack is silent."""
    import grpc  # noqa: PLC0415 - gRPC is needed with packs only

    try:
        return call(request, timeout=_ANSWER_TIMEOUT_S)
    except grpc.RpcError as error:
        silent = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        said = f"policy pack '{pack.name}' gave no answer in {_ANSWER_TIMEOUT_S:g} s" if silent else error.details()
        raise _PolicyFaultError(f"failed to run policy: {said}") from error


@contextmanager
def _reserved_port() -> Iterator[int]:
    """A loopback port that nobody else gets; gRPC, which shares ports, can serve on it later."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def _named(pack: _Pack, policy: str) -> dict[str, str]:
    return {
        "policyName": policy,
        "policyPackName": pack.name,
        "policyPackVersion": pack.version,
        "policyPackVersionTag": pack.version,
    }


def _timeouts(seconds: Mapping[str, float]) -> Any:
    from pulumi.runtime.proto import analyzer_pb2  # noqa: PLC0415 - gRPC is needed with packs only

    kinds = ("create", "update", "delete")
    return analyzer_pb2.AnalyzerResourceOptions.CustomTimeouts(
        **{kind: seconds[kind] for kind in kinds if kind in seconds}
    )


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "PulumiPolicy.yaml"
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EngineError(
            f'failed to load Pulumi policy project located at "{folder}": open {path}: no such file or directory'
        ) from None
    except (OSError, yaml.YAMLError) as error:
        raise EngineError(f'failed to load Pulumi policy project located at "{folder}": {error}') from error
    runtime = data.get("runtime") if isinstance(data, dict) else None
    if (runtime.get("name") if isinstance(runtime, dict) else runtime) != "python":
        raise EngineError(f"{path}: this engine runs Python policy packs only", fix="Use the Pulumi CLI.")
    return dict(data)


def _interpreter(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """The Python of the pack's own virtual environment when it declares one that exists, else ours."""
    runtime = manifest["runtime"]
    declared = (runtime.get("options") or {}).get("virtualenv") if isinstance(runtime, dict) else None
    own = folder / str(declared) / "bin" / "python"
    return own if declared and own.exists() else Path(sys.executable)


def _abbreviated(folder: Path) -> str:
    home = str(Path.home())
    return f"~{str(folder).removeprefix(home)}" if str(folder).startswith(f"{home}/") else str(folder)


def _end(process: subprocess.Popen[str], pumps: list[threading.Thread]) -> None:
    process.kill()
    process.wait()
    for pump in pumps:
        pump.join()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
