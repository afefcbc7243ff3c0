# ruff: noqa: ARG002 - the signatures are the protocol's
"""A provider with a cloud in memory: it keeps the protocol's contract, faults can be forced, calls are on record."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, MutableMapping


def _nothing(_inputs: PropertyMap) -> tuple[CheckFailure, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """How one type of resource behaves; all names are of top-level properties, but `named` may lead into them by dots.

    `fixed`: a change replaces the resource. `named`: made up in Check when absent, and kept from then on. `computed`:
    outputs beyond the inputs, from the inputs and how many things there are; unknown in a preview that would change
    them. `check`: what is wrong with inputs. `delete_first`: whether a replacement must wait for the old one's end.
    """

    fixed: tuple[str, ...] = ()
    named: str = ""
    computed: Callable[[PropertyMap, int], PropertyMap] = lambda _inputs, _count: {}
    check: Callable[[PropertyMap], Iterable[CheckFailure]] = _nothing
    delete_first: Callable[[PropertyMap], bool] = lambda _inputs: False


@dataclass
class Cloud:
    """What exists, inputs by id; `calls` is every change asked for, in order, as (method, resource name)."""

    kinds: Mapping[str, Kind] = field(default_factory=dict)  # by type token; what is not named is an ordinary Kind
    functions: Mapping[str, Callable[[PropertyMap], PropertyMap]] = field(default_factory=dict)  # by token
    things: MutableMapping[str, PropertyMap] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)  # resource name -> message
    half_done: set[str] = field(default_factory=set)  # names that come up but never become ready
    on_call: Callable[[str, str], None] | None = None  # called with (method, name) before anything happens
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, method: str, name: str) -> None:
        """Records a change that is asked for; raises ProviderError where it is to be refused."""
        with self.lock:
            self.calls.append((method, name))
        if self.on_call is not None:
            self.on_call(method, name)
        if name in self.refuse:
            raise ProviderError(self.refuse[name])


class Fake:
    """A provider of any package on a cloud in memory (`engine.provider.Provider`)."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.configured: PropertyMap | None = None

    def check_config(self, resource: ResourceId, old_inputs: PropertyMap, news: PropertyMap) -> CheckResult:
        """Any configuration will do."""
        return CheckResult(news)

    def diff_config(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],
    ) -> DiffResult:
        """Another region is another provider."""
        changed = tuple(sorted(key for key in {*old_inputs, *news} if old_inputs.get(key) != news.get(key)))
        return DiffResult(changes=bool(changed), replaces=("region",) if "region" in changed else (), diffs=changed)

    def configure(self, resource: ResourceId, inputs: PropertyMap) -> None:
        """Kept in `configured`."""
        self.configured = inputs

    def check(
        self, resource: ResourceId, old_inputs: PropertyMap | None, news: PropertyMap, random_seed: bytes
    ) -> CheckResult:
        """The inputs with a name, and what the kind finds wrong with them."""
        kind = self._kind(resource)
        if kind.named:
            path = kind.named.split(".")
            news = _named(news, path, _at(old_inputs, path) or f"{resource.name}-{random_seed.hex()[:8]}")
        return CheckResult(news, tuple(kind.check(news)))

    def diff(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],
    ) -> DiffResult:
        """Property by property, what is fixed as a replacement."""
        kind = self._kind(resource)
        detailed: dict[str, PropertyDiff] = {}
        for key in sorted({*old_inputs, *news}):
            if key in ignore_changes or _plain(old_inputs.get(key)) == _plain(news.get(key)):
                continue
            change = "add" if key not in old_inputs else "delete" if key not in news else "update"
            # the protocol's kinds are these three, each with and without the ending
            detailed[key] = PropertyDiff(f"{change}-replace" if key in kind.fixed else change)  # type: ignore[arg-type]
        replaces = tuple(key for key, change in detailed.items() if change.kind.endswith("-replace"))
        first = bool(replaces) and kind.delete_first(news)
        return DiffResult(bool(detailed), replaces, (), detailed, first)

    def create(self, resource: ResourceId, news: PropertyMap, options: CallOptions) -> CreateResult:
        """A new thing with an id; in a preview what is computed is not known yet."""
        if options.preview:
            return CreateResult("", {**self._unknown(resource, news), **news})
        self.cloud.note("create", resource.name)
        id_ = f"id-{uuid.uuid4().hex[:8]}"
        with self.cloud.lock:
            self.cloud.things[id_] = news
            outputs = {**news, **self._kind(resource).computed(news, len(self.cloud.things))}
        if resource.name in self.cloud.half_done:
            raise InitFailedError("half", id=id_, outputs=outputs, inputs=news, reasons=("it never became ready",))
        return CreateResult(id_, outputs)

    def update(
        self, resource: ResourceId, old_inputs: PropertyMap, olds: PropertyMap, news: PropertyMap, options: CallOptions
    ) -> PropertyMap:
        """The thing with new inputs; what is computed stays as it was."""
        kept = {key: value for key, value in olds.items() if key not in old_inputs}
        if options.preview:
            return {**kept, **news}
        self.cloud.note("update", resource.name)
        with self.cloud.lock:
            self.cloud.things[resource.id] = news
        return {**kept, **news}

    def delete(self, resource: ResourceId, old_inputs: PropertyMap, olds: PropertyMap, options: CallOptions) -> None:
        """The thing is gone; harmless when it was already."""
        self.cloud.note("delete", resource.name)
        with self.cloud.lock:
            self.cloud.things.pop(resource.id, None)

    def read(self, resource: ResourceId, old_inputs: PropertyMap | None, olds: PropertyMap) -> ReadResult:
        """The thing as it is now."""
        with self.cloud.lock:
            found = self.cloud.things.get(resource.id)
            count = len(self.cloud.things)
        if found is None:
            return ReadResult("", {})
        recorded = {key: value for key, value in olds.items() if key not in (old_inputs or {})}
        computed = self._kind(resource).computed(found, count)
        return ReadResult(resource.id, {**computed, **recorded, **found}, dict(found))

    def invoke(self, token: str, args: PropertyMap, *, preview: bool) -> InvokeResult:
        """What the cloud's function of that name says."""
        if token not in self.cloud.functions:
            raise ProviderError(f"unknown function {token}")
        return InvokeResult(self.cloud.functions[token](args))

    def cancel(self) -> None:
        """Nothing here takes long."""

    def close(self) -> None:
        """Nothing is held."""

    def _kind(self, resource: ResourceId) -> Kind:
        return self.cloud.kinds.get(resource.type, _ORDINARY)

    def _unknown(self, resource: ResourceId, news: PropertyMap) -> PropertyMap:
        return dict.fromkeys(self._kind(resource).computed(news, 1), UNKNOWN)


_ORDINARY = Kind()


def _at(value: Any, path: list[str]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _named(value: PropertyMap, path: list[str], name: str) -> PropertyMap:
    """With a name at a path, unless one stands there."""
    first, rest = path[0], path[1:]
    return {**value, first: _named(value.get(first) or {}, rest, name) if rest else value.get(first, name)}


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
