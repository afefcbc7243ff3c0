"""What packs are asked, as messages of the analyzer protocol (`sdk/proto/pulumi/analyzer.proto`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi.runtime.proto import analyzer_pb2 as proto

from engine import wire
from engine.urn import name_of, split_reference, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine.planning.messages import Analyze
    from engine.state import ResourceState
    from engine.values import PropertyMap


class PackMessages:
    """Makes the messages of one run. `known` finds a registered resource by URN, for the facts about its provider."""

    def __init__(self, known: Callable[[str], ResourceState | None]) -> None:
        self._known = known
        self._providers: dict[str, Any] = {}

    def resource(self, ask: Analyze, inputs: PropertyMap) -> Any:
        """The question about a resource that is being registered."""
        goal = ask.goal
        return proto.AnalyzeRequest(
            type=goal.type,
            properties=wire.to_struct(inputs, references=False),
            urn=ask.urn,
            name=goal.name,
            options=proto.AnalyzerResourceOptions(
                protect=bool(goal.protect),
                ignoreChanges=goal.ignore_changes,
                deleteBeforeReplace=bool(goal.delete_before_replace),
                deleteBeforeReplaceDefined=goal.delete_before_replace is not None,
                additionalSecretOutputs=goal.additional_secret_outputs,
                aliases=[alias for alias in goal.aliases if isinstance(alias, str)],
                customTimeouts=_timeouts(goal.custom_timeouts),
                parent=goal.parent,
            ),
            provider=self._provider(goal.provider),
        )

    def stack(self, resources: Iterable[ResourceState]) -> Any:
        """The question about the finished stack."""
        request = proto.AnalyzeStackRequest()
        for state in resources:  # added in place: a list of messages would be copied, whole
            self._add(request.resources, state)
        return request

    def _add(self, resources: Any, state: ResourceState) -> None:
        resources.add(
            type=state.type,
            properties=wire.to_struct(state.outputs, references=False),
            urn=state.urn,
            name=name_of(state.urn),
            options=proto.AnalyzerResourceOptions(
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
                key: proto.AnalyzerPropertyDependencies(urns=urns)
                for key, urns in state.property_dependencies.items()
                if urns
            },
        )

    def _provider(self, reference: str) -> Any:
        if not reference:
            return None
        if reference not in self._providers:
            urn, _ = split_reference(reference)
            state = self._known(urn)
            self._providers[reference] = proto.AnalyzerProviderResource(
                type=type_of(urn),
                name=name_of(urn),
                urn=urn,
                properties=wire.to_struct(without_internal(state.inputs if state else {}), references=False),
            )
        return self._providers[reference]


def without_internal(inputs: PropertyMap) -> PropertyMap:
    """Inputs without what the engine keeps among them for itself."""
    return {key: value for key, value in inputs.items() if not key.startswith("__")}


def _timeouts(seconds: Mapping[str, float]) -> Any:
    kinds = ("create", "update", "delete")
    return proto.AnalyzerResourceOptions.CustomTimeouts(**{kind: seconds[kind] for kind in kinds if kind in seconds})
