"""A provider plugin executable as an `engine.provider.Provider`: the ResourceProvider protocol over gRPC.

Protocol: `sdk/proto/pulumi/provider.proto`; client rules: `pkg/resource/plugin/provider_plugin.go`.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from engine.provider import (
    CheckResult,
    CreateResult,
    DiffResult,
    InitFailedError,
    InvokeResult,
    ProviderError,
    ReadResult,
    UnsupportedError,
)
from engine.providers.plugin_values import check_failures, config_text, diff_result, mark_secrets
from engine.wire import contains_unknown, from_struct, to_struct

if TYPE_CHECKING:
    from pathlib import Path

    from google.protobuf.struct_pb2 import Struct

    from engine.provider import CallOptions, Log, ResourceId
    from engine.providers.plugin_calls import Limits, PluginCalls
    from engine.values import PropertyMap

_UNCONFIGURED: Final = (
    "The provider for this resource has inputs that are not known during preview.\n"
    "This preview may not correctly represent the changes that will be applied during an update."
)
_CANCEL_ANSWER_S: Final = 5.0


class Plugin:
    """See `engine.provider.Provider`; every method raises ProviderError and its kinds."""

    def __init__(self, calls: PluginCalls, name: str, log: Log, limits: Limits) -> None:
        self._calls = calls
        self._name = name
        self._log = log
        self._limits = limits
        self._resources = ExitStack()
        self._handshaken = False
        self._secrets = self._references = self._previews = False
        # False while the provider's own inputs are unknown: in such a preview it cannot be asked anything.
        self._known = True

    def own(self, resources: ExitStack) -> None:
        """Take over what `close` has to end."""
        self._resources = resources

    def handshake(self, engine_address: str, directory: Path) -> None:
        """Agree on capabilities; a plugin from before the handshake tells them when it is configured."""
        request = provider_pb2.ProviderHandshakeRequest(
            engine_address=engine_address,
            root_directory=str(directory),
            program_directory=str(directory),
            configure_with_urn=True,
            invoke_with_preview=True,
        )
        try:
            response = self._calls.ask("Handshake", request, timeout_s=self._limits.start_s)
        except UnsupportedError:
            return
        self._handshaken = self._previews = True
        self._secrets, self._references = response.accept_secrets, response.accept_resources

    # -- the provider's own configuration

    def check_config(self, resource: ResourceId, old_inputs: PropertyMap, news: PropertyMap) -> CheckResult:
        request = provider_pb2.CheckRequest(
            **_named(resource),
            olds=self._struct(old_inputs),
            news=self._struct(news),
        )
        try:
            return self._checked(self._calls.ask("CheckConfig", request), news)
        except UnsupportedError:
            return CheckResult(news)

    def diff_config(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],
    ) -> DiffResult:
        try:
            return self._diff("DiffConfig", resource, old_inputs, olds, news, ignore_changes)
        except UnsupportedError:
            return DiffResult(changes=None)

    def configure(self, resource: ResourceId, inputs: PropertyMap) -> None:
        self._known = not contains_unknown(inputs)
        if not self._known:
            return
        package = resource.type.rpartition(":")[2]
        request = provider_pb2.ConfigureRequest(
            variables={
                f"{package}:config:{key}": config_text(value) for key, value in inputs.items() if key != "version"
            },
            # Not lowered by the capabilities: those of an old plugin are only known from this call's answer.
            args=to_struct(inputs),
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            id=resource.id,
            **_named(resource),
        )
        response = self._calls.ask("Configure", request)
        if not self._handshaken:
            self._secrets, self._references = response.acceptSecrets, response.acceptResources
            self._previews = response.supportsPreview

    # -- resources

    def check(
        self, resource: ResourceId, old_inputs: PropertyMap | None, news: PropertyMap, random_seed: bytes
    ) -> CheckResult:
        if not self._known:
            return CheckResult(news)
        request = provider_pb2.CheckRequest(
            **_named(resource),
            olds=self._struct(old_inputs or {}),
            news=self._struct(news),
            randomSeed=random_seed,
        )
        return self._checked(self._calls.ask("Check", request), news)

    def diff(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],
    ) -> DiffResult:
        if not self._known:
            self._log("warning", _UNCONFIGURED, urn=resource.urn)
            return DiffResult(changes=True)
        return self._diff("Diff", resource, old_inputs, olds, news, ignore_changes)

    def create(self, resource: ResourceId, news: PropertyMap, options: CallOptions) -> CreateResult:
        if options.preview and not (self._known and self._previews):
            return CreateResult("", dict(news) if self._known else {})
        request = provider_pb2.CreateRequest(
            **_named(resource),
            properties=self._struct(news, unknowns=options.preview),
            timeout=options.timeout_s,
            preview=options.preview,
        )
        response = self._change("Create", request, options, news)
        if not (response.id or options.preview):
            raise ProviderError(
                f"the provider plugin {self._name} created {resource.urn} but returned no id: "
                "look for the object and delete or import it",
                unknown_outcome=True,
            )
        return CreateResult(response.id, self._results(response.properties, news, changing=options))

    def update(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        options: CallOptions,
    ) -> PropertyMap:
        if options.preview and not (self._known and self._previews):
            return dict(news) if self._known else {}
        request = provider_pb2.UpdateRequest(
            id=resource.id,
            **_named(resource),
            olds=self._struct(olds),
            old_inputs=self._struct(old_inputs),
            news=self._struct(news, unknowns=options.preview),
            timeout=options.timeout_s,
            ignoreChanges=options.ignore_changes,
            preview=options.preview,
        )
        response = self._change("Update", request, options, news)
        return self._results(response.properties, news, changing=options)

    def delete(self, resource: ResourceId, old_inputs: PropertyMap, olds: PropertyMap, options: CallOptions) -> None:
        request = provider_pb2.DeleteRequest(
            id=resource.id,
            **_named(resource),
            properties=self._struct(olds),
            old_inputs=self._struct(old_inputs),
            timeout=options.timeout_s,
        )
        self._calls.change("Delete", request, options)

    def read(self, resource: ResourceId, old_inputs: PropertyMap | None, olds: PropertyMap) -> ReadResult:
        if not self._known:
            return ReadResult(resource.id, {})
        request = provider_pb2.ReadRequest(
            id=resource.id,
            **_named(resource),
            properties=self._struct(olds),
            inputs=None if old_inputs is None else self._struct(old_inputs),
        )
        response = self._calls.ask("Read", request)
        if not response.id:
            return ReadResult("", {})
        inputs = self._results(response.inputs, old_inputs or {}) if response.HasField("inputs") else None
        return ReadResult(response.id, self._results(response.properties, olds), inputs)

    def invoke(self, token: str, args: PropertyMap, *, preview: bool) -> InvokeResult:
        if not self._known:
            return InvokeResult({})
        request = provider_pb2.InvokeRequest(tok=token, args=self._struct(args, unknowns=preview), preview=preview)
        response = self._calls.ask("Invoke", request)
        return InvokeResult(from_struct(getattr(response, "return")), check_failures(response.failures))

    # -- life

    def cancel(self) -> None:
        try:
            self._calls.ask("Cancel", empty_pb2.Empty(), timeout_s=_CANCEL_ANSWER_S)
        except ProviderError as error:
            # Many plugins do not implement it; the timer ends what they are doing all the same.
            self._log("debug", f"{self._name} did not take the cancel: {error.message}")
        timer = threading.Timer(self._limits.cancel_s, self._calls.cancel_running)
        timer.daemon = True
        timer.start()
        self._resources.callback(timer.cancel)

    def close(self) -> None:
        self._resources.close()

    # -- conversion

    def _struct(self, props: PropertyMap, *, unknowns: bool = True) -> Struct:
        try:
            return to_struct(props, secrets=self._secrets, references=self._references, unknowns=unknowns)
        except (TypeError, ValueError) as error:
            raise ProviderError(str(error)) from error

    def _results(self, struct: Struct, like: PropertyMap, *, changing: CallOptions | None = None) -> PropertyMap:
        """What the plugin returned; secret where `like` is, since a plugin without secrets cannot say so."""
        changed = changing is not None and not changing.preview
        try:
            results = from_struct(struct)
        except (TypeError, ValueError) as error:
            raise ProviderError(f"{self._name}: {error}", unknown_outcome=changed) from error
        if changed and contains_unknown(results):
            raise ProviderError(
                f"{self._name} made a change and returned a value that is still unknown", unknown_outcome=True
            )
        return results if self._secrets else mark_secrets(results, like)

    def _change(self, method: str, request: Any, options: CallOptions, news: PropertyMap) -> Any:
        try:
            return self._calls.change(method, request, options)
        except InitFailedError as error:
            if not self._secrets:
                error.outputs = mark_secrets(error.outputs, news)
            raise

    def _checked(self, response: Any, news: PropertyMap) -> CheckResult:
        return CheckResult(self._results(response.inputs, news), check_failures(response.failures))

    def _diff(
        self,
        method: str,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],
    ) -> DiffResult:
        request = provider_pb2.DiffRequest(
            id=resource.id,
            **_named(resource),
            olds=self._struct(olds),
            old_inputs=self._struct(old_inputs),
            news=self._struct(news),
            ignoreChanges=ignore_changes,
        )
        return diff_result(self._calls.ask(method, request))


def _named(resource: ResourceId) -> dict[str, Any]:
    return {"urn": resource.urn, "name": resource.name, "type": resource.type}
