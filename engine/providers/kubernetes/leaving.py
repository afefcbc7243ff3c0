"""What keeps an object that is being deleted: finalizers, and of a namespace what is still in it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.providers.kubernetes.objects import pluck

if TYPE_CHECKING:
    from engine.providers.kubernetes.objects import Object

# Conditions of a namespace that goes; each is bad when it is true, and says what is left.
_LEFT: Final = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceContentRemaining",
    "NamespaceFinalizersRemaining",
)


def held_by(obj: Object | None) -> tuple[str, ...]:
    """Why an object is still there, in one line per cause; nothing when it does not say."""
    if obj is None:
        return ()
    conditions = {c.get("type"): c for c in pluck(obj, "status", "conditions") or [] if isinstance(c, dict)}
    left = [
        f"[{found.get('reason') or kind}] {found['message']}"
        for kind in _LEFT
        if (found := conditions.get(kind)) and found.get("status") == "True" and found.get("message")
    ]
    own = pluck(obj, "metadata", "finalizers") or []
    return (*left, *((f"its finalizers: {', '.join(own)}",) if own else ()))
