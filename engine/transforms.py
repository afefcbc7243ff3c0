"""Resource transforms: functions of the program that change a registration before the engine sees it.

They are reached through the Callbacks service that the program's SDK serves (`sdk/proto/pulumi/callback.proto`).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import grpc
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from engine.engine_service import GRPC_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

_LISTS: Final = {
    "ignoreChanges": "ignore_changes",
    "replaceOnChanges": "replace_on_changes",
    "additionalSecretOutputs": "additional_secret_outputs",
    "aliases": "aliases",
    "hideDiffs": "hide_diff",
}
_TEXTS: Final = {
    "provider": "provider",
    "version": "version",
    "pluginDownloadURL": "plugin_download_url",
    "deletedWith": "deleted_with",
    "importId": "import",
}
_OPTIONALS: Final = {"protect": "protect", "retainOnDelete": "retain_on_delete"}


class Transforms:
    """The transforms of one program: of the stack, and of each resource for itself and its children."""

    def __init__(self) -> None:
        self._of_stack: list[Any] = []
        self._of: dict[str, tuple[list[Any], str]] = {}  # URN -> its own, its parent
        self._stubs: dict[str, Any] = {}
        self._channels: list[grpc.Channel] = []
        self._lock = threading.Lock()

    def add_to_stack(self, callback: Any) -> None:
        """A transform of everything registered from now on."""
        with self._lock:
            self._of_stack.append(callback)

    def remember(self, urn: str, callbacks: Iterable[Any], parent: str) -> None:
        """A registered resource's transforms also apply to its children."""
        with self._lock:
            self._of[urn] = (list(callbacks), parent)

    def apply(self, request: Any) -> Any:
        """The registration after its own transforms, its ancestors' and the stack's; raises grpc.RpcError."""
        callbacks = self._applicable(request)
        if not callbacks:
            return request
        changed = resource_pb2.RegisterResourceRequest()
        changed.CopyFrom(request)
        for callback in callbacks:
            asked = resource_pb2.TransformRequest(
                type=changed.type,
                name=changed.name,
                custom=changed.custom,
                parent=changed.parent,
                properties=changed.object,
                options=_options(changed),
            )
            answer = self._stub(callback.target).Invoke(
                callback_pb2.CallbackInvokeRequest(token=callback.token, request=asked.SerializeToString())
            )
            response = resource_pb2.TransformResponse.FromString(answer.response)
            changed.object.CopyFrom(response.properties)
            if response.HasField("options"):
                _take(changed, response.options)
        if request.transforms:
            # as recorded: a resource's own transforms lose which property depends on what, its dependencies stay
            changed.propertyDependencies.clear()
        for key in changed.object.fields:
            changed.propertyDependencies[key].SetInParent()
        return changed

    def close(self) -> None:
        """Ends the connections; the program's server would end them with a line in the terminal."""
        with self._lock:
            self._stubs.clear()
            while self._channels:
                self._channels.pop().close()

    def _applicable(self, request: Any) -> list[Any]:
        found = list(request.transforms)
        with self._lock:
            parent = request.parent
            while parent in self._of:
                own, parent = self._of[parent]
                found += own
            return found + self._of_stack

    def _stub(self, target: str) -> Any:
        with self._lock:
            if target not in self._stubs:
                channel = grpc.insecure_channel(target, options=(*GRPC_OPTIONS, ("grpc.enable_http_proxy", 0)))
                self._channels.append(channel)
                self._stubs[target] = callback_pb2_grpc.CallbacksStub(channel)
            return self._stubs[target]


def _options(request: Any) -> Any:
    options = resource_pb2.TransformResourceOptions(depends_on=request.dependencies, providers=request.providers)
    for theirs, ours in _LISTS.items():
        getattr(options, ours).extend(getattr(request, theirs))
    for theirs, ours in _TEXTS.items():
        setattr(options, ours, getattr(request, theirs))
    for theirs, ours in _OPTIONALS.items():
        if request.HasField(theirs):
            setattr(options, ours, getattr(request, theirs))
    if request.HasField("customTimeouts"):
        options.custom_timeouts.CopyFrom(request.customTimeouts)
    if request.deleteBeforeReplaceDefined:
        options.delete_before_replace = request.deleteBeforeReplace
    return options


def _take(request: Any, options: Any) -> None:
    for theirs, ours in {**_LISTS, "dependencies": "depends_on"}.items():
        request.ClearField(theirs)
        getattr(request, theirs).extend(getattr(options, ours))
    for theirs, ours in _TEXTS.items():
        setattr(request, theirs, getattr(options, ours))
    for theirs, ours in _OPTIONALS.items():
        request.ClearField(theirs)
        if options.HasField(ours):
            setattr(request, theirs, getattr(options, ours))
    request.ClearField("providers")
    request.providers.update(options.providers)
    if options.HasField("custom_timeouts"):
        request.customTimeouts.CopyFrom(options.custom_timeouts)
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    request.deleteBeforeReplace = options.delete_before_replace
