"""Whose a stack is and which data it holds, as far as its file says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from audit.values import opened, text
from inventories.labels import CATEGORY_LABEL, DEPARTMENT_LABEL
from policies.subject import STACK_TYPE, Facts, StackFacts
from policies.values import at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inventories.models import Category

_COMPONENTS: Final = "onshore:index:"


@dataclass(slots=True)
class _Said:
    """What one kind of witness says."""

    categories: set[str] = field(default_factory=set)
    departments: set[str] = field(default_factory=set)

    def hear(self, category: Any, department: Any) -> None:
        self.categories |= {category} if isinstance(category, str) else set()
        self.departments |= {department} if isinstance(department, str) else set()


def owner(records: Iterable[dict[str, Any]], config: Mapping[str, Any], facts: Facts) -> StackFacts:
    """The stack: by its configuration, else its outputs, else the project's components, else the labels of its objects.

    The first of these that names a category decides, by the strictest it names. A file that names none, or one that
    nobody knows, is judged by the strictest category there is.
    """
    told, outputs, components, labels = _Said(), _Said(), _Said(), _Said()
    told.hear(config.get("onshore:category"), config.get("onshore:department"))
    name = project = ""
    for record in records:
        type_, parts = text(record.get("type")), text(record.get("urn")).split("::")
        if type_ == STACK_TYPE or not name:
            name, project = parts[0].removeprefix("urn:pulumi:"), parts[1] if len(parts) > 1 else ""
        if type_ == STACK_TYPE:
            own = opened(record.get("outputs"))
            outputs.hear(own.get("category"), own.get("department"))
        elif type_.startswith(_COMPONENTS):
            own = opened(record.get("inputs"))
            components.hear(own.get("category"), own.get("department"))
        elif type_ in facts.types.kinds:
            found = opened(at(record, "inputs", "metadata", "labels"))
            labels.hear(found.get(CATEGORY_LABEL), found.get(DEPARTMENT_LABEL))
    witnesses = (told, outputs, components, labels)
    categories = next((each.categories for each in witnesses if each.categories), set())
    departments = next((each.departments for each in witnesses if each.departments), set())
    category = _strictest(categories, facts)
    known = {"onshore:category": category.id} if category else {}
    if departments:
        known["onshore:department"] = min(departments)
    return StackFacts(name, project, category, known, state=None)


def _strictest(names: set[str], facts: Facts) -> Category | None:
    found = [facts.profile.category(name) for name in names]
    known = [category for category in found if category]
    return max(known, key=lambda category: category.rank) if known and len(known) == len(found) else None
