"""What keeps a Pod from being ready, in one line per cause. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.providers.kubernetes.objects import pluck, qualified_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.providers.kubernetes.objects import Object


def owned_by(obj: Object, owner: Object) -> bool:
    """Whether `owner` is among the object's owners."""
    uid = pluck(owner, "metadata", "uid")
    return any(reference.get("uid") == uid for reference in pluck(obj, "metadata", "ownerReferences") or [])


def pod_ready(pod: Object) -> bool:
    """Whether a Pod is scheduled, initialised and ready, or has succeeded."""
    conditions = {c.get("type"): c.get("status") for c in pluck(pod, "status", "conditions") or []}
    if pluck(pod, "status", "phase") == "Succeeded":
        return True
    return all(conditions.get(name) == "True" for name in ("PodScheduled", "Initialized", "Ready"))


def pod_problems(pod: Object) -> tuple[str, ...]:
    """Why a Pod is not ready: scheduling, then each container's state; nothing for a ready one."""
    return problems_of_all([pod])


def problems_of_all(pods: Iterable[Object]) -> tuple[str, ...]:
    """Why Pods are not ready; what several say alike is said once, with how many they are."""
    told: dict[str, list[str]] = {}
    for pod in pods:
        for text in dict.fromkeys(_problems(pod)):
            told.setdefault(text, []).append(qualified_name(pod))
    return tuple(
        f"[Pod {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}]: {text}"
        for text, names in told.items()
    )


def _problems(pod: Object) -> list[str]:
    if pod_ready(pod):
        return []
    statuses = [
        status for key in ("initContainerStatuses", "containerStatuses") for status in pluck(pod, "status", key) or []
    ]
    found = [text for status in statuses for text in _container_problems(status)]
    if not found:
        found = [
            f"[{condition['reason']}] {condition['message']}" if condition.get("reason") else str(condition["message"])
            for condition in pluck(pod, "status", "conditions") or []
            if condition.get("status") != "True" and condition.get("message")
        ]
    if not found and pluck(pod, "status", "message"):
        found = [str(pluck(pod, "status", "message"))]
    return found


def _container_problems(status: Object) -> list[str]:
    if status.get("ready"):
        return []
    name, found = status.get("name"), []
    waiting = pluck(status, "state", "waiting") or {}
    if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
        found.append(f"container {name!r}: [{waiting['reason']}] {waiting.get('message') or ''}".rstrip())
    for key in ("state", "lastState"):
        ended = pluck(status, key, "terminated") or {}
        if ended.get("exitCode"):
            text = f"container {name!r} ended with exit code {ended['exitCode']} ({ended.get('reason') or 'Error'})"
            found.append(f"{text}: {ended['message'].strip()}" if ended.get("message") else text)
    return found
