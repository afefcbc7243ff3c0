"""Nodes that are set apart for a department: who has to run on them, and who may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from inventories.labels import DEDICATED_LABEL
from policies.subject import Violation
from policies.values import MALFORMED, at, join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.objects import Pod

_ELSEWHERE: Final = "nothing: these nodes are set apart for others"


def kept_apart(pod: Pod, department: str, *, dedicated: bool, in_full: bool) -> Iterator[Violation]:
    """A pod that needs its department's nodes asks for them, and no other pod comes onto any department's.

    `in_full`: whether the pod says all of itself, which the part of one in a patch does not.
    """
    own = department if dedicated and department else None
    yield from _selected(pod, own, in_full=in_full)
    yield from _tolerated(pod, own)


def _selected(pod: Pod, own: str | None, *, in_full: bool) -> Iterator[Violation]:
    path = join(join(pod.path, "nodeSelector"), DEDICATED_LABEL)
    selected: Any = at(pod.spec, "nodeSelector", DEDICATED_LABEL)
    if selected is not None or (own and in_full):
        if own is None:
            yield Violation(path, selected, _ELSEWHERE)
        elif selected != own:
            yield Violation(path, selected, f"{own}: pods of this category run on nodes of their department")
    node = pod.spec.get("nodeName")
    if own and node not in (None, ""):
        yield Violation(join(pod.path, "nodeName"), node, "nothing: the node is the scheduler's to choose")


def _tolerated(pod: Pod, own: str | None) -> Iterator[Violation]:
    """A toleration without a key tolerates every taint."""
    path, listed = join(pod.path, "tolerations"), pod.spec.get("tolerations")
    if listed is not None and not isinstance(listed, list):
        yield Violation(path, listed, "a list")
        return
    for index, one in enumerate(listed or ()):
        here = f"{path}[{index}]"
        key: Any = at(one if isinstance(one, dict) else _unread(one), "key")
        if isinstance(key, str) and key not in ("", DEDICATED_LABEL):
            continue
        if not isinstance(key, str | None):
            yield Violation(join(here, "key"), key, "a key by name")
        elif key != DEDICATED_LABEL:
            yield Violation(join(here, "key"), key, "a key by name, not every taint there is")
        elif own is None:
            yield Violation(join(here, "key"), key, _ELSEWHERE)
        elif one.get("operator") not in (None, "Equal"):
            yield Violation(join(here, "operator"), one.get("operator"), "Equal")
        elif one.get("value") != own:
            yield Violation(join(here, "value"), one.get("value"), own)


def _unread(value: Any) -> Any:
    return MALFORMED if value is None or isinstance(value, str | int | float | list) else value
