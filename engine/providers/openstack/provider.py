"""The OpenStack provider: the engine's contract over one cloud, with the states that pulumi-openstack would leave."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from engine import wire
from engine.provider import (
    CallOptions,
    CheckResult,
    CreateResult,
    DiffResult,
    InitFailedError,
    InvokeResult,
    ProviderError,
    ReadResult,
    ResourceId,
)
from engine.providers.openstack import kinds as k
from engine.providers.openstack.attachments import (
    FloatingIpAssociations,
    InterfaceAttachments,
    RouterInterfaces,
    VolumeAttachments,
)
from engine.providers.openstack.calls import Call, Handler, Made
from engine.providers.openstack.check import check_resource
from engine.providers.openstack.cloud import Cloud
from engine.providers.openstack.collection import Collection
from engine.providers.openstack.diff import diff_resource
from engine.providers.openstack.functions import call_function
from engine.providers.openstack.marks import mark_of
from engine.providers.openstack.plain import DEFAULTS_KEY, plain
from engine.providers.openstack.quotas import Quotas
from engine.providers.openstack.servers import Servers
from engine.providers.openstack.settings import config_failures, diff_config, settings_of
from engine.providers.openstack.stores import Containers, Objects
from engine.providers.openstack.types import TypeFacts, all_facts
from engine.providers.openstack.volumes import Volumes
from engine.values import UNKNOWN, Secret

if TYPE_CHECKING:
    from engine.provider import Log
    from engine.values import PropertyMap

_COLLECTIONS: Final = (
    k.NETWORK,
    k.SUBNET,
    k.ROUTER,
    k.PORT,
    k.SEC_GROUP,
    k.SEC_GROUP_RULE,
    k.FLOATING_IP,
    k.SERVER_GROUP,
    k.KEYPAIR,
)
_DRY: Final = CallOptions()


class OpenStackProvider:
    """Implements `engine.provider.Provider`. Thread-safe once configured; the cloud is asked when it must be."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._cloud: Cloud | None = None
        self._owner = ""
        self._handlers: dict[str, Handler] = {
            **{token: Collection(token) for token in _COLLECTIONS},
            k.INSTANCE: Servers(),
            k.VOLUME: Volumes(),
            k.VOLUME_ATTACH: VolumeAttachments(),
            k.INTERFACE_ATTACH: InterfaceAttachments(),
            k.ROUTER_INTERFACE: RouterInterfaces(),
            k.FLOATING_IP_ASSOCIATE: FloatingIpAssociations(),
            k.CONTAINER: Containers(),
            k.CONTAINER_OBJECT: Objects(),
            k.COMPUTE_QUOTA: Quotas("compute", "/os-quota-sets", "quota_set"),
            k.NETWORK_QUOTA: Quotas("network", "/quotas", "quota"),
            k.VOLUME_QUOTA: Quotas("block_storage", "/os-quota-sets", "quota_set"),
        }

    def check_config(self, resource: ResourceId, old_inputs: PropertyMap, news: PropertyMap) -> CheckResult:  # noqa: ARG002
        """The configuration as given, or everything that is wrong with it."""
        return CheckResult(news, config_failures(news))

    def diff_config(
        self,
        resource: ResourceId,  # noqa: ARG002
        old_inputs: PropertyMap,  # noqa: ARG002
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],  # noqa: ARG002
    ) -> DiffResult:
        """What changed of it (see `settings.diff_config`)."""
        return diff_config(olds, news)

    def configure(self, resource: ResourceId, inputs: PropertyMap) -> None:
        """Take the settings; the cloud is asked when the first resource is."""
        self.close()
        self._owner = resource.id
        self._cloud = Cloud(settings_of(inputs), self._log)

    def check(
        self, resource: ResourceId, old_inputs: PropertyMap | None, news: PropertyMap, random_seed: bytes
    ) -> CheckResult:
        """Inputs with names and defaults; of a type that is not known here as they are, so that it can be previewed."""
        facts = all_facts().get(resource.type)
        if facts is None:
            return CheckResult(news)
        return check_resource(facts, old_inputs, news, logical_name=resource.name, random_seed=random_seed)

    def diff(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],
    ) -> DiffResult:
        """What the new inputs change; asks the cloud nothing."""
        facts = all_facts().get(resource.type)
        if facts is None:
            return DiffResult(changes=None)
        return diff_resource(facts, old_inputs, olds, news, ignore_changes)

    def create(self, resource: ResourceId, news: PropertyMap, options: CallOptions) -> CreateResult:
        """Make the resource and wait until it is there; a preview says what is known of it."""
        facts = all_facts().get(resource.type)
        if options.preview:
            return CreateResult("", _foreseen(facts, news))
        handler, call = self._call(resource, options, inputs=news)
        made = handler.create(call)
        if made.taken_over:
            made = _brought_up(handler, call, made, news)
        outputs = _outputs(call.facts, made, news)
        if made.failure:
            raise InitFailedError(made.failure, id=made.id, outputs=outputs, inputs=news, reasons=(made.failure,))
        return CreateResult(made.id, outputs, settled=True)

    def update(
        self, resource: ResourceId, old_inputs: PropertyMap, olds: PropertyMap, news: PropertyMap, options: CallOptions
    ) -> PropertyMap:
        """Change the resource in place."""
        facts = all_facts().get(resource.type)
        if options.preview:
            return {**olds, **_foreseen(facts, news)} if facts else news
        handler, call = self._call(resource, options, inputs=news, olds=olds)
        diff = diff_resource(call.facts, old_inputs, olds, news, options.ignore_changes)
        call = dataclasses.replace(call, changed=frozenset(diff.diffs))
        try:
            made = handler.update(call)
        except ProviderError as error:
            raise _half_done(handler, call, error, news) from None
        return _outputs(call.facts, made, news)

    def delete(self, resource: ResourceId, old_inputs: PropertyMap, olds: PropertyMap, options: CallOptions) -> None:  # noqa: ARG002
        """Delete the resource and wait until it is gone."""
        handler, call = self._call(resource, options, olds=olds)
        handler.delete(call)

    def read(self, resource: ResourceId, old_inputs: PropertyMap | None, olds: PropertyMap) -> ReadResult:
        """The live resource; without old inputs (import) everything of it that could be an input."""
        handler, call = self._call(resource, _DRY, inputs=old_inputs or {}, olds=olds)
        made = handler.read(call)
        if made is None:
            return ReadResult("", {})
        outputs = _outputs(call.facts, made, old_inputs or {})
        return ReadResult(made.id, outputs, _inputs(call.facts, outputs, old_inputs))

    def invoke(self, token: str, args: PropertyMap, *, preview: bool) -> InvokeResult:  # noqa: ARG002
        """The look-ups; others are refused by name."""
        given = {key: value for key, value in plain(args).items() if value not in (None, "")}
        if wire.contains_unknown(given):
            return InvokeResult({})
        return call_function(self._reached(), token, given)

    def cancel(self) -> None:
        """Let everything that waits end now, as cancelled."""
        if self._cloud is not None:
            self._cloud.cancelled.set()

    def close(self) -> None:
        """Drop the connection."""
        if self._cloud is not None:
            self._cloud.close()
            self._cloud = None

    def _reached(self) -> Cloud:
        if self._cloud is None:
            raise ProviderError("the OpenStack provider is not configured")
        return self._cloud

    def _call(
        self,
        resource: ResourceId,
        options: CallOptions,
        *,
        inputs: PropertyMap | None = None,
        olds: PropertyMap | None = None,
    ) -> tuple[Handler, Call]:
        handler = self._handlers.get(resource.type)
        if handler is None:
            known = ", ".join(sorted(token.rpartition(":")[2] for token in self._handlers))
            raise ProviderError(
                f"{resource.type} is not supported by this engine's own OpenStack provider (it does {known}): install"
                " the plugin pulumi-resource-openstack, which is then used for all types"
            )
        mark = mark_of(self._owner, resource.urn) if self._owner else ""
        facts = all_facts()[resource.type]
        return handler, Call(
            self._reached(), facts, resource, options, plain(inputs or {}), plain(olds or {}), frozenset(), mark
        )


def _brought_up(handler: Handler, call: Call, made: Made, news: PropertyMap) -> Made:
    """What an earlier run made, as it is asked for now: the program may have changed, and made-up names have."""
    diff = diff_resource(call.facts, news, made.outputs, news, call.options.ignore_changes)
    if diff.replaces:
        differs = ", ".join(diff.replaces)
        why = (
            f"it was made by a run that was interrupted, with another {differs}: it is recorded, and replaced next time"
        )
        return dataclasses.replace(made, failure=why)
    if not diff.changes:
        return made
    resource = dataclasses.replace(call.resource, id=made.id)
    olds = plain(made.outputs)
    try:
        return handler.update(dataclasses.replace(call, resource=resource, olds=olds, changed=frozenset(diff.diffs)))
    except ProviderError as error:
        return dataclasses.replace(made, failure=error.message)


def _half_done(handler: Handler, call: Call, error: ProviderError, news: PropertyMap) -> ProviderError:
    """An update that failed on its way: what had changed by then is recorded, and the next one goes on from there."""
    try:
        made = handler.read(dataclasses.replace(call, inputs=call.olds))
    except ProviderError:
        return error
    if made is None:
        return error
    outputs = _outputs(call.facts, made, news)
    return InitFailedError(error.message, id=made.id, outputs=outputs, inputs=None, reasons=(error.message,))


def _outputs(facts: TypeFacts, made: Made, inputs: PropertyMap) -> PropertyMap:
    """Outputs with the secrets that the type has; properties that a program made secret the engine marks itself."""
    secret = {name for name, prop in (*facts.inputs.items(), *facts.outputs.items()) if prop.secret}
    outputs = {name: value for name, value in made.outputs.items() if value is not None}
    marked = {name: Secret(value) if name in secret and value else value for name, value in outputs.items()}
    for name, value in inputs.items():
        if name in marked and isinstance(value, dict) and wire.without_secrets(value) != value:
            marked[name] = Secret(marked[name])  # a map with a secret in it
    return {"id": made.id, **marked} if made.id else marked


def _foreseen(facts: TypeFacts | None, news: PropertyMap) -> PropertyMap:
    """Outputs as far as inputs tell them; what the cloud will fill in is not known yet."""
    given = {name: value for name, value in news.items() if name != DEFAULTS_KEY}
    if facts is None:
        return given
    open_ = {name: UNKNOWN for name, prop in facts.inputs.items() if prop.computed and name not in given}
    return {**open_, **dict.fromkeys(facts.outputs, UNKNOWN), **given}


def _inputs(facts: TypeFacts, outputs: PropertyMap, old_inputs: PropertyMap | None) -> PropertyMap:
    """Inputs as the live resource has them: those there were, with today's values; in an import all that matter."""
    if old_inputs is not None:
        live: PropertyMap = {}
        for name, value in old_inputs.items():
            live[name] = _today(name, value, outputs)
        return live
    told = {
        name: outputs[name]
        for name, prop in facts.inputs.items()
        if name in outputs and (not prop.computed or prop.replace) and outputs[name] not in ("", [], {}, None)
    }
    return {DEFAULTS_KEY: [], **{name: value for name, value in told.items() if name != "region"}}


def _today(name: str, asked: Any, outputs: PropertyMap) -> Any:
    """An input's value now; lists and maps stay in the shape they were asked in."""
    live = outputs.get(name)
    if name == DEFAULTS_KEY or name not in outputs or isinstance(asked, (dict, Secret)):
        return asked
    if isinstance(asked, list):
        simple = not any(isinstance(item, dict) for item in asked)
        same = isinstance(live, list) and sorted(map(str, live)) == sorted(map(str, asked))
        return asked if same or not simple else live
    if isinstance(asked, str) and isinstance(live, str) and asked.lower() == live.lower():
        return asked
    return asked if name in ("userData", "imageName", "imageId") else live
