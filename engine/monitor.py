"""The resource monitor as a Python object: what a program's SDK calls in place of the gRPC service.

Methods have the protocol's names and may be called from many threads; errors are `grpc.RpcError` as the SDK expects
(`sdk/proto/pulumi/resource.proto`, `pkg/resource/deploy/source_eval.go`). Options of resources that are not supported
are advertised all the same and refused here with the resource's name: the SDK would say that the CLI is too old.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, resource_pb2

from engine import wire
from engine.default_providers import DefaultProviders
from engine.planning.registration import default_provider_disabled
from engine.provider import ProviderError
from engine.requests import Positions, goal_of, read_goal, refuse_unsupported
from engine.rpc_error import MonitorError
from engine.transforms import Transforms
from engine.urn import is_provider_type, package_of
from engine.values import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from engine.config import Configuration
    from engine.executor import Executor
    from engine.planning.messages import Answer
    from engine.steps import Goal

_FEATURES: Final = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_DEPENDS_ON,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_PARENT,
    # refused by name
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_STATE_MIGRATIONS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
)
_RESULTS: Final = {"success": resource_pb2.SUCCESS, "fail": resource_pb2.FAIL, "skip": resource_pb2.FAIL}


class Monitor:
    """One program's monitor. `root`: the project's folder, for source positions."""

    def __init__(self, executor: Executor, configuration: Configuration, root: Path) -> None:
        self._executor = executor
        self._positions = Positions(root)
        self._goals: dict[str, Goal] = {}
        self._providers_of: dict[str, Mapping[str, str]] = {}  # URN -> package -> provider reference
        self._defaults = DefaultProviders(configuration, lambda goal: self._register(goal).state)
        self._transforms = Transforms()
        self._lock = threading.Lock()

    # ------------------------------------------------------------ features

    def GetDeploymentInfo(self, _request: Any) -> Any:  # noqa: N802 - the protocol's method
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def SupportsFeature(self, _request: Any) -> Any:  # noqa: N802 - the protocol's method
        return resource_pb2.SupportsFeatureResponse(hasSupport=False)

    def SignalAndWaitForShutdown(self, _request: Any) -> Any:  # noqa: N802 - the protocol's method
        self._transforms.close()
        return empty_pb2.Empty()

    # ------------------------------------------------------------ resources

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        try:
            request = self._transforms.apply(request)
        except MonitorError:
            raise
        except grpc.RpcError as error:
            raise MonitorError(grpc.StatusCode.UNKNOWN, error.details()) from error
        refuse_unsupported(request)
        parent = self._parent_goal(request.parent)
        provided = request.custom and not is_provider_type(request.type)
        provider = self._provider_for(request, parent) if provided else ""
        goal = goal_of(request, parent, provider, self._positions)
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
        goal = read_goal(request, self._provider_for(request, parent), self._positions)
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
        return self._defaults.reference(package, request.version, request.pluginDownloadURL)

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
        if reference := self._defaults.reference(package, request.version, request.pluginDownloadURL):
            return reference
        raise MonitorError(grpc.StatusCode.UNKNOWN, default_provider_disabled(package, request.tok))

    def _get_resource(self, urn: str) -> Any:
        state = self._executor.known(urn)
        if state is None:
            raise MonitorError(grpc.StatusCode.NOT_FOUND, f"unknown resource {urn}")
        found = {"urn": urn, "id": state.id, "provider": state.provider, "state": state.outputs}
        return _returned(found)

    def Call(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        raise _unsupported(f"{request.tok}: calling methods of resources is not supported by the embedded engine")

    def ExistsResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        raise _unsupported(f"{request.type}: asking whether a resource exists is not supported")

    def RegisterResourceHook(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        raise _unsupported(f"resource hook {request.name!r}: hooks are not supported by the embedded engine")

    def RegisterErrorHook(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        raise _unsupported(f"error hook {request.name!r}: hooks are not supported by the embedded engine")

    def RegisterPackage(self, request: Any) -> Any:  # noqa: N802 - the protocol's method
        raise _unsupported(f"{request.name}: parameterized packages are not supported")


def _unsupported(what: str) -> MonitorError:
    return MonitorError(grpc.StatusCode.UNIMPLEMENTED, f"{what}; use the Pulumi CLI")


def _returned(outputs: Mapping[str, Any], failures: Sequence[Any] = ()) -> Any:
    response = resource_pb2.ResourceInvokeResponse(failures=failures)
    getattr(response, "return").CopyFrom(wire.to_struct(outputs))  # a keyword in Python
    return response
