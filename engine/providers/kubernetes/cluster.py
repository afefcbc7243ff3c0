"""The calls on one cluster that create, apply, replace, read and delete an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.provider import ProviderError
from engine.providers.kubernetes.apply import (
    APPLY_TYPE,
    CREATE_MANAGER,
    JSON_PATCH_TYPE,
    adopt_fields_patch,
    conflict_text,
    identity,
    insists,
    without_ignored,
)
from engine.providers.kubernetes.client import ApiError, Client, UnreachableError
from engine.providers.kubernetes.discovery import Discovery, Mapping, NoSuchKindError
from engine.providers.kubernetes.kubeconfig import cluster_access, read_kubeconfig
from engine.providers.kubernetes.objects import AUTONAMED, annotation, annotation_true, metadata_text, pluck
from engine.providers.kubernetes.wait import Waiter
from engine.providers.kubernetes.watch import Watches

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.provider import Log
    from engine.providers.kubernetes.objects import Object
    from engine.providers.kubernetes.settings import Settings

_RETRY_DELAYS_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_ADOPT_DELAYS_S: Final = (0.0, 0.05, 0.2, 0.5)
_EXISTS_HELP: Final = """

The object is in the cluster already, but not in this stack's state. Choose what is meant:

  - the resource was renamed in the program: give it an alias, or deleteBeforeReplace;
  - somebody else owns the object: change single fields with a Patch resource (e.g. NamespacePatch);
  - the stack shall own it: import it (the resource option `import_`, or `pulumi import`);
  - it may be taken over silently: set upsertExistingObjects on the provider, which uses
    server-side apply to update existing objects on create."""
_DELETION: Final = {"orphan": "Orphan", "background": "Background"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One reachable API server; thread-safe."""

    client: Client
    discovery: Discovery
    watches: Watches
    waiter: Waiter
    context_namespace: str

    def mapping(self, obj: Object) -> Mapping:
        """Where objects of this kind are. Raises NoSuchKindError."""
        return self.discovery.mapping(str(obj.get("apiVersion")), str(obj.get("kind")))

    def path(self, obj: Object, name: str = "") -> str:
        """The path of the object, or of one of its kind and namespace with another name."""
        return self.mapping(obj).path(metadata_text(obj, "namespace"), name or metadata_text(obj, "name"))

    def get(self, obj: Object, name: str = "") -> Object:
        """The live object. Raises ApiError (404 when it is not there), NoSuchKindError."""
        return self.client.request("GET", self.path(obj, name))

    def create(
        self,
        obj: Object,
        manager: str,
        urn: str,
        *,
        upsert: bool,
        force: bool,
        preview: bool,
        ours: Callable[[Object], bool] = lambda _: False,
    ) -> Object:
        """Create an object, or apply it where `upsert` allows that it exists, or where it is `ours` already.

        Its namespace or its kind may just be in the making: in earnest both are waited for, some seconds.
        """
        for delay_s in (*_RETRY_DELAYS_S, None):
            try:
                if upsert:
                    return self.apply(obj, manager, force=force, preview=preview)
                mapping = self.mapping(obj)
                path = mapping.path(metadata_text(obj, "namespace"))
                return self.client.request("POST", path, obj, query=_query(CREATE_MANAGER, preview))
            except UnreachableError as error:
                made = None if preview or upsert or not error.unknown_outcome else self._made_unheard(obj, urn)
                if made is None:
                    raise
                return made
            except (ApiError, NoSuchKindError) as error:
                if isinstance(error, ApiError) and error.reason == "AlreadyExists" and not preview:
                    if not ours(self.get(obj)):
                        raise ProviderError(error.message + _EXISTS_HELP) from None
                    self.waiter.log("info", "made by a run that was interrupted: it is taken over", urn=urn)
                    return self.update(
                        obj,
                        metadata_text(obj, "name"),
                        manager,
                        patch=False,
                        patch_force=force,
                        ignore_changes=(),
                        preview=False,
                    )
                missing = isinstance(error, NoSuchKindError) or error.code == 404
                if preview or not missing or delay_s is None:
                    raise
                self.waiter.log("info", f"creation failed, trying again: {error.message}", urn=urn, ephemeral=True)
                if self.watches.stopped.wait(delay_s):
                    raise
        raise AssertionError("unreachable")

    def _made_unheard(self, obj: Object, urn: str) -> Object | None:
        """The object whose creation was not heard of, if it is there after all.

        Only one that was named here can be known as ours: nobody else would have made up that name.
        """
        if not annotation_true(obj, AUTONAMED):
            return None
        for delay_s in _RETRY_DELAYS_S:
            self.waiter.log("info", "the answer was lost, looking whether it was created", urn=urn, ephemeral=True)
            if self.watches.stopped.wait(delay_s):
                return None
            try:
                return self.get(obj)
            except ApiError as error:
                if error.code == 404:
                    return None
            except UnreachableError:
                continue
        return None

    def apply(self, obj: Object, manager: str, *, force: bool, preview: bool) -> Object:
        """Server-side apply under a manager's name. A conflict is a ProviderError that names the manager."""
        query = {**_query(manager, preview), "force": str(force).lower(), "fieldValidation": "Warn"}
        try:
            return self.client.request("PATCH", self.path(obj), obj, query=query, content_type=APPLY_TYPE)
        except ApiError as error:
            if error.reason != "Conflict":
                raise
            causes = error.details.get("causes") or ()
            raise ProviderError(conflict_text(manager, error.message, causes)) from None

    def update(
        self,
        inputs: Object,
        name: str,
        manager: str,
        *,
        patch: bool,
        patch_force: bool,
        ignore_changes: tuple[str, ...],
        preview: bool,
    ) -> Object:
        """Bring the live object to the inputs; definitions of kinds are replaced whole, all else is applied."""
        live = self.get(inputs, name)
        if inputs.get("kind") == "CustomResourceDefinition":
            version = pluck(live, "metadata", "resourceVersion")
            body = {**inputs, "metadata": {**inputs["metadata"], "resourceVersion": version}}
            return self.client.request("PUT", self.path(inputs, name), body, query=_query(manager, preview))
        if not preview and not patch:
            live = self._adopt(inputs, name, live, manager)
        applied = without_ignored(inputs, live, manager, ignore_changes)
        force = insists(inputs, live, patch_force=patch_force, preview=preview)
        return self.apply(applied, manager, force=force, preview=preview)

    def _adopt(self, inputs: Object, name: str, live: Object, manager: str) -> Object:
        """Make the manager own what earlier tools set; a controller may write in between, so read and try again."""
        for delay_s in (*_ADOPT_DELAYS_S, None):
            adoption = adopt_fields_patch(live, manager)
            if not adoption:
                return live
            try:
                return self.client.request("PATCH", self.path(inputs, name), adoption, content_type=JSON_PATCH_TYPE)
            except ApiError as error:
                if error.reason != "Conflict" or delay_s is None or self.watches.stopped.wait(delay_s):
                    raise
            live = self.get(inputs, name)
        raise AssertionError("unreachable")

    def relinquish(self, obj: Object, manager: str) -> None:
        """Give up every field that this manager applied."""
        query = _query(manager, preview=False)
        self.client.request("PATCH", self.path(obj), identity(obj), query=query, content_type=APPLY_TYPE)

    def delete(self, inputs: Object, live: Object, name: str, urn: str, timeout_s: float) -> None:
        """Delete an object, what it owns first, and wait until it is gone; one that is not there is fine."""
        policy = annotation(inputs, "pulumi.com/deletionPropagationPolicy").lower()
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": _DELETION.get(policy, "Foreground"),
        }
        try:
            answer = self.client.request("DELETE", self.path(live, name), options)
        except ApiError as error:
            if error.code == 404:
                return
            raise
        if (answer.get("apiVersion"), answer.get("kind")) != ("v1", "Status"):  # a Status says that it is gone
            self.waiter.until_gone(inputs, answer, urn, timeout_s)


def _query(manager: str, preview: bool) -> dict[str, str]:
    return {"fieldManager": manager, **({"dryRun": "All"} if preview else {})}


def connect(settings: Settings, log: Log) -> Cluster:
    """The cluster the settings lead to. Raises ProviderError when it cannot be used, with the reason."""
    document, folder = read_kubeconfig(settings.kubeconfig)
    access = cluster_access(document, folder, context=settings.context, cluster=settings.cluster)
    client = Client(access, timeout_s=settings.timeout_s)
    discovery = Discovery(client)
    discovery.mapping("v1", "ConfigMap")  # the first question, of every use: does it answer at all
    watches = Watches(client)
    waiter = Waiter(client, discovery, watches, log)
    return Cluster(client, discovery, watches, waiter, access.namespace)
