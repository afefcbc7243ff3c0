"""Under which old names a resource may be recorded (pure; `pkg/resource/deploy/step_generator.go`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.steps import AliasSpec
from engine.urn import STACK_TYPE, make_urn, name_of, qualified_type

if TYPE_CHECKING:
    from engine.steps import Goal


def alias_urns(goal: Goal, urn: str, *, stack: str, project: str, old_parent: str) -> list[str]:
    """The URNs to look for, after the resource's own; `old_parent`: the alias by which the parent was found, or ""."""
    found = [alias if isinstance(alias, str) else _resolve(alias, goal, stack, project) for alias in goal.aliases]
    if old_parent:
        name = _child_name(goal.name, name_of(goal.parent), name_of(old_parent))
        found.append(make_urn(stack, project, old_parent, goal.type, name))
        for alias in goal.aliases:
            if isinstance(alias, AliasSpec) and alias.parent is None and not alias.no_parent:
                own = _child_name(alias.name or goal.name, name_of(goal.parent), name_of(old_parent))
                found.append(
                    make_urn(alias.stack or stack, alias.project or project, old_parent, alias.type or goal.type, own)
                )
    return [alias for alias in dict.fromkeys(found) if alias != urn]


def _resolve(alias: AliasSpec, goal: Goal, stack: str, project: str) -> str:
    parent = "" if alias.no_parent else (goal.parent if alias.parent is None else alias.parent)
    if parent and qualified_type(parent) == STACK_TYPE:
        parent = ""
    return make_urn(
        alias.stack or stack, alias.project or project, parent, alias.type or goal.type, alias.name or goal.name
    )


def _child_name(name: str, parent: str, old_parent: str) -> str:
    return old_parent + name.removeprefix(parent) if name.startswith(parent) else name
