"""The Kubernetes provider: the engine's contract over one cluster, leaving the state that pulumi-kubernetes would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.provider import (
    CallOptions,
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    InvokeResult,
    ProviderError,
    ReadResult,
    ResourceId,
)
from engine.providers.kubernetes.apply import insists
from engine.providers.kubernetes.check import check_object
from engine.providers.kubernetes.client import ApiError
from engine.providers.kubernetes.cluster import Cluster, connect
from engine.providers.kubernetes.diff import diff_object
from engine.providers.kubernetes.discovery import NoSuchKindError, is_namespaced
from engine.providers.kubernetes.failures import (
    cannot_pretend,
    init_failed,
    missing_namespace,
    not_created,
    not_updated,
)
from engine.providers.kubernetes.functions import call_function, refuse_unsupported
from engine.providers.kubernetes.interrupted import made_before, name_tried
from engine.providers.kubernetes.normalise import normalise, unknown_fields
from engine.providers.kubernetes.objects import (
    FIELD_MANAGER_KEY,
    INITIAL_API_VERSION_KEY,
    Object,
    checkpoint,
    field_manager,
    has_unknown,
    is_patch,
    left_out,
    mark_secrets,
    metadata_text,
    plain,
    qualified_name,
    split_checkpoint,
    split_id,
)
from engine.providers.kubernetes.reading import read_object
from engine.providers.kubernetes.settings import Settings, config_failures, diff_config, settings_of
from engine.providers.kubernetes.unready import replaces_unready
from engine.providers.kubernetes.wait import rule_for
from engine.values import UNKNOWN

if TYPE_CHECKING:
    from engine.provider import Log
    from engine.values import PropertyMap

_UNREACHABLE: Final = "configured Kubernetes cluster is unreachable"
_DELETED_CLUSTER: Final = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the "
    'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)


class KubernetesProvider:
    """Implements `engine.provider.Provider`. Thread-safe once configured; `log` gets progress as ephemeral lines."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._settings = Settings()
        self._cluster: Cluster | None = None
        self._unreachable = "the provider is not configured"
        # found missing by dry runs of this run: each would wait 50 ms in the server to hear it again
        self._missing_namespaces: set[str] = set()

    def check_config(self, resource: ResourceId, old_inputs: PropertyMap, news: PropertyMap) -> CheckResult:  # noqa: ARG002
        """The configuration as given, or what is wrong with it."""
        return CheckResult(news, config_failures(news, default_provider=resource.name.startswith("default")))

    def diff_config(
        self,
        resource: ResourceId,  # noqa: ARG002
        old_inputs: PropertyMap,  # noqa: ARG002
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],  # noqa: ARG002
    ) -> DiffResult:
        """Whether this is another cluster (see `settings.diff_config`)."""
        return diff_config(olds, news)

    def configure(self, resource: ResourceId, inputs: PropertyMap) -> None:  # noqa: ARG002
        """Connect; a cluster that cannot be reached only matters once something is asked of it."""
        self.close()
        self._settings = settings_of(inputs)
        if self._settings.kubeconfig is UNKNOWN:
            self._unreachable = "its kubeconfig is not known yet"
            return
        try:
            self._cluster = connect(self._settings, self._log)
        except ProviderError as error:
            self._unreachable = error.message

    def check(
        self, resource: ResourceId, old_inputs: PropertyMap | None, news: PropertyMap, random_seed: bytes
    ) -> CheckResult:
        """The inputs with name and namespace, in the API server's form."""
        refuse_unsupported(resource.type)
        if self._cluster is None and self._settings.skip_update_unreachable and old_inputs:
            self._log("warning", f"{_UNREACHABLE}: skipped, as skipUpdateUnreachable says", urn=resource.urn)
            return CheckResult(old_inputs)
        checked = check_object(
            old_inputs,
            news,
            logical_name=resource.name,
            name_tried=name_tried(resource),
            random_seed=random_seed,
            patch=is_patch(resource.type, news),
            default_namespace=self._default_namespace(),
            namespaced=self._namespaced,
        )
        for path in unknown_fields(plain(news)):
            kind = f"{news.get('apiVersion')} {news.get('kind')}"
            self._log("warning", f"{path} is no field of {kind} known here, and is left out", urn=resource.urn)
        try:
            rule_for(plain(checked))
        except ProviderError as error:
            return CheckResult(checked, (CheckFailure("metadata.annotations", error.message),))
        return CheckResult(checked)

    def diff(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,  # noqa: ARG002
        olds: PropertyMap,
        news: PropertyMap,
        ignore_changes: tuple[str, ...],
    ) -> DiffResult:
        """What the new inputs change in the live object of the old outputs; asks the cluster nothing (but see Jobs)."""
        new = plain(news)

        def warn(text: str) -> None:
            self._log("warning", text, urn=resource.urn)

        return diff_object(
            olds,
            news,
            namespaced=self._namespaced(new),
            patch=is_patch(resource.type, new),
            ignore_changes=ignore_changes,
            config_map_mutable=self._settings.config_map_mutable,
            secret_mutable=self._settings.secret_mutable,
            unready_job=replaces_unready(new, olds, self._cluster, warn),
        )

    def create(self, resource: ResourceId, news: PropertyMap, options: CallOptions) -> CreateResult:
        """Create the object and wait until it is ready; a preview asks the server to only pretend."""
        inputs = plain(news)
        patch = is_patch(resource.type, inputs)
        if options.preview and (patch or not self._can_preview(inputs)):
            return CreateResult("", news)
        if options.preview and metadata_text(inputs, "namespace") in self._missing_namespaces:
            return CreateResult("", news)
        cluster, settings = self._reached(), self._settings
        manager = field_manager(inputs, {})
        force = insists(inputs, None, patch_force=settings.patch_force, preview=options.preview)
        try:
            live = cluster.create(
                inputs,
                manager,
                resource.urn,
                upsert=patch or settings.upsert,
                force=force,
                preview=options.preview,
                ours=lambda found: made_before(resource, found),
            )
        except ProviderError as error:
            if options.preview and cannot_pretend(error):
                if namespace := missing_namespace(error):
                    self._missing_namespaces.add(namespace)
                return CreateResult("", news)
            raise not_created(resource, error, news) from None
        version = str(inputs.get("apiVersion"))
        if options.preview:
            live.pop("status", None)
            return CreateResult("", checkpoint(live, inputs, news, version, manager))
        try:
            live = cluster.waiter.until_ready(inputs, live, resource.urn, options.timeout_s)
        except ProviderError as error:
            prefix = (
                f'resource "{resource.urn}" was successfully created, but the Kubernetes API server reported that it '
                "failed to fully initialize or become live"
            )
            raise init_failed(
                prefix, error, live, lambda o: checkpoint(o, inputs, news, version, manager), news
            ) from None
        return CreateResult(qualified_name(live), checkpoint(live, inputs, news, version, manager))

    def update(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,  # noqa: ARG002
        olds: PropertyMap,
        news: PropertyMap,
        options: CallOptions,
    ) -> PropertyMap:
        """Apply the inputs and wait until the object is ready; a refusal is a partial failure with the live object."""
        inputs = normalise(plain(news))
        patch = is_patch(resource.type, inputs)
        if options.preview and not self._can_preview(inputs):
            return news
        cluster = self._reached()
        old_checked, old_live = split_checkpoint(olds)
        manager, old_manager = field_manager(inputs, olds), field_manager(old_checked, olds)
        version = str(olds.get(INITIAL_API_VERSION_KEY) or old_checked.get("apiVersion") or inputs.get("apiVersion"))

        def outputs(live: Object) -> PropertyMap:
            kept = checkpoint(live, inputs, news, version, manager)
            if options.preview:
                mark_secrets(kept, left_out(olds, news))  # a dry run still shows what the update will remove
            return kept

        try:
            live = cluster.update(
                inputs,
                metadata_text(old_live, "name"),
                manager,
                patch=patch,
                patch_force=self._settings.patch_force,
                ignore_changes=options.ignore_changes,
                preview=options.preview,
            )
            if not options.preview:
                live = cluster.waiter.until_ready(inputs, live, resource.urn, options.timeout_s)
                if old_manager != manager and FIELD_MANAGER_KEY in olds:
                    cluster.relinquish(live, old_manager)
        except NoSuchKindError as error:
            raise ProviderError(f'update of resource "{resource.urn}" failed: {error.message}') from None
        except ProviderError as error:
            if options.preview and isinstance(error, ApiError) and error.reason == "Forbidden":
                return news
            raise not_updated(resource, error, lambda: cluster.get(old_live), outputs, news) from None
        return outputs(live)

    def delete(
        self,
        resource: ResourceId,
        old_inputs: PropertyMap,  # noqa: ARG002
        olds: PropertyMap,
        options: CallOptions,
    ) -> None:
        """Delete the object and wait until it is gone; of a Patch resource only give up its fields."""
        if self._cluster is None:
            if self._settings.delete_unreachable:
                self._log("warning", f"{_UNREACHABLE}: {self._unreachable}; dropped from the state", urn=resource.urn)
                return
            raise ProviderError(f"{_UNREACHABLE}: {self._unreachable}. {_DELETED_CLUSTER}")
        inputs, live = split_checkpoint(olds)
        try:
            if is_patch(resource.type, inputs):
                self._cluster.relinquish(live, field_manager(inputs, olds))
            else:
                name = split_id(resource.id)[1] or metadata_text(live, "name")
                self._cluster.delete(inputs, live, name, resource.urn, options.timeout_s)
        except NoSuchKindError:
            return  # its kind is gone, and so is it
        except ApiError as error:
            if error.code != 404:
                raise

    def read(self, resource: ResourceId, old_inputs: PropertyMap | None, olds: PropertyMap) -> ReadResult:
        """The live object. With old inputs their shape is kept; without (import, get) all that could be an input."""
        if self._cluster is None:
            return self._read_unreachable(resource, old_inputs, olds)
        refuse_unsupported(resource.type)
        return read_object(self._cluster, resource, old_inputs, olds)

    def invoke(self, token: str, args: PropertyMap, *, preview: bool) -> InvokeResult:  # noqa: ARG002
        """The functions that need no cluster and no Helm; others are refused by name."""
        return call_function(token, plain(args))

    def cancel(self) -> None:
        """Let everything that waits end now, as cancelled."""
        if self._cluster is not None:
            self._cluster.watches.stop()

    def close(self) -> None:
        """Drop all connections."""
        if self._cluster is not None:
            self._cluster.watches.stop()
            self._cluster.client.close()
            self._cluster = None

    def _reached(self) -> Cluster:
        if self._cluster is None:
            raise ProviderError(f"{_UNREACHABLE}: {self._unreachable}")
        return self._cluster

    def _default_namespace(self) -> str:
        if self._settings.namespace or self._cluster is None:
            return self._settings.namespace
        return self._cluster.context_namespace

    def _namespaced(self, obj: Object) -> bool:
        return is_namespaced(obj, self._cluster.discovery if self._cluster else None)

    def _can_preview(self, inputs: Object) -> bool:
        if self._cluster is None or has_unknown(inputs):
            return False
        return self._cluster.discovery.exists(str(inputs.get("apiVersion")), str(inputs.get("kind")))

    def _read_unreachable(self, resource: ResourceId, old_inputs: PropertyMap | None, olds: PropertyMap) -> ReadResult:
        self._log("warning", f"{_UNREACHABLE}: {self._unreachable}", urn=resource.urn)
        if self._settings.delete_unreachable:
            return ReadResult("", {})
        if self._settings.skip_update_unreachable:
            return ReadResult(resource.id, olds, old_inputs)
        raise ProviderError(f"failed to read resource state due to unreachable cluster. {_DELETED_CLUSTER}")
