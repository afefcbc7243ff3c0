"""What an interrupted run may have made and nobody recorded: under which name, and whether an object is it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.providers.kubernetes.apply import created_here
from engine.providers.kubernetes.diff import diff_object
from engine.providers.kubernetes.objects import (
    AUTONAMED,
    Object,
    annotation_true,
    checkpoint,
    metadata_text,
    plain,
    pluck,
    qualified_name,
)

if TYPE_CHECKING:
    from engine.provider import ResourceId


def name_tried(resource: ResourceId) -> str:
    """The name that was made up for the resource before, "" where none is to be taken again."""
    tried = _tried(resource)
    return metadata_text(tried, "name") if annotation_true(tried, AUTONAMED) else ""


def made_before(resource: ResourceId, live: Object) -> bool:
    """Whether a live object is what the interrupted creation made.

    Nobody else would have made up its name; one with a name of the program's must have been created by this provider,
    and be just what was tried: else it may be another's.
    """
    tried = _tried(resource)
    if qualified_name(tried) != qualified_name(live) or pluck(live, "metadata", "deletionTimestamp"):
        return False
    if annotation_true(tried, AUTONAMED):
        return True
    as_tried = checkpoint(live, tried, {}, "", "")
    return created_here(live) and not diff_object(as_tried, tried, namespaced=True, patch=False).changes


def _tried(resource: ResourceId) -> Object:
    """The object whose creation was interrupted; empty where the state has one of that name, which is no other."""
    tried: Object = plain(resource.interrupted or {})
    return {} if qualified_name(tried) in resource.recorded else tried
