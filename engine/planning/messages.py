"""What goes into the planner (events) and what comes out of it (instructions); plain data, every one can be logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from engine.provider import CheckFailure, DiffResult
    from engine.state import ResourceState
    from engine.steps import Goal, Step
    from engine.values import PropertyMap

# ---------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Registered:
    """The program registers (or reads) a resource; `token` names this registration in all that follows."""

    token: int
    goal: Goal


@dataclass(frozen=True, slots=True)
class Checked:
    """The provider checked the inputs; `error` is set when it could not."""

    token: int
    inputs: PropertyMap
    failures: tuple[CheckFailure, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Analyzed:
    """The policies saw the inputs and may have changed them. `refused`: a mandatory one is violated."""

    token: int
    inputs: PropertyMap
    refused: bool = False
    remediated: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Diffed:
    """The provider compared old and new; `error` is set when it could not."""

    token: int
    diff: DiffResult | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ProviderCompared:
    """Whether another provider means another place: then the resource must be replaced."""

    token: int
    replace: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step was done; `state` is what is so now. None: nothing is left. `found`: what a refresh found."""

    token: int
    step: Step
    state: ResourceState | None
    found: str = ""


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step failed; `state` is set when something exists nevertheless (partial failure)."""

    token: int
    step: Step
    state: ResourceState | None = None


@dataclass(frozen=True, slots=True)
class ProgramEnded:
    """The program is over; `failed`: it raised or exited otherwise."""

    failed: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """No new step may begin: interrupted, or state cannot be saved."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The run has failed outside the plan; `shown`: people were told all there is to tell."""

    shown: bool


@dataclass(frozen=True, slots=True)
class Finishing:
    """Nothing is left to do but to give the root stack its outputs."""


@dataclass(frozen=True, slots=True)
class OutputsRegistered:
    """A component is complete; the root stack's outputs are kept until the end."""

    token: int
    urn: str
    outputs: PropertyMap


Event: TypeAlias = (
    Registered
    | Checked
    | Analyzed
    | Diffed
    | ProviderCompared
    | StepEnded
    | StepFailed
    | OutputsRegistered
    | ProgramEnded
    | Stopped
    | Failed
    | Finishing
)

# ---------------------------------------------------------------- instructions


@dataclass(frozen=True, slots=True)
class Check:
    """Ask the provider to check inputs; answer with Checked."""

    token: int
    urn: str
    type: str
    provider: str
    old_inputs: PropertyMap | None
    news: PropertyMap


@dataclass(frozen=True, slots=True)
class Analyze:
    """Ask the policies; answer with Analyzed."""

    token: int
    urn: str
    goal: Goal
    inputs: PropertyMap


@dataclass(frozen=True, slots=True)
class Diff:
    """Ask the provider to compare; answer with Diffed."""

    token: int
    old: ResourceState
    urn: str
    provider: str
    news: PropertyMap
    ignore_changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompareProviders:
    """Ask the new provider whether moving from the old one forces replacement; answer with ProviderCompared."""

    token: int
    old_provider: ResourceState
    new_provider: str


@dataclass(frozen=True, slots=True)
class Run:
    """Do a step; answer with StepEnded or StepFailed."""

    token: int
    step: Step


@dataclass(frozen=True, slots=True)
class RunTogether:
    """Do steps in any order, at once where possible; answer each with StepEnded or StepFailed."""

    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Tell the program what became of its resource."""

    token: int
    state: ResourceState
    result: Literal["success", "fail", "skip"] = "success"


@dataclass(frozen=True, slots=True)
class Reject:
    """Tell the program that the engine is going down."""

    token: int


@dataclass(frozen=True, slots=True)
class Report:
    """Show a message to people."""

    severity: Literal["error", "warning", "info"]
    message: str
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Marked:
    """An old copy stays in the state for now: to be deleted at the end, or deleted already and to be created again."""

    old: ResourceState
    marked: ResourceState


@dataclass(frozen=True, slots=True)
class Renamed:
    """An alias matched: references to the old URN mean the new one."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Complete:
    """A component has its outputs; `before` is its state without them."""

    before: ResourceState
    after: ResourceState
    step: Step


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing is left to do."""


Instruction: TypeAlias = (
    Check
    | Analyze
    | Diff
    | CompareProviders
    | Run
    | RunTogether
    | Answer
    | Reject
    | Report
    | Marked
    | Renamed
    | Complete
    | Finished
)
