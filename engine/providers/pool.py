"""The providers of one run: one per provider resource, configured when that resource is (`registry.go`)."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from engine import wire
from engine.provider import MissingProviderError, ProviderError, ResourceId
from engine.providers.passthrough import PassThrough
from engine.urn import name_of, package_of, split_reference, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.provider import Log, Provider
    from engine.saving.snapshot import Snapshot
    from engine.state import ResourceState
    from engine.values import PropertyMap

INTERNAL = "__internal"


class ProviderPool:
    """Hands out providers by reference; `make` builds an unconfigured one of (package, version).

    `given_up` is set by `cancel`, for whoever waits for a provider that is not made yet.
    """

    def __init__(
        self,
        make: Callable[[str, str], Provider],
        recorded: Callable[[str], ResourceState | None],
        *,
        preview: bool,
        given_up: threading.Event,
    ) -> None:
        self._make = make
        self._given_up = given_up
        self._recorded = recorded
        self._preview = preview
        self._drafts: dict[str, Provider] = {}
        self._ready: dict[str, Provider] = {}
        self._all: list[Provider] = []
        self._lock = threading.RLock()
        self._loading: dict[str, threading.Lock] = {}

    def draft(self, urn: str, inputs: PropertyMap) -> Provider:
        """The not yet configured provider of a provider resource; made when there is none."""
        with self._lock:
            found = self._drafts.get(urn)
        if found is None:
            found = self._new(package_of(type_of(urn)), inputs)
            with self._lock:
                self._drafts[urn] = found
        return found

    def configure(self, urn: str, reference: str, inputs: PropertyMap) -> None:
        """Makes a provider resource usable under its reference; raises ProviderError."""
        plain = external_inputs(inputs)
        with self._lock:
            provider = self._drafts.pop(urn, None)
        if self._preview and wire.contains_unknown(plain):
            provider = PassThrough(package_of(type_of(urn)), echo=False)
        else:
            provider = provider or self._new(package_of(type_of(urn)), inputs)
            provider.configure(resource_id(urn, split_reference(reference)[1]), plain)
        with self._lock:
            self._ready[reference] = provider

    def get(self, reference: str) -> Provider:
        """The configured provider of a reference, from the recorded state when this run has not made it yet."""
        with self._lock:
            found = self._ready.get(reference)
            if found is not None:
                return found
            loading = self._loading.setdefault(reference, threading.Lock())
        with loading:
            if reference not in self._ready:
                state = self._recorded(reference)
                if state is None:
                    raise ProviderError(f"unknown provider {reference}")
                self.configure(state.urn, reference, state.inputs)
            return self._ready[reference]

    def _new(self, package: str, inputs: PropertyMap) -> Provider:
        version = inputs.get("version")
        try:
            provider = self._make(package, version if isinstance(version, str) else "")
        except MissingProviderError:
            if not self._preview:
                raise
            provider = PassThrough(package, echo=True)
        with self._lock:
            self._all.append(provider)
        return provider

    def cancel(self) -> None:
        """Asks every provider to stop what it is doing."""
        self._given_up.set()
        for provider in self._snapshot():
            with contextlib.suppress(ProviderError):
                provider.cancel()

    def close(self, log: Log) -> None:
        """Ends every provider; one that fails to end is told of as a warning, since the run's work is done."""
        for provider in self._snapshot():
            try:
                provider.close()
            except Exception as error:  # noqa: BLE001 - whatever goes wrong must not cost the run its record
                log("warning", f"a provider did not end in order: {type(error).__name__}: {error}")

    def _snapshot(self) -> list[Provider]:
        with self._lock:
            return list(self._all)


def external_inputs(inputs: PropertyMap) -> PropertyMap:
    """A provider resource's inputs as the provider sees them: without the engine's own."""
    return {key: value for key, value in inputs.items() if key != INTERNAL}


def resource_id(urn: str, id_: object = "") -> ResourceId:
    """How provider calls name a resource."""
    return ResourceId(urn, name_of(urn), type_of(urn), id_ if isinstance(id_, str) else "")


def new_resource(urn: str, snapshot: Snapshot) -> ResourceId:
    """How provider calls name a resource that is to be made, with what the state has of it."""
    earlier = snapshot.interrupted(urn)
    interrupted = earlier.inputs if earlier is not None else None
    return ResourceId(urn, name_of(urn), type_of(urn), recorded=snapshot.ids(urn), interrupted=interrupted)
