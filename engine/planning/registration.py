"""How far one registration has come, and the steps that can come of it (pure)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.state import ResourceState
from engine.steps import Goal, Op, Step
from engine.urn import split_reference

if TYPE_CHECKING:
    from engine.planning.dependents import Dependents
    from engine.planning.diffing import Decision
    from engine.provider import CheckFailure
    from engine.values import PropertyMap

_REPLACEMENTS = ("create-replacement", "import-replacement", "read-replacement")


@dataclass(slots=True)
class Registration:
    """One resource on its way through the planner. `old`: its record, if it has one; `chain`: steps still to do."""

    token: int
    goal: Goal
    urn: str
    old: ResourceState | None
    inputs: PropertyMap = field(default_factory=dict)
    stage: str = "new"
    recreating: bool = False
    remediated: bool = False
    imported: bool = False
    decision: Decision | None = None
    dependents: Dependents | None = None
    chain: deque[Step] = field(default_factory=deque)

    def recorded(self) -> ResourceState:
        """The record; raises ValueError when there is none."""
        if self.old is None:
            raise ValueError(f"{self.urn} has no recorded state")
        return self.old

    def step(
        self, op: Op, *, decision: Decision | None = None, keys: tuple[str, ...] = (), logical: bool = True
    ) -> Step:
        """A step towards the goal, with the reasons a decision gives."""
        return Step(
            op,
            self.urn,
            self.goal.type,
            self.old,
            self.new_state(),
            keys=decision.keys if decision else keys,
            diffs=decision.diffs if decision else (),
            detailed=decision.detailed if decision else None,
            logical=logical and op not in _REPLACEMENTS,
            call=self.goal.custom,
        )

    def replacement_steps(self, *, delete_first: bool) -> list[Step]:
        """The new copy and the marker that counts it."""
        create = self.step("create-replacement", decision=self.decision)
        marker = self.step("replace", decision=self.decision)
        return [marker, create] if delete_first else [create, marker]

    def new_state(self) -> ResourceState:
        """The state the goal asks for; id and outputs come from the provider."""
        goal, old = self.goal, self.old
        return ResourceState(
            urn=self.urn,
            type=goal.type,
            custom=goal.custom,
            id=goal.read_id if goal.read_id is not None else "",
            inputs=self.inputs,
            parent=goal.parent,
            protect=bool(goal.protect),
            external=goal.read_id is not None,
            dependencies=goal.dependencies,
            provider=goal.provider,
            property_dependencies=goal.property_dependencies,
            additional_secret_outputs=goal.additional_secret_outputs,
            custom_timeouts=goal.custom_timeouts,
            import_id=goal.import_id,
            retain_on_delete=bool(goal.retain_on_delete),
            deleted_with=goal.deleted_with,
            created=old.created if old else "",
            modified=old.modified if old else "",
            source_position=goal.source_position,
            stack_trace=goal.stack_trace,
            ignore_changes=goal.ignore_changes,
            hide_diff=goal.hide_diff,
            replace_on_changes=goal.replace_on_changes,
        )

    def imports(self) -> bool:
        """Whether an existing resource is to be adopted that is not recorded yet."""
        goal, old = self.goal, self.old
        if not goal.custom or not goal.import_id:
            return False
        return old is None or old.external or goal.import_id not in (old.id, old.import_id)

    def failure_text(self, failure: CheckFailure, inputs: PropertyMap) -> str:
        """What the provider refuses, in the words of diagnostics 2002 and 2003."""
        who = f"{self.goal.type} resource '{self.goal.name}'"
        if not failure.property:
            return f"{who} has a problem: {failure.reason}"
        shown = inputs.get(failure.property)
        value = f" value {{{shown}}}" if isinstance(shown, (str, int, float)) else ""
        return f"{who}: property {failure.property}{value} has a problem: {failure.reason}"


def default_provider_disabled(package: str, wanted_by: str) -> str:
    """What `pulumi:disable-default-providers` refuses, in the words of diagnostic 2015."""
    return f"Default provider for '{package}' disabled. '{wanted_by}' must use an explicit provider."


def needs(goal: Goal) -> set[str]:
    """The URNs of everything a goal refers to."""
    urns = {goal.parent, goal.deleted_with, *goal.dependencies}
    for dependencies in goal.property_dependencies.values():
        urns.update(dependencies)
    if goal.provider:
        urns.add(split_reference(goal.provider)[0])
    return urns - {""}


def replaces(step: Step) -> bool:
    """Whether the step makes a new copy beside an old one."""
    return step.op in _REPLACEMENTS


def removal(state: ResourceState, op: Op, going: frozenset[str] = frozenset(), *, replacing: bool = False) -> Step:
    """The step that takes a recorded resource away; `going`: URNs that go as well, which spares some a call."""
    if state.pending_replacement and not replacing:
        return Step("remove-pending-replace", state.urn, state.type, state, logical=False, call=False)
    if state.external:
        op = "discard-replaced" if op == "delete-replaced" else "discard"
    call = state.custom and not state.external and not state.retain_on_delete and state.deleted_with not in going
    logical = op in ("delete", "discard")
    return Step(op, state.urn, state.type, state, logical=logical, call=call, replacing=replacing)
