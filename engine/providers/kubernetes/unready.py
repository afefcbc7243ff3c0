"""A Job that is to be replaced because it is not ready: only a look at the cluster can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.provider import ProviderError
from engine.providers.kubernetes.objects import Object, annotation_true, split_checkpoint
from engine.providers.kubernetes.readiness import RULES
from engine.providers.kubernetes.verdict import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.providers.kubernetes.cluster import Cluster
    from engine.values import PropertyMap


def replaces_unready(new: Object, olds: PropertyMap, cluster: Cluster | None, warn: Callable[[str], None]) -> bool:
    """Whether the annotation asks to replace a Job that is not ready, and it is not; a failure to look is a no."""
    if not annotation_true(new, "pulumi.com/replaceUnready"):
        return False
    if new.get("kind") != "Job" or cluster is None:
        why = "the cluster is unreachable" if cluster is None else "it is only supported for Jobs"
        warn(f"pulumi.com/replaceUnready is ignored: {why}")
        return False
    try:
        live = cluster.get(split_checkpoint(olds)[1])
    except ProviderError:
        return False
    return not RULES["batch/v1/Job"].judge(live, Surroundings()).ready
