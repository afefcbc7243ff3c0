# ruff: noqa: ARG002 - the signatures are the protocol's
"""A provider with a cloud in memory: faults can be forced, and what it was asked is on record."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field

from engine.provider import (
    CallOptions,
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    InitFailedError,
    InvokeResult,
    PropertyDiff,
    ProviderError,
    ReadResult,
    ResourceId,
)
from engine.values import UNKNOWN, PropertyMap, Secret


@dataclass
class Cloud:
    """What exists, by id; `calls` is every change asked for, in order."""

    things: dict[str, PropertyMap] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)  # resource name -> message
    half_done: set[str] = field(default_factory=set)  # names that come up but never become ready
    lock: threading.Lock = field(default_factory=threading.Lock)
    on_call: object = None  # called with (method, name) before anything happens

    def note(self, method: str, name: str) -> None:
        with self.lock:
            self.calls.append((method, name))
        if self.on_call is not None:
            self.on_call(method, name)  # type: ignore[operator]


class FakeProvider:
    """Properties: `name` (made up when absent, forces replacement), `immutable` forces replacement, the rest updates.

    `fixed` true: the provider asks to be deleted before its replacement is made.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.configured: PropertyMap | None = None

    def check_config(self, resource, old_inputs, news):
        return CheckResult(news)

    def diff_config(self, resource, old_inputs, olds, news, ignore_changes):
        changed = tuple(sorted(k for k in {*old_inputs, *news} if old_inputs.get(k) != news.get(k)))
        replaces = ("region",) if "region" in changed else ()
        return DiffResult(changes=bool(changed), replaces=replaces, diffs=changed)

    def configure(self, resource, inputs) -> None:
        self.configured = inputs

    def check(
        self, resource: ResourceId, old_inputs: PropertyMap | None, news: PropertyMap, random_seed: bytes
    ) -> CheckResult:
        if news.get("forbidden"):
            return CheckResult(news, (CheckFailure("forbidden", "is not allowed"),))
        if "name" not in news:
            old = (old_inputs or {}).get("name")
            news = {**news, "name": old or f"{resource.name}-{random_seed.hex()[:8]}"}
        return CheckResult(news)

    def diff(self, resource, old_inputs, olds, news, ignore_changes) -> DiffResult:
        detailed: dict[str, PropertyDiff] = {}
        for key in sorted({*old_inputs, *news}):
            if key in ignore_changes or _plain(old_inputs.get(key)) == _plain(news.get(key)):
                continue
            kind = "add" if key not in old_inputs else "delete" if key not in news else "update"
            detailed[key] = PropertyDiff(f"{kind}-replace" if key in ("name", "immutable") else kind)
        replaces = tuple(key for key, change in detailed.items() if change.kind.endswith("-replace"))
        first = bool(replaces) and bool(news.get("fixed"))
        return DiffResult(bool(detailed), replaces, (), detailed, first)

    def create(self, resource: ResourceId, news: PropertyMap, options: CallOptions) -> CreateResult:
        if options.preview:
            return CreateResult("", news)
        self.cloud.note("create", resource.name)
        self._refuse(resource)
        id_ = f"id-{uuid.uuid4().hex[:8]}"
        self.cloud.things[id_] = news
        outputs = {**news, "address": f"10.0.0.{len(self.cloud.things)}"}
        if resource.name in self.cloud.half_done:
            raise InitFailedError("half", id=id_, outputs=outputs, inputs=news, reasons=("it never became ready",))
        return CreateResult(id_, outputs)

    def update(self, resource, old_inputs, olds, news, options) -> PropertyMap:
        if options.preview:
            return {**olds, **news}
        self.cloud.note("update", resource.name)
        self._refuse(resource)
        self.cloud.things[resource.id] = news
        return {**news, "address": olds.get("address")}

    def delete(self, resource, old_inputs, olds, options) -> None:
        self.cloud.note("delete", resource.name)
        self._refuse(resource)
        self.cloud.things.pop(resource.id, None)

    def read(self, resource, old_inputs, olds) -> ReadResult:
        found = self.cloud.things.get(resource.id)
        if found is None:
            return ReadResult("", {})
        return ReadResult(resource.id, {**found, "address": olds.get("address", "10.0.0.0")}, dict(found))

    def invoke(self, token, args, *, preview) -> InvokeResult:
        if token == "fake:index:double":  # noqa: S105 - a function's name
            return InvokeResult({"value": args["value"] * 2})
        raise ProviderError(f"unknown function {token}")

    def cancel(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _refuse(self, resource: ResourceId) -> None:
        if resource.name in self.cloud.refuse:
            raise ProviderError(self.cloud.refuse[resource.name])


def _plain(value):
    if isinstance(value, Secret):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


__all__ = ["UNKNOWN", "Cloud", "FakeProvider"]
