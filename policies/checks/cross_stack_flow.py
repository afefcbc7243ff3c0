"""FLO-001: what a stack reads from another is no more sensitive than itself, or declassified by name.

Policies are not shown reads, so the pack judges what `StackReading` says of itself, and that everything read comes
through one. Whether it says the truth shows in the engine's events (`policies.flow`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policies.reading import READING, is_reference, needed, reference_of
from policies.subject import Concern, Violation
from policies.values import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policies.subject import Subject

CONCERN = Concern(types=frozenset({READING}))


def check(subject: Subject) -> Iterator[Violation]:
    """What a reading names, and the way of the data from there to here."""
    if subject.type != READING:
        return
    faults = [*_shape(subject)]
    yield from faults
    if not faults:
        props, stack = subject.props, subject.stack
        here = f"{stack.project}/{stack.name}"
        allowed = needed(
            props["fromStack"], props["fromCategory"], here, stack.category, props["outputs"], subject.facts
        )
        if allowed:
            got = f"outputs of {props['fromStack']}, which holds {props['fromCategory']} data"
            yield Violation("fromCategory", got, allowed, public=True)


def check_stack(subjects: Sequence[Subject]) -> Iterator[tuple[str, Violation]]:
    """What anything is computed from is read by a reading of this program."""
    lawful = {reference_of(subject.urn) for subject in subjects if subject.type == READING}
    for subject in subjects:
        past = sorted(urn for urn in subject.depends_on - lawful if is_reference(urn))
        if past:
            got = f"outputs of {', '.join(urn.rpartition('::')[2] for urn in past)}, read by a StackReference alone"
            yield subject.urn, Violation("dependencies", got, "outputs that a StackReading reads", public=True)


def _shape(subject: Subject) -> Iterator[Violation]:
    props, facts = subject.props, subject.facts
    name = props.get("fromStack")
    if not isinstance(name, str) or name.count("/") != 1 or not all(part.strip() for part in name.split("/")):
        yield Violation("fromStack", name, "a stack in full, like project/stack")
    category = props.get("fromCategory")
    if not isinstance(category, str) or facts.profile.category(category) is None:
        known = ", ".join(one.id for one in facts.profile.categories)
        yield Violation("fromCategory", category, f"what that stack says it holds: one of {known}")
    department = props.get("fromDepartment")
    if not isinstance(department, str) or facts.register.department(department) is None:
        yield Violation("fromDepartment", department, "a department of the register, as that stack says")
    outputs: Any = props.get("outputs")
    if not isinstance(outputs, list) or not outputs:
        yield Violation("outputs", outputs, "the names of the outputs that are read")
        return
    for i, output in enumerate(outputs):
        if not isinstance(output, str) or not output.strip():
            yield Violation(join("outputs", str(i)), output, "the name of one output")
