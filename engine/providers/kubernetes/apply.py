"""Server-side apply as Pulumi does it: whose fields are whose, what to leave out, when to insist. Pure.

Field ownership: https://kubernetes.io/docs/reference/using-api/server-side-apply/.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from engine.paths import parse
from engine.providers.kubernetes.objects import Object, annotation_true, pluck

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.providers.kubernetes.replacement import Path

APPLY_TYPE: Final = "application/apply-patch+yaml"
JSON_PATCH_TYPE: Final = "application/json-patch+json"
CREATE_MANAGER: Final = "pulumi-kubernetes"
_CONFLICT_HELP: Final = (
    "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/"
    "#handle-field-conflicts-on-existing-resources"
)
_CONFLICT_CHOICES: Final = (
    "Choose whose the field is:",
    "  - theirs: leave it out of the program, or name it in ignoreChanges;",
    '  - ours: the annotation pulumi.com/patchForce: "true" takes it over (enablePatchForce on the provider: for all);',
    "  - ours, once the other tool no longer sets it.",
)
_OWN_UPDATERS: Final = ("pulumi-kubernetes", "pulumi-kubernetes.exe", "pulumi-resource-kubernetes")
# Prefixes of managers whose fields become ours on the first update: our own create call, and kubectl's.
_ADOPTED: Final = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    *((name, "Update") for name in _OWN_UPDATERS),
)


def conflict_text(manager: str, message: str, causes: Iterable[Object]) -> str:
    """Why an apply was refused: who holds which field, and what can be done about it."""
    held = dict.fromkeys(
        f"  {cause.get('field')} is held by {str(cause.get('message') or '').removeprefix('conflict with ')}"
        for cause in causes
        if cause.get("reason") == "FieldManagerConflict"
    )
    return "\n".join(
        [
            f"server-side apply field conflict detected, see {_CONFLICT_HELP} for troubleshooting help",
            *held,
            *_CONFLICT_CHOICES,
            f'The resource managed by field manager "{manager}" had an apply conflict: {message}',
        ]
    )


def adopt_fields_patch(live: Object, manager: str) -> list[Object]:
    """A JSON patch that makes `manager` the applier of what earlier tools set; empty when there is nothing to do."""
    entries: list[Object] = pluck(live, "metadata", "managedFields") or []
    ours = next((e for e in entries if e.get("manager") == manager and e.get("operation") == "Apply"), None)
    kept, adopted = [], copy.deepcopy(ours)
    for entry in entries:
        if entry is ours:
            continue
        if not _adopts(entry):
            kept.append(entry)
        elif adopted is None:
            adopted = {**copy.deepcopy(entry), "manager": manager, "operation": "Apply"}
        else:
            adopted["fieldsV1"] = _union(adopted.get("fieldsV1") or {}, entry.get("fieldsV1") or {})
    if adopted is None or len(kept) + (ours is not None) == len(entries):
        return []
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*kept, adopted]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": pluck(live, "metadata", "resourceVersion")},
    ]


def _adopts(entry: Object) -> bool:
    name, operation = str(entry.get("manager")), entry.get("operation")
    return not entry.get("subresource") and any(name.startswith(prefix) and operation == op for prefix, op in _ADOPTED)


def _union(a: Object, b: Object) -> Object:
    merged = dict(a)
    for key, value in b.items():
        merged[key] = _union(merged[key], value) if isinstance(merged.get(key), dict) else value
    return merged


def insists(inputs: Object, live: Object | None, *, patch_force: bool, preview: bool) -> bool:
    """Whether fields of other managers are taken over instead of reported as conflict."""
    if patch_force or annotation_true(inputs, "pulumi.com/patchForce"):
        return True
    if live is None:
        return preview
    entries = pluck(live, "metadata", "managedFields") or []
    return not entries or (preview and created_here(live))


def created_here(live: Object) -> bool:
    """Whether this provider, under whichever engine, created the object and has not updated it since."""
    entries = pluck(live, "metadata", "managedFields") or []
    return any(e.get("operation") == "Update" and e.get("manager") in _OWN_UPDATERS for e in entries)


def without_ignored(inputs: Object, live: Object, manager: str, ignore_changes: Iterable[str]) -> Object:
    """The object to apply where some paths are not ours to change.

    A path that others own and we do not is left out, so that they keep it; else it is sent as it is in the cluster.
    """
    applied = copy.deepcopy(inputs)
    entries = pluck(live, "metadata", "managedFields") or []
    for text in ignore_changes:
        path = parse(text)
        owners = {e.get("manager") == manager for e in entries if _owns(e.get("fieldsV1") or {}, path)}
        if owners == {False}:
            _remove(applied, path)
        elif (value := pluck(live, *path)) is not None:
            _set(applied, path, copy.deepcopy(value))
    return applied


def _owns(fields: Any, path: Path) -> bool:
    for step in path:
        if not isinstance(fields, dict) or f"f:{step}" not in fields:
            return False
        fields = fields[f"f:{step}"]
    return True


def _remove(obj: Object, path: Path) -> None:
    parent = pluck(obj, *path[:-1])
    if isinstance(parent, dict):
        parent.pop(str(path[-1]), None)


def _set(obj: Object, path: Path, value: Any) -> None:
    target: Any = obj
    for step in path[:-1]:
        inner = pluck(target, step)
        if inner is None and isinstance(target, dict):
            inner = target[str(step)] = {}
        target = inner
    last = path[-1]
    if isinstance(target, dict):
        target[str(last)] = value
    elif isinstance(target, list) and isinstance(last, int) and last < len(target):
        target[last] = value


def identity(obj: Object) -> Object:
    """Only what names the object: applying it gives every field of the applying manager back."""
    metadata = {key: value for key in ("name", "namespace") if (value := pluck(obj, "metadata", key))}
    return {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind"), "metadata": metadata}
