# ruff: noqa: ARG002 - the signatures are the protocol's
"""The package `pulumi` itself: references to other stacks (`pkg/resource/deploy/builtins.go`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.provider import CheckFailure, CheckResult, InvokeResult, ProviderError, ReadResult
from engine.providers.passthrough import PassThrough
from engine.values import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.provider import ResourceId
    from engine.values import PropertyMap

STACK_REFERENCE: Final = "pulumi:pulumi:StackReference"
READ_STACK_OUTPUTS: Final = "pulumi:pulumi:readStackOutputs"  # a function's name


class BuiltinProvider(PassThrough):
    """Reads stack references; `outputs_of` gives a stack's outputs, None for an unknown stack."""

    def __init__(self, outputs_of: Callable[[str], PropertyMap | None]) -> None:
        super().__init__("pulumi", echo=True)
        self._outputs_of = outputs_of

    def check(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap | None,
        news: PropertyMap,
        random_seed: bytes,
    ) -> CheckResult:
        reason = f"{resource.type} is not supported by this engine: read stack references, or use the Pulumi CLI"
        return CheckResult(news, (CheckFailure("", reason),))

    def read(self, resource: ResourceId, old_inputs: PropertyMap | None, olds: PropertyMap) -> ReadResult:
        if resource.type != STACK_REFERENCE:
            raise ProviderError(f"{resource.type} cannot be read")
        name = olds.get("name", resource.id)
        outputs = self._stack_outputs(str(name))
        secret_names = sorted(key for key, value in outputs.items() if isinstance(value, Secret))
        return ReadResult(resource.id, {"name": name, "outputs": outputs, "secretOutputNames": secret_names}, olds)

    def invoke(self, token: str, args: PropertyMap, *, preview: bool) -> InvokeResult:
        if token == READ_STACK_OUTPUTS:
            outputs = self._stack_outputs(str(args.get("name")))
            secret_names = sorted(key for key, value in outputs.items() if isinstance(value, Secret))
            return InvokeResult({"name": args.get("name"), "outputs": outputs, "secretOutputNames": secret_names})
        raise ProviderError(f"unknown function {token}")

    def _stack_outputs(self, name: str) -> PropertyMap:
        outputs = self._outputs_of(name)
        if outputs is None:
            raise ProviderError(f'unknown stack "{name}"')
        return outputs
