# ruff: noqa: ARG002 - the signatures are the protocol's
"""A stand-in for a provider that cannot be asked during a preview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.provider import CheckResult, CreateResult, DiffResult, InvokeResult, ProviderError, ReadResult

if TYPE_CHECKING:
    from engine.provider import CallOptions, ResourceId
    from engine.values import PropertyMap


class PassThrough:
    """Previews without asking anybody.

    `echo`: the outputs of a resource are its inputs (no plugin is installed); otherwise nothing is known about them
    (the provider's own configuration is not known yet).
    """

    def __init__(self, package: str, *, echo: bool) -> None:
        self._package = package
        self._echo = echo

    def check_config(self, resource: ResourceId, old_inputs: PropertyMap, news: PropertyMap) -> CheckResult:
        return CheckResult(news)

    def diff_config(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],
    ) -> DiffResult:
        return DiffResult(changes=None)

    def configure(self, resource: ResourceId, inputs: PropertyMap) -> None:
        pass

    def check(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap | None,
        news: PropertyMap,
        random_seed: bytes,
    ) -> CheckResult:
        return CheckResult(news)

    def diff(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],
    ) -> DiffResult:
        # a provider that cannot be asked may find a change anywhere
        return DiffResult(changes=None if self._echo else True)

    def create(self, resource: ResourceId, news: PropertyMap, options: CallOptions) -> CreateResult:
        return CreateResult("", news if self._echo else {})

    def update(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        options: CallOptions,
    ) -> PropertyMap:
        return news if self._echo else {}

    def delete(self, resource: ResourceId, old_inputs: PropertyMap, olds: PropertyMap, options: CallOptions) -> None:
        raise ProviderError(f"the provider of {self._package} cannot be asked in this preview")

    def read(self, resource: ResourceId, old_inputs: PropertyMap | None, olds: PropertyMap) -> ReadResult:
        return ReadResult(resource.id, olds if self._echo else {}, old_inputs)

    def invoke(self, token: str, args: PropertyMap, *, preview: bool) -> InvokeResult:
        if self._echo:
            raise ProviderError(
                f"{token} cannot be called: install the plugin pulumi-resource-{self._package} on PATH or in the Pulumi"
                " home"
            )
        return InvokeResult({})

    def cancel(self) -> None:
        pass

    def close(self) -> None:
        pass
