"""What the planner wants to know of providers: their checks and diffs, as events."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.planning import messages as m
from engine.provider import CheckResult, DiffResult, ProviderError, UnsupportedError
from engine.providers.pool import INTERNAL, external_inputs, new_resource, resource_id
from engine.urn import is_provider_type, split_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.provider import Provider
    from engine.providers.pool import ProviderPool
    from engine.saving.snapshot import Snapshot
    from engine.state import ResourceState
    from engine.values import PropertyMap


class Questions:
    """To the providers of one run; from any thread. `known` finds a resource registered in this run."""

    def __init__(
        self, providers: ProviderPool, snapshot: Snapshot, known: Callable[[str], ResourceState | None]
    ) -> None:
        self._providers = providers
        self._snapshot = snapshot
        self._known = known

    def check(self, ask: m.Check) -> m.Checked:
        """What a provider makes of inputs."""
        try:
            if is_provider_type(ask.type):
                result = self._check_provider(ask)
            else:
                provider = self._providers.get(ask.provider)
                fresh = ask.old_inputs is None
                identity = new_resource(ask.urn, self._snapshot) if fresh else resource_id(ask.urn)
                result = provider.check(identity, ask.old_inputs, ask.news, os.urandom(32))
        except ProviderError as error:
            return m.Checked(ask.token, ask.news, error=error.message)
        return m.Checked(ask.token, result.inputs, result.failures)

    def _check_provider(self, ask: m.Check) -> CheckResult:
        provider = self._providers.draft(ask.urn, ask.news)
        internal = ask.news.get(INTERNAL)
        news = external_inputs(ask.news)
        try:
            result = provider.check_config(resource_id(ask.urn), external_inputs(ask.old_inputs or {}), news)
        except UnsupportedError:
            result = CheckResult(news)
        if internal is None:
            return result
        return CheckResult({**result.inputs, INTERNAL: internal}, result.failures)

    def diff(self, ask: m.Diff) -> m.Diffed:
        """What is different from the record."""
        try:
            old = ask.old
            if is_provider_type(old.type):
                provider = self._providers.draft(ask.urn, ask.news)
                diff = self._diff_provider(provider, old, ask.news, ask.ignore_changes)
            else:
                provider = self._providers.get(ask.provider)
                identity = resource_id(ask.urn, old.id)
                diff = provider.diff(identity, old.inputs, old.outputs, ask.news, ask.ignore_changes)
        except ProviderError as error:
            return m.Diffed(ask.token, None, error.message)
        return m.Diffed(ask.token, diff)

    def _diff_provider(
        self, provider: Provider, old: ResourceState, news: PropertyMap, ignored: tuple[str, ...] = ()
    ) -> DiffResult:
        try:
            return provider.diff_config(
                resource_id(old.urn, old.id),
                external_inputs(old.inputs),
                external_inputs(old.outputs),
                external_inputs(news),
                ignored,
            )
        except UnsupportedError:
            return DiffResult(changes=None)

    def compare(self, ask: m.CompareProviders) -> m.ProviderCompared:
        """Whether what one provider made would be another resource under the other."""
        try:
            provider = self._providers.get(ask.new_provider)
            new = self._known(split_reference(ask.new_provider)[0])
            diff = self._diff_provider(provider, ask.old_provider, new.inputs if new else {})
        except ProviderError as error:
            return m.ProviderCompared(ask.token, replace=False, error=error.message)
        details = diff.detailed or {}
        return m.ProviderCompared(
            ask.token, replace=bool(diff.replaces) or any(d.kind.endswith("-replace") for d in details.values())
        )
