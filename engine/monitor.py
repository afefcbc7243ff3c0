"""The resource monitor as a Python object: what a program's SDK calls in place of the gRPC service.

Methods have the protocol's names and may be called from many threads; errors are `grpc.RpcError` as the SDK expects
(`sdk/proto/pulumi/resource.proto`, `pkg/resource/deploy/source_eval.go`). What is not supported is not advertised, so
that the SDK refuses the option by name.
"""

from __future__ import annotations

import json
import os
import re
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, resource_pb2

from engine import wire
from engine.provider import ProviderError
from engine.providers import installed_version
from engine.registration import default_provider_disabled
from engine.steps import AliasSpec, Goal
from engine.transforms import Transforms
from engine.urn import is_provider_type, package_of
from engine.values import UNKNOWN, UNKNOWN_SENTINEL, Secret, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from engine.config import Configuration
    from engine.executor import Executor
    from engine.messages import Answer

_FEATURES: Final = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_DEPENDS_ON,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_PARENT,
)
_RESULTS: Final = {"success": resource_pb2.SUCCESS, "fail": resource_pb2.FAIL, "skip": resource_pb2.FAIL}
_DISABLED_KEY: Final = "pulumi:disable-default-providers"
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class MonitorError(grpc.RpcError):  # type: ignore[misc] # grpc is not typed
    """A gRPC status without gRPC."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        """The status."""
        return self._code

    def details(self) -> str:
        """The message."""
        return self._details


class Monitor:
    """One program's monitor. `root`: the project's folder, for source positions."""

    def __init__(self, executor: Executor, configuration: Configuration, root: Path) -> None:
        self._executor = executor
        self._configuration = configuration
        self._root = root
        self._goals: dict[str, Goal] = {}
        self._providers_of: dict[str, Mapping[str, str]] = {}  # URN -> package -> provider reference
        self._defaults: dict[tuple[str, str, str], str] = {}
        self._transforms = Transforms()
        self._paths: dict[str, str] = {}  # every frame of every resource names one of a few files
        self._lock = threading.Lock()
        self._default_lock = threading.Lock()

    # ------------------------------------------------------------ features

    def GetDeploymentInfo(self, _request: Any) -> Any:  # noqa: N802 - the protocol's method
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def SupportsFeature(self, _request: Any) -> Any:  # noqa: N802 - the protocol's method
        return resource_pb2.SupportsFeatureResponse(hasSupport=False)

    def SignalAndWaitForShutdown(self, _request: Any) -> Any:  # noqa: N802 - the protocol's method
        return empty_pb2.Empty()

    # ------------------------------------------------------------ resources

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        try:
            request = self._transforms.apply(request)
        except MonitorError:
            raise
        except grpc.RpcError as error:
            raise MonitorError(grpc.StatusCode.UNKNOWN, error.details()) from error
        _refuse_unsupported(request)
        goal = self._goal(request)
        answer = self._register(goal)
        self._transforms.remember(answer.state.urn, request.transforms, request.parent)
        with self._lock:
            if request.providers:
                self._providers_of[answer.state.urn] = dict(request.providers)
        response = resource_pb2.RegisterResourceResponse(urn=answer.state.urn, result=_RESULTS[answer.result])
        if answer.state.custom:
            response.id = answer.state.id if isinstance(answer.state.id, str) else ""
            if answer.result == "success":
                response.object.CopyFrom(wire.to_struct(answer.state.outputs))
        return response

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        parent = self._parent_goal(request.parent)
        goal = Goal(
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=wire.from_struct(request.properties),
            provider=self._provider_for(request, parent),
            dependencies=tuple(request.dependencies),
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            read_id=UNKNOWN if request.id in wire.UNKNOWN_SENTINELS else request.id,
            source_position=self._position(request.sourcePosition),
            stack_trace=self._trace(request.stackTrace),
        )
        answer = self._register(goal)
        known = answer.state.id if isinstance(answer.state.id, str) else ""
        response = resource_pb2.ReadResourceResponse(urn=answer.state.urn, id=known, result=_RESULTS[answer.result])
        response.properties.CopyFrom(wire.to_struct(answer.state.outputs))
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        outputs = wire.from_struct(request.outputs)
        if not self._executor.register_outputs(request.urn, outputs):
            raise MonitorError(grpc.StatusCode.UNAVAILABLE, "the deployment is shutting down")
        return empty_pb2.Empty()

    def RegisterStackTransform(self, callback: Any) -> Any:  # noqa: N802 - the protocol's method
        self._transforms.add_to_stack(callback)
        return empty_pb2.Empty()

    def _register(self, goal: Goal) -> Answer:
        answer = self._executor.register(goal)
        if answer is None:
            raise MonitorError(grpc.StatusCode.UNAVAILABLE, "the deployment is shutting down")
        with self._lock:
            self._goals[answer.state.urn] = goal
        return answer

    def _goal(self, request: Any) -> Goal:
        parent = self._parent_goal(request.parent)
        inputs = wire.from_struct(request.object)
        dependencies = tuple(sorted(set(request.dependencies)))
        by_property = {key: tuple(sorted(entry.urns)) for key, entry in request.propertyDependencies.items()}
        if not by_property:
            by_property = dict.fromkeys(inputs, dependencies)
        if is_provider_type(request.type):
            inputs = _with_internal(inputs, request)
        retain = request.retainOnDelete if request.HasField("retainOnDelete") else None
        protect = request.protect if request.HasField("protect") else None
        return Goal(
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent,
            inputs=inputs,
            provider=self._provider_for(request, parent)
            if request.custom and not is_provider_type(request.type)
            else "",
            dependencies=dependencies,
            property_dependencies=by_property,
            protect=parent.protect if protect is None and parent else protect,
            retain_on_delete=parent.retain_on_delete if retain is None and parent else retain,
            delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
            deleted_with=request.deletedWith or (parent.deleted_with if parent else ""),
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            hide_diff=tuple(request.hideDiffs),
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            aliases=(*request.aliasURNs, *(_alias(alias) for alias in request.aliases)),
            import_id=request.importId,
            custom_timeouts=_timeouts(request),
            source_position=self._position(request.sourcePosition),
            stack_trace=self._trace(request.stackTrace),
        )

    def _parent_goal(self, urn: str) -> Goal | None:
        with self._lock:
            return self._goals.get(urn)

    # ------------------------------------------------------------ providers

    def _provider_for(self, request: Any, parent: Goal | None) -> str:
        """Explicit reference, the request's or a parent's providers map, else the default provider of the package.

        "" when the package may have no default provider: the planner refuses the resource.
        """
        if request.provider:
            return str(request.provider)
        package = package_of(request.type)
        own = getattr(request, "providers", {})
        if package in own:
            return str(own[package])
        with self._lock:
            inherited = self._providers_of.get(request.parent, {})
        if package in inherited:
            return inherited[package]
        if parent is not None and parent.provider and package_of(parent.type) == package:
            return parent.provider
        return self._default_provider(package, request.version, request.pluginDownloadURL)

    def _default_provider(self, package: str, version: str, url: str) -> str:
        """The package's default provider, registered when there is none yet; "" when the stack disables it."""
        denied = self._configuration.values.get(_DISABLED_KEY)
        listed = json.loads(denied) if denied else []
        if package != "pulumi" and ("*" in listed or package in listed):
            return ""
        key = ("pulumi", "", "") if package == "pulumi" else (package, version or installed_version(package), url)
        with self._default_lock:
            if key not in self._defaults:
                self._defaults[key] = self._make_default_provider(*key)
            return self._defaults[key]

    def _make_default_provider(self, package: str, version: str, url: str) -> str:
        secret = set(self._configuration.secret_keys)
        inputs: dict[str, Any] = {
            key.partition(":")[2]: Secret(value) if key in secret else value
            for key, value in self._configuration.values.items()
            if package != "pulumi" and key.partition(":")[0] == package
        }
        if version:
            inputs.update(version=version, __internal={})
        if url:
            inputs["__internal"] = {"pluginDownloadURL": url}
        suffix = f"_{version.replace('.', '_').replace('-', '_').replace('+', '_')}" if version else ""
        goal = Goal(
            type=f"pulumi:providers:{package}",
            name=f"default{suffix}",
            inputs=inputs,
        )
        state = self._register(goal).state
        return f"{state.urn}::{UNKNOWN_SENTINEL if isinstance(state.id, Unknown) else state.id}"

    # ------------------------------------------------------------ functions

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        args = wire.from_struct(request.args)
        if request.tok == "pulumi:pulumi:getResource":
            return self._get_resource(str(args.get("urn", "")))
        reference = self._provider_for_function(request)
        if any(self._unknown(urn) for urn in request.dependsOn):
            return resource_pb2.ResourceInvokeResponse(unknown=True)
        try:
            result = self._executor.invoke(reference, request.tok, args)
        except ProviderError as error:
            raise MonitorError(
                grpc.StatusCode.UNKNOWN, f"invocation of {request.tok} returned an error: {error.message}"
            ) from error
        failures = [provider_pb2.CheckFailure(property=item.property, reason=item.reason) for item in result.failures]
        return _returned(result.outputs, failures)

    def _unknown(self, urn: str) -> bool:
        """Whether a resource that a function depends on does not exist yet."""
        state = self._executor.known(urn)
        return state is not None and isinstance(state.id, Unknown)

    def _provider_for_function(self, request: Any) -> str:
        if request.provider:
            return str(request.provider)
        package = package_of(request.tok)
        if reference := self._default_provider(package, request.version, request.pluginDownloadURL):
            return reference
        raise MonitorError(grpc.StatusCode.UNKNOWN, default_provider_disabled(package, request.tok))

    def _get_resource(self, urn: str) -> Any:
        state = self._executor.known(urn)
        if state is None:
            raise MonitorError(grpc.StatusCode.NOT_FOUND, f"unknown resource {urn}")
        found = {"urn": urn, "id": state.id, "provider": state.provider, "state": state.outputs}
        return _returned(found)

    def Call(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        raise MonitorError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{request.tok}: calling methods of resources is not supported by the embedded engine; use the Pulumi CLI",
        )

    def ExistsResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        raise MonitorError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{request.type}: asking whether a resource exists is not supported; use the Pulumi CLI",
        )

    def RegisterPackage(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        raise MonitorError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{request.name}: parameterized packages are not supported; use the Pulumi CLI",
        )

    # ------------------------------------------------------------ positions

    def _position(self, position: Any) -> str:
        """`project:///<path relative to the project>#<line>`, "" when there is none (`source_eval.go`)."""
        if not position.uri.startswith("file://"):
            return ""
        if (path := self._paths.get(position.uri)) is None:
            path = self._paths[position.uri] = os.path.relpath(unquote(urlsplit(position.uri).path), self._root)
        column = f",{position.column}" if position.column else ""
        return f"project:///{path}#{position.line}{column}"

    def _trace(self, trace: Any) -> tuple[str, ...]:
        return tuple(self._position(frame.pc) for frame in trace.frames)


def _returned(outputs: Mapping[str, Any], failures: Sequence[Any] = ()) -> Any:
    response = resource_pb2.ResourceInvokeResponse(failures=failures)
    getattr(response, "return").CopyFrom(wire.to_struct(outputs))  # a keyword in Python
    return response


def _refuse_unsupported(request: Any) -> None:
    """Names the first option that would otherwise be ignored."""
    options = {
        "remote components": request.remote,
        "replacement_trigger": request.HasField("replacement_trigger"),
        "replace_with": bool(request.replace_with),
        "hooks": request.HasField("hooks") and bool(request.hooks.ListFields()),
        "env_var_mappings": bool(request.envVarMappings),
        "state_migrations": bool(request.state_migrations),
        "parameterized packages": bool(request.packageRef),
    }
    if used := [name for name, value in options.items() if value]:
        raise MonitorError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{request.type} {request.name!r} uses {', '.join(used)}, which the embedded engine does not support;"
            " use the Pulumi CLI on the same program and state",
        )


def _with_internal(inputs: Mapping[str, Any], request: Any) -> dict[str, Any]:
    """The engine's own inputs of a provider resource: its version and where it is downloaded from."""
    found = dict(inputs)
    if request.version:
        found.update(version=request.version, __internal={})
    if request.pluginDownloadURL:
        found["__internal"] = {"pluginDownloadURL": request.pluginDownloadURL}
    return found


def _alias(alias: Any) -> str | AliasSpec:
    if alias.WhichOneof("alias") == "urn":
        return str(alias.urn)
    spec = alias.spec
    return AliasSpec(
        name=spec.name or None,
        type=spec.type or None,
        stack=spec.stack or None,
        project=spec.project or None,
        parent=spec.parentUrn or None,
        no_parent=spec.noParent,
    )


def _timeouts(request: Any) -> dict[str, float]:
    given = request.customTimeouts
    kinds = ("create", "update", "delete", "read")
    return {kind: _seconds(text) for kind in kinds if (text := getattr(given, kind, ""))}


def _seconds(text: str) -> float:
    """A Go duration such as `1h30m` in seconds."""
    parts = re.findall(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.lstrip("+-"):
        raise MonitorError(grpc.StatusCode.INVALID_ARGUMENT, f"{text!r} is not a duration such as 5m or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
