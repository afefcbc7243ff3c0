"""Outputs of another stack, read only where its data may go."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pulumi

from components.args import StackReadingArgs
from components.governance import Law
from inventories.faults import Fault
from inventories.models import Category
from inventories.questions import Questions
from inventories.settings import Settings
from inventories.yaml_source import nearest

_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_UNPUBLISHED: Final = "put that stack up once with a program that exports its category and department in plain text"


class StackReading(pulumi.ComponentResource):
    """Named outputs of a stack that is no more sensitive than this one, or that are declassified by name.

    `values`: each output by its name. Raises OnshoreError, `refused`, before anything is registered: a stack that does
    not exist or does not say whose data of which category it holds, an output that it does not have, and what FLO-001
    forbids.
    """

    values: dict[str, pulumi.Output[Any]]

    def __init__(
        self,
        name: str,
        args: StackReadingArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        settings: Settings | None = None,
    ) -> None:
        lawful = _judged(name, args, settings or Settings.load(Path.cwd()))
        super().__init__("onshore:index:StackReading", name, lawful.inputs, opts)
        # The name is how the policy pack knows that this reference is a reading's.
        child = pulumi.ResourceOptions(parent=self)
        reference = pulumi.StackReference(f"{name}-outputs", f"{pulumi.get_organization()}/{lawful.stack}", child)
        self.values = {output: reference.require_output(output) for output in lawful.outputs}
        self.register_outputs({})


@dataclass(frozen=True)
class _Lawful:
    """A reading that the law allows: what is read, from where to where."""

    stack: str
    read: Category
    department: str
    own: Category
    outputs: list[str]

    @property
    def inputs(self) -> dict[str, Any]:
        """Plain values, known in every preview."""
        return {
            "category": self.own.id,
            "department": pulumi.Config("onshore").get("department"),
            "fromStack": self.stack,
            "fromCategory": self.read.id,
            "fromDepartment": self.department,
            "outputs": self.outputs,
        }


def _judged(name: str, args: StackReadingArgs, settings: Settings) -> _Lawful:
    """Ask everything that may stand against a reading; raises OnshoreError."""
    questions = Questions(name)
    stack = _named(questions, name, args.get("stack"))
    wanted = _wanted(questions, name, args.get("outputs"))
    questions.settle()
    full = f"{pulumi.get_organization()}/{stack}"
    published = _published(questions, full)
    law = Law.load(settings)
    own = _own_category(questions, law)
    questions.faults += [
        Fault(full, "has no such output", output, fix=nearest(output, sorted(published["outputs"])))
        for output in wanted
        if output not in published["outputs"]
    ]
    read, department = _facts(questions, full, published, law)
    questions.settle()
    if own is None or read is None:
        raise AssertionError(name)  # settle has raised
    questions.faults += _flow_faults(_Lawful(stack, read, department, own, wanted), settings, law)
    questions.settle()
    return _Lawful(stack, read, department, own, wanted)


def _named(questions: Questions, name: str, stack: object) -> str:
    """A stack as `project/stack`; `stack` alone is one of this project."""
    parts = stack.split("/") if isinstance(stack, str) else []
    if len(parts) == 1:
        parts = [pulumi.get_project(), *parts]
    if len(parts) != 2 or not all(part.strip(".") and set(part) <= _NAME for part in parts):
        got = stack if isinstance(stack, str) else type(stack).__name__
        questions.faults.append(Fault(f"{name}: stack", "not one stack", got, fix="write it like project/stack"))
    return "/".join(parts)


def _wanted(questions: Questions, name: str, outputs: object) -> list[str]:
    if isinstance(outputs, list) and outputs and all(isinstance(one, str) and one for one in outputs):
        return sorted(set(outputs))
    fix = "write the names of the outputs as a list of text, known before anything is made"
    questions.faults.append(Fault(f"{name}: outputs", "does not name outputs", fix=fix))
    return []


def _published(questions: Questions, full: str) -> dict[str, Any]:
    """A stack's outputs and the names of its secret ones, read without registering anything."""
    try:
        answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": full}).value
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
        reason = str(error).strip().rpartition("\n")[2] or type(error).__name__
        fix = "correct its name, or put it up first"
        questions.faults.append(Fault(full, "cannot be read", reason, fix=fix))
        questions.settle()
    found: dict[str, Any] = answer if isinstance(answer, dict) else {}
    outputs, secret = found.get("outputs"), found.get("secretOutputNames")
    return {"outputs": outputs if isinstance(outputs, dict) else {}, "secret": secret or []}


def _own_category(questions: Questions, law: Law) -> Category | None:
    """This stack's category by its configuration: what a program says of itself would be its own judge."""
    name = pulumi.Config("onshore").get("category") or ""
    category = law.profile.category(name)
    if category is None:
        fix = "write `onshore:category: CATEGORY` into the stack's file"
        questions.faults.append(Fault("onshore:category", "not a category", name, fix=fix))
    return category


def _facts(questions: Questions, full: str, published: dict[str, Any], law: Law) -> tuple[Category | None, str]:
    """Whose data of which category a stack says it holds; what it keeps secret it does not say."""
    said = {
        key: value
        for key, value in published["outputs"].items()
        if isinstance(value, str) and key not in published["secret"]
    }
    name, department = said.get("category", ""), said.get("department", "")
    category = law.profile.category(name)
    if category is None:
        questions.faults.append(Fault(full, "does not say which category of data it holds", name, fix=_UNPUBLISHED))
    if law.register.department(department) is None:
        questions.faults.append(Fault(full, "does not say whose data it holds", department, fix=_UNPUBLISHED))
    return category, department


def _flow_faults(asked: _Lawful, settings: Settings, law: Law) -> list[Fault]:
    """What stands against data of one category going into a stack of another."""
    if asked.read.rank <= asked.own.rank:
        return []
    here = f"{pulumi.get_project()}/{pulumi.get_stack()}"
    opened = settings.load_declassifications()
    covering = [record for record in opened if record.covers(asked.stack, here, asked.outputs)]
    if any(record.state(on=law.on) == "in force" for record in covering):
        return []
    told = [f"{record.id}: {record.state(on=law.on)}, {record.starts_on} to {record.ends_on}" for record in covering]
    what = f"FLO-001: holds {asked.read.id} data, and this stack is for {asked.own.id} data"
    why = "; ".join(told) or f"no declassification names {here} and all of these outputs"
    fix = "read less, raise this stack's category, or have these outputs declassified"
    return [Fault(asked.stack, what, ", ".join(asked.outputs), why, fix)]
