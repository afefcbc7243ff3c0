"""The client-side diff of an object: what new inputs change in the live object, where earlier inputs spoke of it. Pure.

Shape and rules follow pulumi-kubernetes (`provider.go`: Diff, convertPatchToDiff): the old side is the live object cut
to the shape of the old inputs, the change is a JSON merge patch (RFC 7386), lists are compared by position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.paths import contains, parse
from engine.provider import DiffResult, PropertyDiff
from engine.providers.kubernetes.normalise import normalise, prune
from engine.providers.kubernetes.objects import AUTONAMED, annotation_true, metadata_text, plain, split_checkpoint
from engine.providers.kubernetes.replacement import Path, replacing_paths, touches
from engine.values import UNKNOWN

if TYPE_CHECKING:
    from engine.provider import DiffKind
    from engine.providers.kubernetes.objects import Object
    from engine.values import PropertyMap

_MISSING: Final = object()
_REPLACE: Final[dict[DiffKind, DiffKind]] = {
    "add": "add-replace",
    "update": "update-replace",
    "delete": "delete-replace",
}


def diff_object(
    outputs: PropertyMap,
    news: PropertyMap,
    *,
    namespaced: bool,
    patch: bool,
    ignore_changes: tuple[str, ...] = (),
    config_map_mutable: bool = False,
    secret_mutable: bool = False,
    unready_job: bool = False,
) -> DiffResult:
    """What changes from earlier outputs (a checkpoint) to new checked inputs, and whether it needs a new object.

    `unready_job`: the live Job failed and its owner asked, by annotation, to replace it then.
    """
    old_inputs, live = split_checkpoint(outputs)
    new = normalise(plain(news))
    old = prune(live, normalise(old_inputs))
    _align(old, new, live, namespaced=namespaced)
    collector = _Collector(
        replacing_paths(new, patch=patch, config_map_mutable=config_map_mutable, secret_mutable=secret_mutable)
    )
    collector.walk((), _merge_patch(old, new), old, new, old, in_list=False)
    ignored = [parse(path) for path in ignore_changes]
    detailed = {
        render(path): change
        for path, change in collector.found.items()
        if not any(contains(ignore, path) for ignore in ignored)
    }
    replaces = tuple(
        path
        for path, change in detailed.items()
        if change.kind.endswith("-replace") or (change.kind == "delete" and path == "metadata")
    )
    if unready_job:
        replaces += ('.metadata.annotations["pulumi.com/replaceUnready"]',)
    same_object = (
        metadata_text(new, "name") == metadata_text(live, "name")
        and metadata_text(new, "namespace") == metadata_text(live, "namespace")
        and not annotation_true(new, AUTONAMED)
    )
    return DiffResult(
        changes=bool(detailed) or unready_job,
        replaces=replaces,
        detailed=detailed,
        delete_before_replace=bool(replaces) and metadata_text(new, "name") != "" and same_object,
    )


def render(path: Path) -> str:
    """The text of a path; keys with dots, quotes or brackets are quoted."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif any(character in step for character in '."[]'):
            escaped = step.replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{step}" if text else step
    return text


def _align(old: Object, new: Object, live: Object, *, namespaced: bool) -> None:
    """Take off the differences that are none: the default namespace, versions, a name that was generated."""
    for obj in (old, new):
        metadata = obj.get("metadata")
        if metadata is UNKNOWN:
            continue
        metadata = obj["metadata"] = dict(metadata) if isinstance(metadata, dict) else {}
        if not namespaced:
            metadata.pop("namespace", None)
        elif metadata.get("namespace") in (None, ""):
            metadata["namespace"] = "default"
        if obj is old:
            metadata.pop("resourceVersion", None)
    old.setdefault("apiVersion", new.get("apiVersion"))
    old.setdefault("kind", new.get("kind"))
    if metadata_text(new, "name") and metadata_text(live, "name"):
        old["metadata"]["name"] = metadata_text(live, "name")


def _same(a: Any, b: Any) -> bool:
    """Equality of JSON values: a bool is no number, 1 and 1.0 are one."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def _merge_patch(old: Object, new: Object) -> Object:
    patch: Object = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif isinstance(old[key], dict) and isinstance(value, dict):
            if inner := _merge_patch(old[key], value):
                patch[key] = inner
        elif not _same(old[key], value):
            patch[key] = value
    return patch


def _at(items: Any, index: int) -> Any:
    return items[index] if isinstance(items, list) and index < len(items) else None


def _get(items: Any, key: str) -> Any:
    return items.get(key, _MISSING) if isinstance(items, dict) else _MISSING


class _Collector:
    """Walks a merge patch beside the old object and the inputs, and collects the changed paths."""

    def __init__(self, replacing: tuple[Path, ...]) -> None:
        self.found: dict[Path, PropertyDiff] = {}
        self._replacing = replacing

    def walk(self, path: Path, patch: Object, old: Any, new_input: Any, old_input: Any, *, in_list: bool) -> None:
        """One level of a map; inside a list the patch holds the whole element, so missing keys are deletions."""
        changed: Object = dict(patch)
        if in_list:
            changed |= {key: None for key in old if key not in patch}
        for key, value in changed.items():
            self._value(
                (*path, key), value, _get(old, key), _get(new_input, key), _get(old_input, key), in_list=in_list
            )

    def _list(self, path: Path, patch: list[Any], old: list[Any], new_input: Any, old_input: Any) -> None:
        for index in range(max(len(patch), len(old))):
            value = patch[index] if index < len(patch) else None
            before = old[index] if index < len(old) else _MISSING
            self._value((*path, index), value, before, _at(new_input, index), _at(old_input, index), in_list=True)

    def _value(self, path: Path, value: Any, old: Any, new_input: Any, old_input: Any, *, in_list: bool) -> None:
        if new_input is _MISSING and (value is not None or old_input is _MISSING):
            return  # the server filled it in, nobody asked for it
        if value is UNKNOWN and isinstance(old, dict):
            # An unknown map may lose any key it had: each is reported.
            self.walk(path, dict.fromkeys(old), old, {}, old_input, in_list=in_list)
            return
        if isinstance(value, dict) and isinstance(old, dict):
            self.walk(path, value, old, new_input, old_input, in_list=in_list)
            return
        if isinstance(value, list) and isinstance(old, list):
            self._list(path, value, old, new_input, old_input)
            return
        kind: DiffKind
        if value is None:
            kind = "delete"
        elif old is _MISSING:
            kind = "add"
        elif _same(value, old):
            return
        else:
            kind = "update"
        removed = kind == "delete"
        if any(touches(path, value, replacing) for replacing in self._replacing):
            kind = _REPLACE[kind]
        self.found[path] = PropertyDiff(kind=kind, input_diff=removed)
