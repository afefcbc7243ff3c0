"""What a failed operation is to the engine: refused, only half done, or not a failure at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.provider import InitFailedError, ProviderError
from engine.providers.kubernetes.client import ApiError
from engine.providers.kubernetes.discovery import NoSuchKindError
from engine.providers.kubernetes.objects import qualified_name, secret_texts
from engine.providers.kubernetes.wait import NotReadyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.provider import ResourceId
    from engine.providers.kubernetes.objects import Object
    from engine.values import PropertyMap

_HIDDEN_FROM: Final = 4  # shorter texts stand anywhere by chance


def cannot_pretend(error: ProviderError) -> bool:
    """Whether a refused dry run says nothing about the real call: its premises are not there yet, or not allowed."""
    if not isinstance(error, ApiError):
        return False
    return (
        bool(missing_namespace(error))
        or error.reason in ("Forbidden", "AlreadyExists")
        or (error.code == 400 and ("does not support dry run" in error.message or "dryRun" in error.message))
    )


def missing_namespace(error: ProviderError) -> str:
    """The namespace for lack of which the server refused an object, "" where it is not that."""
    if not isinstance(error, ApiError) or error.code != 404 or error.details.get("kind") != "namespaces":
        return ""
    return str(error.details.get("name") or "")


def not_created(resource: ResourceId, error: ProviderError, news: PropertyMap) -> ProviderError:
    """The error of a create call that the server refused; what is secret in `news` is not repeated."""
    if isinstance(error, NoSuchKindError):
        message = (
            f'creation of resource "{resource.urn}" failed because the Kubernetes API server reported that the '
            "apiVersion for this resource does not exist. Verify that any required CRDs have been created: "
            f"{error.message}"
        )
    else:
        message = (
            f'resource "{resource.urn}" was not successfully created by the Kubernetes API server: {error.message}'
        )
    return ProviderError(hidden(message, news), unknown_outcome=error.unknown_outcome)


def not_updated(
    resource: ResourceId,
    error: ProviderError,
    look: Callable[[], Object],
    outputs: Callable[[Object], PropertyMap],
    news: PropertyMap,
) -> ProviderError:
    """The error of an update that failed: a partial one with the live object, where `look` can get it."""
    try:
        live = error.live if isinstance(error, NotReadyError) else look()
    except ProviderError as unreadable:
        return ProviderError(
            f'update of resource "{resource.urn}" failed: {hidden(error.message, news)}\n'
            f"unable to get cluster state: {unreadable.message}",
            unknown_outcome=error.unknown_outcome,
        )
    name = qualified_name(live)
    prefix = f'the Kubernetes API server reported that "{name}" failed to fully initialize or become live'
    return init_failed(prefix, error, live, outputs, news)


def init_failed(
    prefix: str, error: ProviderError, live: Object, outputs: Callable[[Object], PropertyMap], news: PropertyMap
) -> InitFailedError:
    """The partial failure of an object that exists: its newest state, the message, and every reason known.

    What is secret in `news` is not repeated.
    """
    reasons: tuple[str, ...] = ()
    if isinstance(error, NotReadyError):
        live, reasons = error.live, error.reasons
    message = hidden(f"{prefix}: {error.message}", news)
    return InitFailedError(
        message,
        id=qualified_name(live),
        outputs=outputs(live),
        inputs=None,
        reasons=(message, *(hidden(reason, news) for reason in reasons if reason != error.message)),
    )


def hidden(text: str, news: PropertyMap) -> str:
    """The text without what is secret in `news`: servers quote what they refuse."""
    for secret in sorted(set(secret_texts(news)), key=len, reverse=True):
        if len(secret) >= _HIDDEN_FROM:
            text = text.replace(secret, "[secret]")
    return text
